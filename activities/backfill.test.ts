import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createVault } from '../adapters/crypto/fernet.ts';
import { createStores, type Stores } from '../adapters/postgres/stores.ts';
import { system } from '../domain/actor.ts';
import { addDays, dayIn } from '../domain/days.ts';
import { historyStart } from '../domain/history.ts';
import { TEST_FERNET_KEY } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { metaBench } from '../test/meta-simulator.ts';
import { connectTo, inActivity, syncActivities, syncOnce } from '../test/sync.ts';
import { createBackfillActivities } from './backfill.ts';

const bench = metaBench();
let db: TestDatabase;
let stores: Stores;
let tenantId: number;
let activities: ReturnType<typeof createBackfillActivities>;
let today: string;

const account = () => {
  const [first] = bench.simulator.world.accounts;
  if (first === undefined) throw new Error('no account');
  return first;
};

beforeAll(async () => {
  db = await testDatabase();
  stores = createStores(db.database, createVault([TEST_FERNET_KEY]), { onFallback: () => {} } as never);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  today = dayIn(account().timeZone, new Date());
  activities = createBackfillActivities({
    ...stores,
    meta: bench.freshClient(),
    cache: { invalidate: async () => {} },
    live: { publish: () => {}, subscribe: () => () => {} },
  });
  await connectTo(stores, bench, tenantId, [account()]);
});

const of = () => ({ tenantId, adAccountId: account().accountId });
const want = (since: string) => stores.adAccounts.wantHistory(tenantId, account().accountId, since, system('test'));
const firstSync = () => syncOnce(syncActivities(stores, bench), tenantId);

/** As the workflow does it; gives the slices that were read. */
async function readAll(most = 99): Promise<string[]> {
  const read: string[] = [];
  for (let i = 0; i < most; i++) {
    const plan = await activities.planBackfill(of());
    if (plan === null || !('slice' in plan)) break;
    await inActivity(() => activities.readHistory({ ...of(), slice: plan.slice }));
    read.push(`${plan.slice.since}..${plan.slice.until}`);
  }
  return read;
}

const sums = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.one(sql.type(z.object({ spend: z.string(), first: z.string(), rows: z.number() }))`
      SELECT sum(spend)::text AS spend, min(date)::text AS first, count(*) AS rows FROM meta_ads_insights`),
  );
async function theirs(since: string): Promise<number> {
  const { spend } = await bench.control<{ spend: string }>(
    `totals?account=${account().id}&since=${since}&until=${today}`,
  );
  return Math.round(Number(spend) * 100);
}

describe('The history of an account', () => {
  it("goes back to the day that was chosen, and adds up to Meta's own total", async () => {
    await firstSync();
    const since = historyStart(today, 8);
    await want(since);
    await readAll();
    const { spend, first } = await sums();
    expect(first >= since).toBe(true);
    expect(Math.round(Number(spend) * 100)).toBe(await theirs(since));
    expect(await activities.planBackfill(of())).toBeNull();
  });

  it('of 37 months asks for no day that Meta refuses', async () => {
    await firstSync();
    await want(historyStart(today, 37));
    const read = await readAll();
    expect(read.length).toBeGreaterThan(30);
    expect(read.at(-1)?.slice(0, 10)).toBe(historyStart(today, 37));
  });

  it('goes on where it stopped', async () => {
    await firstSync();
    await want(historyStart(today, 12));
    const [first] = await readAll(1);
    const rest = await readAll();
    expect(rest).not.toContain(first);
    expect(rest[0]?.endsWith(addDays(first?.slice(0, 10) ?? '', -1))).toBe(true);
  });

  it('waits for the regular sync, and until that brought the newest days', async () => {
    await want(historyStart(today, 12));
    expect(await activities.planBackfill(of())).toEqual({ waitMs: 60_000 });
    await firstSync();
    expect(await activities.planBackfill(of())).toMatchObject({ slice: expect.anything() });
    await stores.syncRuns.start(tenantId, { kind: 'scheduled', workflowRunId: 'running', accountsTotal: 1 });
    expect(await activities.planBackfill(of())).toEqual({ waitMs: 60_000 });
  });

  it('is no restatement, and leaves the account as it was synced', async () => {
    await firstSync();
    const [before] = await stores.adAccounts.listSelected(tenantId);
    await want(historyStart(today, 6));
    await readAll();
    expect(await stores.restatements.recent(tenantId)).toEqual([]);
    expect(await stores.adAccounts.listSelected(tenantId)).toEqual([before]);
  });

  it('is read no more once the connection is gone, or nobody wants it', async () => {
    await firstSync();
    expect(await activities.planBackfill(of())).toBeNull();
    await want(historyStart(today, 12));
    await stores.connections.markReconnectNeeded(tenantId, 'expired', null);
    expect(await activities.planBackfill(of())).toBeNull();
  });
});

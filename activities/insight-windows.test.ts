import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createVault } from '../adapters/crypto/fernet.ts';
import { createStores, type Stores } from '../adapters/postgres/stores.ts';
import { lastDays } from '../domain/days.ts';
import { AppError } from '../domain/error.ts';
import { TEST_FERNET_KEY } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { metaBench } from '../test/meta-simulator.ts';
import { connectTo, inActivity, syncActivities, syncOnce } from '../test/sync.ts';

const bench = metaBench();
let db: TestDatabase;
let stores: Stores;
let tenantId: number;
let now: Date;
let activities: ReturnType<typeof syncActivities>;

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
  now = new Date();
  activities = syncActivities(stores, bench, { now: () => now });
  await connectTo(stores, bench, tenantId, [account()]);
  await bench.control('settings', { insightsMaxRows: 25_000, reportPolls: 2 });
});

const booksOf = (tenant: number) =>
  db.database.inTenant(tenant, (tx) =>
    tx.any(sql.type(z.object({ id: z.string(), day: z.string(), spend: z.string(), leads: z.number() }))`
      SELECT meta_campaign_id AS id, date::text AS day, spend, leads FROM meta_ads_insights ORDER BY 1, 2`),
  );
/** The same account read page by page, by another tenant. */
async function readPlainly() {
  const other = await aTenant(db);
  await connectTo(stores, bench, other, [account()]);
  await syncOnce(syncActivities(stores, bench), other);
  return booksOf(other);
}
const calls = async () =>
  (await bench.control<{ calls: { method: string; path: string }[] }>('ledger')).calls.map(
    ({ method, path }) => `${method} ${path}`,
  );
const reportsStarted = async () =>
  (await calls()).filter((call) => call.startsWith('POST') && call.endsWith('/insights')).length;

/** The sync's insights as Temporal drives them: tried again after the delay that each refusal names. */
async function drive(most = 60): Promise<{ waits: number[] }> {
  const plan = await activities.planSync({ tenantId, workflowRunId: randomUUID() });
  const [first] = plan?.accounts ?? [];
  if (plan === null || first === undefined) throw new Error('no plan');
  const of = { tenantId, runId: plan.runId, adAccountId: first.adAccountId };
  await inActivity(() => activities.syncObjects(of));
  const waits: number[] = [];
  for (let slices = first.slices; slices.length > 0; ) {
    try {
      const { slicesDone } = await inActivity(() => activities.syncInsights({ ...of, slices: slices.slice(0, 1) }));
      slices = slices.slice(slicesDone);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'rate_limited' || waits.length >= most) throw error;
      waits.push(error.retryAfterMs ?? 0);
      now = new Date(now.getTime() + (error.retryAfterMs ?? 0));
    }
  }
  return { waits };
}

describe('A window with too many rows', () => {
  it('is read as a report, without holding a worker while it runs, and brings the same rows', async () => {
    const plain = await readPlainly();
    await bench.control('settings', { insightsMaxRows: 100 });
    const { waits } = await drive();
    expect(waits.length).toBeGreaterThan(2);
    expect(waits.every((ms) => ms === 10_000 || ms === 20_000)).toBe(true);
    expect(await booksOf(tenantId)).toEqual(plain);
  });

  it('goes on with the job that runs, after a crash too, instead of starting another', async () => {
    await bench.control('settings', { insightsMaxRows: 100, reportPolls: 4 });
    const before = await reportsStarted();
    await drive();
    expect((await reportsStarted()) - before).toBe(6); // three slices, books and detail of each
  });

  it('that an earlier run left half read is read anew by the next', async () => {
    await bench.control('settings', { insightsMaxRows: 100 });
    await expect(drive(3)).rejects.toMatchObject({ code: 'rate_limited' });
    await bench.control('restate', { days: 28 });
    await drive();
    const meta = await bench.control<{ spend: string }>(
      `totals?account=${account().id}&since=${lastDays(account().timeZone, now, 90).since}`,
    );
    const mine = (await booksOf(tenantId)).reduce((sum, { spend }) => sum + Math.round(Number(spend) * 100), 0);
    expect(mine).toBe(Math.round(Number(meta.spend) * 100));
  });

  it('of one level only is read again alone: what is whole is not asked for twice', async () => {
    await bench.control('faults', {
      match: { method: 'GET', path: `/${account().id}/insights` },
      kind: 'code',
      value: 1,
      times: 1,
    });
    const plan = await activities.planSync({ tenantId, workflowRunId: randomUUID() });
    const of = { tenantId, runId: plan?.runId ?? '', adAccountId: account().accountId };
    const slices = plan?.accounts[0]?.slices.slice(0, 1) ?? [];
    await inActivity(() => activities.syncObjects(of));
    const read = () => inActivity(() => activities.syncInsights({ ...of, slices }));
    await expect(read()).rejects.toMatchObject({ code: 'unavailable' });
    const before = (await calls()).length;
    await read();
    expect((await calls()).length - before).toBe(2); // one page of one level, and the control total
  });

  it('leaves nothing behind once it is whole', async () => {
    await bench.control('settings', { insightsMaxRows: 100 });
    await drive();
    const left = await db.database.inTenant(tenantId, (tx) =>
      tx.oneFirst(sql.type(z.object({ n: z.number() }))`SELECT count(*) AS n FROM insight_reports`),
    );
    expect(left).toBe(0);
  });

  it('whose reports fail three times is split, and still brings the same rows', async () => {
    const plain = await readPlainly();
    await bench.control('settings', { insightsMaxRows: 400 });
    await bench.control('faults', {
      match: { method: 'POST', path: `/${account().id}/insights` },
      kind: 'report_failed_100',
    });
    const before = await reportsStarted();
    await drive();
    expect((await reportsStarted()) - before).toBe(18); // three for each of three slices, for books and detail
    expect(await booksOf(tenantId)).toEqual(plain);
  });

  it('is waited for when Meta does not find the fresh report yet', async () => {
    await bench.control('settings', { insightsMaxRows: 100 });
    await bench.control('faults', {
      match: { method: 'POST', path: `/${account().id}/insights` },
      kind: 'report_missing',
      value: 2,
      times: 1,
    });
    const usual = await drive();
    const [first, second] = usual.waits;
    expect([first, second]).toEqual([10_000, 10_000]); // asked, not found, not found, running
    expect(usual.waits).toHaveLength(8); // four for this slice, two for each of the others: books and detail wait together
    expect((await booksOf(tenantId)).length).toBeGreaterThan(1000);
  });
});

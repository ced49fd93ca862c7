import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createVault } from '../adapters/crypto/fernet.ts';
import type { MetaClient } from '../adapters/meta/client.ts';
import { createStores, type Stores } from '../adapters/postgres/stores.ts';
import { addDays, dayIn } from '../domain/days.ts';
import { AppError } from '../domain/error.ts';
import { TEST_FERNET_KEY } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { metaBench } from '../test/meta-simulator.ts';
import { connectTo, inActivity, syncActivities, syncOnce } from '../test/sync.ts';

type Activities = ReturnType<typeof syncActivities>;

const bench = metaBench();
let db: TestDatabase;
let stores: Stores;
let tenantId: number;
let before: readonly unknown[];
/** A campaign and a day that Meta reported once and reports no more. */
let gone: { campaign: string; day: string };

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
  await bench.control('settings', { insightsMaxRows: 25_000, reportPolls: 2 });
  now = Date.now();
  tenantId = await aTenant(db);
  await connectTo(stores, bench, tenantId, [account()]);
  await syncOnce(syncActivities(stores, bench), tenantId);
  before = await books();
  gone = await addAnUnreportedDay();
  await missANight();
});

const books = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.any(sql.type(z.object({ id: z.string(), day: z.string(), spend: z.string() }))`
      SELECT meta_campaign_id AS id, date::text AS day, spend FROM meta_ads_insights ORDER BY 1, 2`),
  );
/** One of the last weeks' days on which a campaign delivers nothing by now. */
async function addAnUnreportedDay() {
  const today = dayIn(account().timeZone, new Date());
  return db.database.inTenant(tenantId, (tx) =>
    tx.one(sql.type(z.object({ campaign: z.string(), day: z.string() }))`
      INSERT INTO meta_ads_insights (tenant_id, meta_campaign_id, meta_account_id, date, currency, spend, impressions, clicks)
      SELECT ${tenantId}, c.meta_campaign_id, c.meta_account_id, d, c.currency, 77, 900, 3
      FROM meta_ads_campaigns c, generate_series(${addDays(today, -26)}::date, ${addDays(today, -4)}::date, interval '1 day') d
      WHERE c.tenant_id = ${tenantId} AND NOT EXISTS (SELECT FROM meta_ads_insights i
        WHERE i.tenant_id = c.tenant_id AND i.meta_campaign_id = c.meta_campaign_id AND i.date = d::date)
      ORDER BY c.meta_campaign_id, d LIMIT 1
      RETURNING meta_campaign_id AS campaign, date::text AS day`),
  );
}
/** The account's 28 days are due again. */
const missANight = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`UPDATE ad_accounts SET wide_synced_at = wide_synced_at - interval '2 days'`),
  );
const marks = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.anyFirst(
      sql.type(z.object({ mark: z.string() }))`SELECT level || ' ' || state AS mark FROM insight_reports ORDER BY 1`,
    ),
  );

let now: number;
const activitiesWith = (meta: Partial<MetaClient>) =>
  syncActivities(stores, bench, { meta: { ...bench.freshClient(), ...meta }, now: () => new Date(now) });

/**
 * The daily run, tried again after each refusal's delay as Temporal does. `dying` makes the tries until it breaks by itself, when its books are whole: what
 * those have in hand counts before what the detail has. Gives what was marked by then.
 */
async function dailyRun(dying: Activities | null = null): Promise<readonly string[]> {
  const whole = activitiesWith({});
  const plan = await whole.planSync({ tenantId, workflowRunId: randomUUID() });
  const [planned] = plan?.accounts ?? [];
  if (plan === null || planned === undefined) throw new Error('no plan');
  const of = { tenantId, runId: plan.runId, adAccountId: planned.adAccountId, slices: planned.slices, readFrom: now };
  let marked: readonly string[] = [];
  for (let activities = dying ?? whole; ; ) {
    const failure = await inActivity(() => activities.syncInsights(of)).then(
      () => null,
      (error: unknown) => error,
    );
    if (failure === null) return marked;
    if (!(failure instanceof AppError)) throw failure;
    now += failure.retryAfterMs ?? 0;
    if (failure.code === 'rate_limited') continue;
    expect(activities).toBe(dying);
    marked = await marks();
    activities = whole;
  }
}

async function* dying() {
  yield* [];
  throw new AppError('unavailable', 'the worker died');
}

async function expectItTakenBack(): Promise<void> {
  expect(await books()).toEqual(before);
  expect(await stores.restatements.recent(tenantId)).toMatchObject([
    { meta_campaign_id: gone.campaign, day: gone.day, spend_before: '77.00', spend_after: '0.00' },
  ]);
  expect(await stores.controlTotals.latest(tenantId)).toMatchObject([{ apart_spend: '0.00' }]);
  expect(await marks()).toEqual([]);
}

describe('A day that Meta reports no more', () => {
  it('leaves the books and goes on record, when the account’s own total says the same', async () => {
    await dailyRun();
    await expectItTakenBack();
  });

  it('leaves them too when the books were whole before the detail broke, and a later try finishes the slice', async () => {
    expect(await dailyRun(activitiesWith({ adDays: dying }))).toEqual(['campaign done']);
    await expectItTakenBack();
  });

  it('leaves them too when the books came as a report before the detail did', async () => {
    await bench.control('settings', { insightsMaxRows: 100 });
    expect(await dailyRun(activitiesWith({ reportAdDays: dying }))).toEqual(['ad asked', 'campaign done']);
    await expectItTakenBack();
  });

  it('leaves them too when its window was read in parts, over several tries', async () => {
    await bench.control('settings', { insightsMaxRows: 200 });
    await bench.control('faults', {
      match: { method: 'POST', path: `/${account().id}/insights` },
      kind: 'report_failed_100',
    });
    const marked = await dailyRun(activitiesWith({ adDays: dying, reportAdDays: dying }));
    expect(marked.filter((mark) => mark === 'campaign done').length).toBeGreaterThan(2);
    await expectItTakenBack();
  });

  it('stays when the answer was incomplete: the account’s own total does not confirm it', async () => {
    const held = await books();
    const nothing = async function* () {
      yield { rows: [], calls: 1 };
    };
    expect(await dailyRun(activitiesWith({ campaignDays: nothing }))).toEqual([]);
    expect(await books()).toEqual(held);
  });
});

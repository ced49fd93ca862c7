import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { sql } from 'slonik';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createVault } from '../adapters/crypto/fernet.ts';
import { createStores, type Stores } from '../adapters/postgres/stores.ts';
import { lastDays } from '../domain/days.ts';
import { TEST_FERNET_KEY } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { metaBench } from '../test/meta-simulator.ts';
import { connectTo, inActivity, syncActivities, syncOnce } from '../test/sync.ts';

const bench = metaBench();
let db: TestDatabase;
let stores: Stores;

beforeAll(async () => {
  db = await testDatabase();
  stores = createStores(db.database, createVault([TEST_FERNET_KEY]), { onFallback: () => {} } as never);
});

const account = () => {
  const [first] = bench.simulator.world.accounts;
  if (first === undefined) throw new Error('no account');
  return first;
};
async function aConnectedTenant(): Promise<number> {
  const tenantId = await aTenant(db);
  await connectTo(stores, bench, tenantId, [account()]);
  return tenantId;
}

const TABLES = {
  meta_ads_campaigns: 'meta_campaign_id, name, status, currency, daily_budget, spend, impressions, clicks, leads_count',
  meta_ads_adsets: 'adset_id, meta_campaign_id, name, status',
  meta_ads_ads: 'ad_id, adset_id, name, status, creative_id',
  meta_ads_insights: 'meta_campaign_id, date, currency, spend, impressions, clicks, leads',
  meta_ads_ad_insights: 'ad_id, date, adset_id, spend, impressions, clicks, leads',
};
/** One hash of everything a sync copies. */
const hashOf = (tenantId: number): Promise<string[]> =>
  db.database.inTenant(tenantId, async (tx) => {
    const hashes: string[] = [];
    for (const [table, columns] of Object.entries(TABLES)) {
      const names = columns.split(', ').map((name) => sql.identifier([name]));
      const row = sql.fragment`(${sql.join(names, sql.fragment`, `)})`;
      hashes.push(
        await tx.oneFirst(sql.type(z.object({ hash: z.string() }))`
          SELECT md5(coalesce(string_agg(${row}::text, ';' ORDER BY ${row}::text), '')) AS hash FROM ${sql.identifier([table])}`),
      );
    }
    return hashes;
  });
const missedNight = (tenantId: number) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`UPDATE ad_accounts SET wide_synced_at = wide_synced_at - interval '2 days'`),
  );

describe('A sync', () => {
  it('done twice leaves the same tables, by hash', async () => {
    const tenantId = await aConnectedTenant();
    await syncOnce(syncActivities(stores, bench), tenantId);
    const first = await hashOf(tenantId);
    await missedNight(tenantId);
    await syncOnce(syncActivities(stores, bench), tenantId);
    expect(await hashOf(tenantId)).toEqual(first);
  });

  it('that dies at any call to Meta, and is taken up again, leaves the same tables', async () => {
    const whole = await aConnectedTenant();
    await syncOnce(syncActivities(stores, bench), whole);
    const expected = await hashOf(whole);
    const calls = async () => (await bench.control<{ calls: unknown[] }>('ledger')).calls.length;
    const before = await calls();
    const counted = await aConnectedTenant();
    await syncOnce(syncActivities(stores, bench), counted);
    const all = (await calls()) - before;
    expect(all).toBeGreaterThan(10);
    for (let dies = 1; dies < all; dies += 3) expect([dies, await hashOf(await dying(dies))]).toEqual([dies, expected]);
  });

  it.each(['html', 'truncate', 'error_in_200', 'cut_before', 'cut_after_accept'])(
    'that meets %s goes on after another try',
    async (kind) => {
      const tenantId = await aConnectedTenant();
      await bench.control('faults', { match: { path: `/${account().id}` }, kind, value: 502, times: 3 });
      await trying(tenantId, syncActivities(stores, bench));
      const other = await aConnectedTenant();
      await syncOnce(syncActivities(stores, bench), other);
      expect(await hashOf(tenantId)).toEqual(await hashOf(other));
    },
  );
});

/** A tenant whose sync lost every connection once, after so many calls. */
async function dying(after: number): Promise<number> {
  const tenantId = await aConnectedTenant();
  let left = after;
  const meta = new Proxy(bench.freshClient(), {
    get(client, name, self) {
      const method = Reflect.get(client, name, self) as (...args: unknown[]) => unknown;
      return typeof method !== 'function' ? method : (...args: unknown[]) => counted(method.apply(client, args));
    },
  });
  const die = () => {
    left -= 1;
    if (left === 0) throw new Error('the worker died');
  };
  const counted = (result: unknown): unknown => {
    if (typeof result !== 'object' || result === null || !(Symbol.asyncIterator in result)) {
      die();
      return result;
    }
    const pages = result as AsyncIterable<unknown>;
    return (async function* () {
      for await (const page of pages) {
        yield page;
        die();
      }
    })();
  };
  await trying(tenantId, syncActivities(stores, bench, { meta }));
  return tenantId;
}

/** Each activity tried again until it succeeds, as Temporal would; what an earlier try had done stays. */
async function trying(tenantId: number, activities: ReturnType<typeof syncActivities>): Promise<void> {
  const again = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let tries = 0; ; tries++) {
      try {
        return await inActivity(work);
      } catch (error) {
        if (tries > 6) throw error;
      }
    }
  };
  const plan = await again(() => activities.planSync({ tenantId, workflowRunId: randomUUID() }));
  for (const { adAccountId, slices, window } of plan?.accounts ?? []) {
    const of = { tenantId, runId: plan?.runId ?? '', adAccountId };
    await again(() => activities.syncObjects(of));
    for (const slice of slices) await again(() => activities.syncInsights({ ...of, slices: [slice] }));
    await activities.finishAccount({ ...of, window });
  }
}

describe('Whatever Meta restates, in whatever order it is read', () => {
  it("the daily rows add up to Meta's own totals, and the ledger to what changed about days that were over", async () => {
    const step = fc.record({ days: fc.integer({ min: 1, max: 28 }), nightly: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
        const tenantId = await aConnectedTenant();
        const activities = syncActivities(stores, bench);
        await syncOnce(activities, tenantId);
        const closedBefore = await closedSpend(tenantId);
        for (const { days, nightly } of steps) {
          await bench.control('restate', { days, account: account().id });
          if (nightly) await missedNight(tenantId);
          await syncOnce(activities, tenantId);
        }
        await missedNight(tenantId);
        await syncOnce(activities, tenantId);
        const { since, until } = lastDays(account().timeZone, new Date(), 90);
        const meta = await bench.control<{ spend: string; impressions: number; clicks: number; leads: number }>(
          `totals?account=${account().id}&since=${since}&until=${until}`,
        );
        const mine = await sums(tenantId);
        expect(mine).toEqual({
          ...mine,
          spend: Number(meta.spend).toFixed(2),
          impressions: meta.impressions,
          clicks: meta.clicks,
          leads: meta.leads,
        });
        expect(await ledgerSpend(tenantId)).toBe((await closedSpend(tenantId)) - closedBefore);
      }),
      { numRuns: 4 },
    );
  });
});

const sumsRow = z.object({ spend: z.string(), impressions: z.number(), clicks: z.number(), leads: z.number() });
const sums = (tenantId: number) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.one(sql.type(sumsRow)`
      SELECT sum(spend)::text AS spend, sum(impressions)::bigint AS impressions, sum(clicks)::bigint AS clicks, sum(leads)::bigint AS leads FROM meta_ads_insights`),
  );
const centsRow = z.object({ cents: z.number() });
/** In cents: all days but the account's today. */
const closedSpend = (tenantId: number) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.oneFirst(sql.type(centsRow)`
      SELECT coalesce(sum(spend) * 100, 0)::bigint AS cents FROM meta_ads_insights WHERE date < (now() AT TIME ZONE ${account().timeZone})::date`),
  );
const ledgerSpend = (tenantId: number) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.oneFirst(sql.type(centsRow)`
      SELECT coalesce(sum(spend_after - spend_before) * 100, 0)::bigint AS cents FROM insight_restatements`),
  );

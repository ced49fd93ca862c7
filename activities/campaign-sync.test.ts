import { randomUUID } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createVault } from '../adapters/crypto/fernet.ts';
import { createStores, type Stores } from '../adapters/postgres/stores.ts';
import { system } from '../domain/actor.ts';
import { addDays, dayIn } from '../domain/days.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { metaBench } from '../test/meta-simulator.ts';
import { connectTo, inActivity, quiet, syncActivities, syncOnce } from '../test/sync.ts';

const bench = metaBench();
const vault = createVault(['cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=']);
let db: TestDatabase;
let tenantId: number;
let invalidated: number[];
let activities: ReturnType<typeof syncActivities>;
let stores: Stores;

beforeAll(async () => {
  db = await testDatabase();
  stores = createStores(db.database, vault, { onFallback: () => {} } as never);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  invalidated = [];
  activities = syncActivities(stores, bench, {
    cache: { invalidate: async (tenant) => void invalidated.push(tenant) },
  });
  await connectTo(stores, bench, tenantId, [account()]);
});

const account = () => {
  const [first] = bench.simulator.world.accounts;
  if (first === undefined) throw new Error('no account');
  return first;
};

/** One sync; gives the number of calls to Meta. */
async function sync(): Promise<number> {
  const before = await metaCalls();
  await syncOnce(activities, tenantId);
  return (await metaCalls()) - before;
}
const metaCalls = async () => (await bench.control<{ calls: unknown[] }>('ledger')).calls.length;

const totalsRow = z.object({ id: z.string(), spend: z.string(), impressions: z.number(), leads: z.number() });
const ours = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.any(sql.type(totalsRow)`
      SELECT meta_campaign_id AS id, spend, impressions, leads_count AS leads FROM meta_ads_campaigns
      WHERE impressions > 0 ORDER BY meta_campaign_id`),
  );
async function theirs(days: number) {
  const today = new Intl.DateTimeFormat('en-CA', { timeZone: account().timeZone }).format(new Date());
  const since = new Date(Date.parse(today) - (days - 1) * 86_400_000).toISOString().slice(0, 10);
  const { campaigns } = await bench.control<{ campaigns: z.output<typeof totalsRow>[] }>(
    `totals?account=${account().id}&since=${since}&until=${today}`,
  );
  return campaigns
    .map(({ id, spend, impressions, leads }) => ({ id, spend: Number(spend).toFixed(2), impressions, leads }))
    .filter(({ impressions }) => impressions > 0)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

describe('A first sync', () => {
  it("brings 90 days whose sums are Meta's own, to the cent and by campaign", async () => {
    await sync();
    expect(await ours()).toEqual(await theirs(90));
    expect(invalidated).toContain(tenantId);
  });

  it('keeps budgets in major units by Meta’s own table', async () => {
    await sync();
    const budgets = await db.database.inTenant(tenantId, (tx) =>
      tx.any(sql.type(z.object({ id: z.string(), daily_budget: z.string() }))`
        SELECT meta_campaign_id AS id, daily_budget FROM meta_ads_campaigns WHERE daily_budget IS NOT NULL`),
    );
    expect(budgets.length).toBeGreaterThan(0);
    for (const { id, daily_budget } of budgets) {
      const campaign = bench.simulator.world.campaigns.find((one) => one.id === id);
      expect(Number(daily_budget) * account().offset).toBe(campaign?.dailyBudget);
    }
  });

  it('counts its progress', async () => {
    const calls = await sync();
    const run = await stores.syncRuns.maybeLatest(tenantId);
    expect(run).toMatchObject({ kind: 'first', state: 'done', accountsDone: 1, calls });
    expect(run?.insightRows).toBeGreaterThan(100);
  });
});

describe('Every later sync', () => {
  it('takes six calls for three days, of which one is for the detail', async () => {
    await sync();
    expect(await sync()).toBe(6);
    expect(await stores.syncRuns.maybeLatest(tenantId)).toMatchObject({ kind: 'scheduled', state: 'done' });
  });

  it('keeps an ad that was deleted, and says that it was', async () => {
    await sync();
    const ad = bench.simulator.world.ads.find(({ accountId }) => accountId === account().id);
    await bench.control('objects', { id: ad?.id, status: 'DELETED' });
    await sync();
    const status = await db.database.inTenant(tenantId, (tx) =>
      tx.oneFirst(
        sql.type(z.object({ status: z.string() }))`SELECT status FROM meta_ads_ads WHERE ad_id = ${ad?.id ?? ''}`,
      ),
    );
    await bench.control('objects', { id: ad?.id, status: 'ACTIVE' });
    expect(status).toBe('DELETED');
  });

  it('changes nothing when nothing changed', async () => {
    await sync();
    const before = await ours();
    await sync();
    expect(await ours()).toEqual(before);
  });

  it('takes over what Meta restated, and still adds up', async () => {
    await sync();
    const before = await ours();
    await bench.control('restate', { days: 3 });
    await sync();
    expect(await ours()).not.toEqual(before);
    expect(await ours()).toEqual(await theirs(90));
  });

  it('reads three days, at any hour, when a person asked', async () => {
    await sync();
    await stores.syncRuns.ask(tenantId, system('test'), 60_000);
    const plan = await activities.planSync({ tenantId, workflowRunId: randomUUID() });
    expect(plan).toMatchObject({ kind: 'manual', accounts: [{ window: 'narrow' }] });
  });
});

/** The account's 28 days are due again. */
const missedNight = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`UPDATE ad_accounts SET wide_synced_at = wide_synced_at - interval '2 days'`),
  );
/** The moment this day began in the zone. */
function zonedMidnight(timeZone: string): number {
  for (let at = Math.floor(Date.now() / 900_000) * 900_000; ; at -= 900_000)
    if (dayIn(timeZone, new Date(at)) !== dayIn(timeZone, new Date(at - 1))) return at;
}
const cents = (text: string) => Math.round(Number(text) * 100);
const sumOf = (rows: readonly { spend: string }[]) => rows.reduce((sum, { spend }) => sum + cents(spend), 0);
const todaysSpend = async () => sumOf(await theirs(1));
const today = () => dayIn(account().timeZone, new Date());

describe('What Meta changes afterwards', () => {
  it('goes on record for each day that was over, with before and after, and not for today', async () => {
    await sync();
    const [before, todayBefore] = [await ours(), await todaysSpend()];
    await bench.control('restate', { days: 3 });
    await sync();
    const ledger = await stores.restatements.recent(tenantId);
    expect(new Set(ledger.map(({ day }) => day))).toEqual(new Set([addDays(today(), -1), addDays(today(), -2)]));
    const [first] = ledger;
    expect(Number(first?.spend_after)).toBeGreaterThan(Number(first?.spend_before));
    // The record explains the whole difference of the totals, but for what came today.
    const recorded = ledger.reduce((sum, each) => sum + cents(each.spend_after) - cents(each.spend_before), 0);
    const grown = sumOf(await ours()) - sumOf(before);
    expect(recorded).toBe(grown - (await todaysSpend()) + todayBefore);
  });

  it('is recorded once, however often it is read', async () => {
    await sync();
    await bench.control('restate', { days: 2 });
    await sync();
    const ledger = await stores.restatements.recent(tenantId);
    await sync();
    expect(await stores.restatements.recent(tenantId)).toEqual(ledger);
    expect(ledger.length).toBeGreaterThan(10);
  });

  it('keeps one row a day it was seen on, from the morning’s figure to the evening’s', async () => {
    await sync();
    await bench.control('restate', { days: 2 });
    await sync();
    const [morning] = await stores.restatements.recent(tenantId);
    await bench.control('restate', { days: 2 });
    await sync();
    const ledger = await stores.restatements.recent(tenantId);
    const evening = ledger.find((each) => each.meta_campaign_id === morning?.meta_campaign_id);
    expect(evening).toMatchObject({ day: morning?.day, spend_before: morning?.spend_before });
    expect(Number(evening?.spend_after)).toBeGreaterThan(Number(morning?.spend_after));
  });

  it('of 28 days is found by the daily run, and what was read for the first time is no restatement', async () => {
    await sync();
    expect(await stores.restatements.recent(tenantId)).toEqual([]);
    await bench.control('restate', { days: 20 });
    await missedNight();
    await sync();
    const days = (await stores.restatements.recent(tenantId, { limit: 1000 })).map(({ day }) => day);
    expect([days.toSorted().at(0), days.toSorted().at(-1)]).toEqual([addDays(today(), -19), addDays(today(), -1)]);
    expect(await ours()).toEqual(await theirs(90));
  });

  it('is no restatement when the day was not over when it was read, though it was when the sync ended', async () => {
    const zone = account().timeZone;
    const midnight = zonedMidnight(zone);
    await syncOnce(
      syncActivities(stores, bench, { now: () => new Date(midnight + 60_000) }),
      tenantId,
      midnight - 60_000,
    );
    await bench.control('restate', { days: 2 });
    await sync();
    const days = new Set((await stores.restatements.recent(tenantId)).map(({ day }) => day));
    expect([...days]).toEqual([]); // yesterday was read a minute before its end, today is not over
  });

  it('is forgotten after 90 days', async () => {
    await sync();
    await bench.control('restate', { days: 2 });
    await sync();
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`UPDATE insight_restatements SET seen_at = now() - interval '91 days'`),
    );
    await sync();
    expect(await stores.restatements.recent(tenantId)).toEqual([]);
  });
});

describe('The detail by ad', () => {
  it('adds up to the books where no ad was deleted, and stays beside them', async () => {
    await sync();
    const rows = await db.database.inTenant(tenantId, (tx) =>
      tx.any(sql.type(z.object({ id: z.string(), spend: z.string(), ads: z.number() }))`
        SELECT meta_campaign_id AS id, sum(spend)::text AS spend, count(DISTINCT ad_id)::int AS ads
        FROM meta_ads_ad_insights GROUP BY 1 ORDER BY 1`),
    );
    const books = new Map((await ours()).map(({ id, spend }) => [id, spend]));
    expect(rows.length).toBeGreaterThan(10);
    for (const { id, spend, ads } of rows) expect([id, spend, ads]).toEqual([id, books.get(id), 1]);
  });
});

describe('The control total of the account', () => {
  it('is read once a day, and says that nothing is missing', async () => {
    await sync();
    const [control] = await stores.controlTotals.latest(tenantId);
    expect(control).toMatchObject({
      until: addDays(today(), -1),
      since: addDays(today(), -27),
      apart_spend: '0.00',
      apart_leads: 0,
    });
    expect(Number(control?.meta_spend)).toBeGreaterThan(1000);
    await missedNight();
    expect(await sync()).toBeLessThanOrEqual(10);
  });

  it('names what belongs to no campaign', async () => {
    await sync();
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`
        DELETE FROM meta_ads_campaigns WHERE meta_campaign_id = (SELECT meta_campaign_id FROM meta_ads_campaigns ORDER BY spend DESC LIMIT 1)`),
    );
    const plan = { tenantId, runId: (await stores.syncRuns.maybeLatest(tenantId))?.id ?? '' };
    const [kept] = await stores.controlTotals.latest(tenantId);
    await stores.controlTotals.save(
      tenantId,
      plan.runId,
      { adAccountId: account().accountId, currency: account().currency },
      { since: kept?.since ?? '', until: kept?.until ?? '' },
      { spend: kept?.meta_spend ?? '0', impressions: 0, clicks: 0, leads: kept?.meta_leads ?? 0, calls: 1 },
    );
    const [control] = await stores.controlTotals.latest(tenantId);
    expect(Number(control?.apart_spend)).toBeGreaterThan(100);
  });
});

describe('Trouble', () => {
  it('skips the slices that an earlier try had finished', async () => {
    const plan = await activities.planSync({ tenantId, workflowRunId: randomUUID() });
    const [first] = plan?.accounts ?? [];
    if (plan === null || first === undefined) throw new Error('no plan');
    const of = { tenantId, runId: plan.runId, adAccountId: first.adAccountId };
    const retried = new MockActivityEnvironment({ heartbeatDetails: { slicesDone: 2, rows: 500 } }, quiet);
    const before = await metaCalls();
    const result = await retried.run(() => activities.syncInsights({ ...of, slices: first.slices }));
    expect(result).toMatchObject({ slicesDone: 3 });
    expect((await metaCalls()) - before).toBeLessThanOrEqual(5);
  });

  it('names the refused token, so that a newer one is not blamed', async () => {
    const { token, version } = await stores.connections.withToken(tenantId);
    await bench.control('tokens/kill', { access_token: token, subcode: 463 });
    const plan = await activities.planSync({ tenantId, workflowRunId: randomUUID() });
    const of = { tenantId, runId: plan?.runId ?? '', adAccountId: account().accountId };
    await expect(inActivity(() => activities.syncObjects(of))).rejects.toMatchObject({
      code: 'reconnect_required',
      details: { subcode: 463, tokenVersion: version },
    });
  });

  it('plans nothing while a person must sign in again', async () => {
    await stores.connections.markReconnectNeeded(tenantId, 'expired', null);
    expect(await activities.planSync({ tenantId, workflowRunId: randomUUID() })).toBeNull();
  });
});

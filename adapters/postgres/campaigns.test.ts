import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { asAdmin } from '../../dev/stack/roles.ts';
import { system } from '../../domain/actor.ts';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { createCampaigns } from './campaigns.ts';
import { createInsights } from './insights.ts';
import { createRestatements } from './restatements.ts';
import { createSyncRuns } from './sync-runs.ts';

let db: TestDatabase;
let tenantId: number;
let runId: string;
const account = { adAccountId: '1002003004005', currency: 'ARS' };
const stores = () => ({
  campaigns: createCampaigns(db.database),
  insights: createInsights(db.database),
  runs: createSyncRuns(db.database),
});

beforeAll(async () => {
  db = await testDatabase();
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  await db.database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`
      INSERT INTO ad_accounts (tenant_id, ad_account_id, name, currency, time_zone, account_status)
      VALUES (${tenantId}, ${account.adAccountId}, 'Aurora', 'ARS', 'America/Argentina/Buenos_Aires', 1)`),
  );
  runId = await stores().runs.start(tenantId, { kind: 'first', workflowRunId: randomUUID(), accountsTotal: 1 });
});

const aCampaign = (given: { campaignId?: string; name?: string } = {}) => ({
  campaignId: '120210000000000001',
  name: 'Implantes',
  objective: 'OUTCOME_LEADS',
  status: 'ACTIVE',
  dailyBudget: '50.00',
  lifetimeBudget: null,
  ...given,
});
const aDay = (given: { date?: string; spend?: string; leads?: number; campaignId?: string } = {}) => ({
  campaignId: '120210000000000001',
  campaignName: 'Implantes',
  date: '2026-11-23',
  spend: '412.36',
  impressions: 18_423,
  clicks: 377,
  leads: 14,
  ...given,
});

const campaignRow = z.object({
  name: z.string(),
  spend: z.string(),
  leads_count: z.number(),
  roi_percentage: z.string().nullable(),
  status: z.string().nullable(),
});
const campaign = (id = '120210000000000001') =>
  db.database.inTenant(tenantId, (tx) =>
    tx.one(sql.type(campaignRow)`
      SELECT name, spend, leads_count, roi_percentage, status FROM meta_ads_campaigns WHERE meta_campaign_id = ${id}`),
  );
// The row versions: they change whenever a row is written, even with the same values.
const versions = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.anyFirst(sql.type(z.object({ v: z.string() }))`
      SELECT xmin::text AS v FROM meta_ads_insights UNION ALL SELECT xmin::text FROM meta_ads_campaigns`),
  );

describe('What a sync writes', () => {
  it('writes no row again that did not change', async () => {
    const { campaigns, insights } = stores();
    const write = async () => {
      await campaigns.saveCampaigns(tenantId, account, [aCampaign()]);
      await insights.savePage(tenantId, runId, account, { rows: [aDay(), aDay({ date: '2026-11-22' })], calls: 1 });
    };
    await write();
    const first = await versions();
    await write();
    expect(await versions()).toEqual(first);
  });

  it('takes over a restated day', async () => {
    const { insights } = stores();
    await insights.savePage(tenantId, runId, account, { rows: [aDay()], calls: 1 });
    await insights.savePage(tenantId, runId, account, { rows: [aDay({ spend: '420.00', leads: 15 })], calls: 1 });
    await stores().campaigns.saveTotals(tenantId, account.adAccountId, { wide: true, now: new Date() });
    expect(await campaign()).toMatchObject({ spend: '420.00', leads_count: 15 });
  });

  it('records what changed about a day that was over, and forgets it when Meta takes the change back the same day', async () => {
    const { insights } = stores();
    const seenOn = '2026-11-24';
    const save = (spend: string, other: string) =>
      insights.savePage(tenantId, runId, account, {
        rows: [aDay({ spend }), aDay({ spend: other, date: '2026-11-22' })].map((day) => ({ ...day, wasOver: true })),
        calls: 1,
        seenOn,
      });
    await insights.savePage(tenantId, runId, account, { rows: [aDay(), aDay({ date: '2026-11-22' })], calls: 1 });
    await save('420.00', '430.004');
    const before = await createRestatements(db.database).recent(tenantId);
    expect(before.map((each) => [each.day, each.spend_before, each.spend_after])).toEqual([
      ['2026-11-23', '412.36', '420.00'],
      ['2026-11-22', '412.36', '430.00'],
    ]);
    await save('412.36', '430.00');
    const after = await createRestatements(db.database).recent(tenantId);
    expect(after.map((each) => [each.day, each.spend_after])).toEqual([['2026-11-22', '430.00']]);
  });

  it('adds the days up to the cent, beyond what floats can', async () => {
    const rows = ['0.10', '0.20', '90071992547409.91'].map((spend, n) => aDay({ spend, date: `2026-11-2${n}` }));
    await stores().insights.savePage(tenantId, runId, account, { rows, calls: 1 });
    await stores().campaigns.saveTotals(tenantId, account.adAccountId, { wide: false, now: new Date() });
    expect((await campaign()).spend).toBe('90071992547410.21');
  });

  it('keeps the money of a campaign that is listed no more', async () => {
    await stores().insights.savePage(tenantId, runId, account, { rows: [aDay({ campaignId: '9' })], calls: 1 });
    expect(await campaign('9')).toMatchObject({ name: 'Implantes', status: null });
  });

  it('says what a campaign earned: 250 % on 1,000.00 spent and 3,500.00 sold, and nothing at no spend', async () => {
    const { campaigns, insights } = stores();
    await campaigns.saveCampaigns(tenantId, account, [aCampaign(), aCampaign({ campaignId: '7', name: 'Quiet' })]);
    await insights.savePage(tenantId, runId, account, { rows: [aDay({ spend: '1000.00' })], calls: 1 });
    await sell('3500.00', 'ARS');
    await sell('99.00', 'USD');
    await campaigns.saveTotals(tenantId, account.adAccountId, { wide: true, now: new Date() });
    expect((await campaign()).roi_percentage).toBe('250.00');
    expect((await campaign('7')).roi_percentage).toBeNull();
  });

  it('leaves out an ad whose campaign is hidden, and writes its neighbours', async () => {
    const { campaigns } = stores();
    await campaigns.saveCampaigns(tenantId, account, [aCampaign()]);
    const ad = {
      adId: '1',
      adsetId: '2',
      name: 'Video A',
      status: 'ACTIVE',
      creative: { creativeId: '5', name: null, thumbnailUrl: null },
    };
    await campaigns.saveAdsets(tenantId, account, [
      { ...aCampaign(), adsetId: '2' },
      { ...aCampaign({ campaignId: 'hidden' }), adsetId: '3' },
    ]);
    await campaigns.saveAds(tenantId, [
      { ...ad, campaignId: '120210000000000001' },
      { ...ad, adId: '6', campaignId: 'hidden' },
    ]);
    const ids = await db.database.inTenant(tenantId, (tx) =>
      tx.anyFirst(sql.type(z.object({ id: z.string() }))`
        SELECT ad_id AS id FROM meta_ads_ads UNION ALL SELECT adset_id FROM meta_ads_adsets ORDER BY id`),
    );
    expect(ids).toEqual(['1', '2']);
  });
});

describe('The campaign of a day that is written', () => {
  it('is looked up by its own id, also in a database that was never analyzed, and not among all of the tenant’s', async () => {
    const plan = await asAdmin(db.adminUrl, async (client) => {
      // What PostgreSQL asks for each row's foreign key, planned once for all values.
      await client.query(`SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off`);
      await client.query(`PREPARE campaign AS SELECT 1 FROM ONLY meta_ads_campaigns x
        WHERE tenant_id = $1 AND meta_campaign_id::text = $2::text FOR KEY SHARE OF x`);
      return (await client.query('EXPLAIN (FORMAT JSON) EXECUTE campaign (NULL, NULL)')).rows[0];
    });
    expect(JSON.stringify(plan)).toContain('"Index Name":"unique_meta_campaign_per_tenant"');
  });
});

describe('A sync run', () => {
  it('is one row, however often it starts, and counts what it read', async () => {
    const { runs, insights } = stores();
    const run = { kind: 'manual' as const, workflowRunId: randomUUID(), accountsTotal: 2 };
    const id = await runs.start(tenantId, run);
    expect(await runs.start(tenantId, run)).toBe(id);
    await insights.savePage(tenantId, id, account, { rows: [aDay()], calls: 2 });
    await runs.addProgress(tenantId, id, { calls: 4, campaigns: 20, accounts: 1 });
    await runs.finish(tenantId, id, null);
    expect(await runs.maybeLatest(tenantId)).toMatchObject({
      state: 'done',
      calls: 6,
      campaigns: 20,
      insightRows: 1,
      accountsDone: 1,
    });
  });

  it('ends as interrupted when a later one finds it still running', async () => {
    const { runs } = stores();
    await runs.start(tenantId, { kind: 'scheduled', workflowRunId: randomUUID(), accountsTotal: 1 });
    const states = await db.database.inTenant(tenantId, (tx) =>
      tx.any(sql.type(z.object({ state: z.string(), error_code: z.string().nullable() }))`
        SELECT state, error_code FROM sync_runs ORDER BY started_at`),
    );
    expect(states).toEqual([
      { state: 'failed', error_code: 'interrupted' },
      { state: 'running', error_code: null },
    ]);
  });

  it('may be asked for by a person once in a while, and the next run knows it was asked for', async () => {
    const { runs } = stores();
    expect(await runs.isAsked(tenantId)).toBe(false);
    expect(await runs.ask(tenantId, system('test'), 60_000)).toBe(0);
    expect(await runs.ask(tenantId, system('test'), 60_000)).toBeGreaterThan(50_000);
    expect(await runs.isAsked(tenantId)).toBe(true);
    await runs.start(tenantId, { kind: 'manual', workflowRunId: randomUUID(), accountsTotal: 1 });
    expect(await runs.isAsked(tenantId)).toBe(false);
  });
});

async function sell(amount: string, currency: string) {
  await db.database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`
      INSERT INTO sales_transactions (tenant_id, amount, currency, meta_campaign_id, sold_at)
      VALUES (${tenantId}, ${amount}::numeric, ${currency}, '120210000000000001', now())`),
  );
}

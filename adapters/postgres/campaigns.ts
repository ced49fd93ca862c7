import { sql } from 'slonik';
import { z } from 'zod';
import type { Database, Tx } from './pool.ts';
import { attributeLateTouches } from './referrals.ts';

/** Campaigns, ad sets and ads as a sync writes them; budgets in major units. */
export interface CampaignRecord {
  campaignId: string;
  name: string;
  objective: string | null;
  status: string | null;
  dailyBudget: string | null;
  lifetimeBudget: string | null;
}

export interface AdsetRecord extends Omit<CampaignRecord, 'objective'> {
  adsetId: string;
}

export interface AdRecord {
  adId: string;
  adsetId: string;
  campaignId: string;
  name: string;
  status: string | null;
  creative: { creativeId: string; name: string | null; thumbnailUrl: string | null } | null;
}

/** The account whose objects are written. */
export interface SyncedAccount {
  adAccountId: string;
  currency: string;
}

const countRow = z.object({ campaigns: z.number(), ads: z.number() });

export type Campaigns = ReturnType<typeof createCampaigns>;

/**
 * An account's objects, one multi-row upsert a page; rows that did not change are not touched.
 * These are copies: the audit trail holds the sync run as a whole, not each page.
 */
export function createCampaigns({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    saveCampaigns: (tenantId: number, account: SyncedAccount, rows: readonly CampaignRecord[]): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const statuses = rows.map(({ campaignId, status }) => [campaignId, status]);
        await noteMoved(tx, tenantId, account, CAMPAIGN, statuses);
        await upsertCampaigns(tx, tenantId, account, rows);
      }),
    saveAdsets: (tenantId: number, account: SyncedAccount, rows: readonly AdsetRecord[]): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const statuses = rows.map(({ adsetId, status }) => [adsetId, status]);
        await noteMoved(tx, tenantId, account, ADSET, statuses);
        await upsertAdsets(tx, tenantId, account.currency, rows);
      }),
    /** Ads with their creatives. */
    saveAds: (tenantId: number, rows: readonly AdRecord[]): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await upsertCreatives(tx, tenantId, rows);
        await upsertAds(tx, tenantId, rows);
        await attributeLateTouches(tx, tenantId);
      }),
    /** Adds an account's days up on its campaigns, without ending a sync. */
    refreshTotals: (tenantId: number, adAccountId: string, now: Date): Promise<void> =>
      inTenant(tenantId, (tx) => updateTotals(tx, tenantId, adAccountId, now)),
    /** How many campaigns and ads an account has: how large its figures may get. */
    countOf: (tenantId: number, adAccountId: string): Promise<{ campaigns: number; ads: number }> =>
      inTenant(tenantId, (tx) =>
        tx.one(sql.type(countRow)`
          SELECT count(*) AS campaigns, coalesce(sum((SELECT count(*) FROM meta_ads_ads a
            WHERE a.tenant_id = c.tenant_id AND a.meta_campaign_id = c.meta_campaign_id)), 0)::bigint AS ads
          FROM meta_ads_campaigns c WHERE c.tenant_id = ${tenantId} AND c.meta_account_id = ${adAccountId}`),
      ),
    /**
     * What the daily rows of an account add up to, on its campaigns, with ROI from attributed sales in the account's currency (figures.md: null
     * at zero spend). Ends the account's part of a sync in the same transaction: its figures are as of `asOf`, when reading began.
     */
    saveTotals: (
      tenantId: number,
      adAccountId: string,
      { wide, now, asOf = now }: { wide: boolean; now: Date; asOf?: Date },
    ): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await updateTotals(tx, tenantId, adAccountId, now);
        await tx.query(sql.unsafe`
          UPDATE ad_accounts SET last_synced_at = ${asOf.toISOString()}::timestamptz,
            wide_synced_at = CASE WHEN ${wide} THEN ${asOf.toISOString()}::timestamptz ELSE wide_synced_at END
          WHERE tenant_id = ${tenantId} AND ad_account_id = ${adAccountId}`);
      }),
  };
}

const CAMPAIGN = { table: 'meta_ads_campaigns', id: 'meta_campaign_id' };
const ADSET = { table: 'meta_ads_adsets', id: 'adset_id' };

/**
 * Before campaigns or ad sets are written: Meta's status of what hangs below them speaks of them too (`CAMPAIGN_PAUSED`), and does not count as a change of
 * its own. So where the status of one moves, the account's objects are to be read whole.
 */
async function noteMoved(
  tx: Tx,
  tenantId: number,
  { adAccountId }: SyncedAccount,
  { table, id }: { table: string; id: string },
  statuses: readonly (string | null)[][],
): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE ad_accounts SET objects_read_at = NULL
    WHERE tenant_id = ${tenantId} AND ad_account_id = ${adAccountId} AND objects_read_at IS NOT NULL AND EXISTS (
      SELECT FROM ${sql.unnest(statuses, ['text', 'text'])} AS given (id, status)
      JOIN ${sql.identifier([table])} kept ON kept.tenant_id = ${tenantId} AND kept.${sql.identifier([id])} = given.id
      WHERE kept.status IS DISTINCT FROM given.status)`);
}

async function upsertCampaigns(tx: Tx, tenantId: number, account: SyncedAccount, rows: readonly CampaignRecord[]) {
  if (rows.length === 0) return;
  const tuples = rows.map((row) => [
    tenantId,
    row.campaignId,
    account.adAccountId,
    row.name,
    row.objective,
    row.status,
    account.currency,
    row.dailyBudget,
    row.lifetimeBudget,
  ]);
  const types = ['int4', 'text', 'text', 'text', 'text', 'text', 'text', 'numeric', 'numeric'];
  await tx.query(sql.unsafe`
    INSERT INTO meta_ads_campaigns
      (tenant_id, meta_campaign_id, meta_account_id, name, objective, status, currency, daily_budget, lifetime_budget)
    SELECT * FROM ${sql.unnest(tuples, types)}
    ON CONFLICT (tenant_id, meta_campaign_id) DO UPDATE SET name = excluded.name, objective = excluded.objective,
      status = excluded.status, currency = excluded.currency, daily_budget = excluded.daily_budget,
      lifetime_budget = excluded.lifetime_budget, updated_at = now()
    WHERE (meta_ads_campaigns.name, meta_ads_campaigns.objective, meta_ads_campaigns.status, meta_ads_campaigns.currency,
        meta_ads_campaigns.daily_budget, meta_ads_campaigns.lifetime_budget)
      IS DISTINCT FROM (excluded.name, excluded.objective, excluded.status, excluded.currency, excluded.daily_budget, excluded.lifetime_budget)`);
}

/**
 * Before rows that name a campaign are written. One that Meta reports but lists no more gets a row of its name: its money must not be lost. In one order
 * always, because books and detail are written at the same time.
 * The check of each row's campaign is planned once a connection: planned while the table is small it would read the whole table later, when a large
 * account came; therefore no plan of this transaction may.
 */
export async function insertUnlisted(
  tx: Tx,
  tenantId: number,
  account: SyncedAccount,
  rows: readonly { campaignId: string; campaignName: string }[],
): Promise<void> {
  const campaigns = new Map(rows.map((row) => [row.campaignId, row.campaignName]));
  const tuples = [...campaigns].map(([id, name]) => [tenantId, id, account.adAccountId, name, account.currency]);
  await tx.query(sql.unsafe`
    WITH planner AS (SELECT set_config('enable_seqscan', 'off', true))
    INSERT INTO meta_ads_campaigns (tenant_id, meta_campaign_id, meta_account_id, name, currency)
    SELECT given.* FROM planner, ${sql.unnest(tuples, ['int4', 'text', 'text', 'text', 'text'])} AS given (tenant_id, id, account, name, currency)
    WHERE NOT EXISTS (SELECT FROM meta_ads_campaigns k WHERE k.tenant_id = given.tenant_id AND k.meta_campaign_id = given.id)
    ORDER BY given.id
    ON CONFLICT (tenant_id, meta_campaign_id) DO NOTHING`);
}

// An ad set or ad whose campaign we cannot see is left out: nothing could show it.
async function upsertAdsets(tx: Tx, tenantId: number, currency: string, rows: readonly AdsetRecord[]) {
  if (rows.length === 0) return;
  const tuples = rows.map((row) => [
    tenantId,
    row.adsetId,
    row.campaignId,
    row.name,
    row.status,
    currency,
    row.dailyBudget,
    row.lifetimeBudget,
  ]);
  const types = ['int4', 'text', 'text', 'text', 'text', 'text', 'numeric', 'numeric'];
  await tx.query(sql.unsafe`
    INSERT INTO meta_ads_adsets (tenant_id, adset_id, meta_campaign_id, name, status, currency, daily_budget, lifetime_budget)
    SELECT given.* FROM ${sql.unnest(tuples, types)}
      AS given (tenant_id, adset_id, meta_campaign_id, name, status, currency, daily_budget, lifetime_budget)
    JOIN meta_ads_campaigns c ON c.tenant_id = given.tenant_id AND c.meta_campaign_id = given.meta_campaign_id
    ON CONFLICT (tenant_id, adset_id) DO UPDATE SET meta_campaign_id = excluded.meta_campaign_id, name = excluded.name,
      status = excluded.status, currency = excluded.currency, daily_budget = excluded.daily_budget,
      lifetime_budget = excluded.lifetime_budget, updated_at = now()
    WHERE (meta_ads_adsets.meta_campaign_id, meta_ads_adsets.name, meta_ads_adsets.status, meta_ads_adsets.daily_budget, meta_ads_adsets.lifetime_budget)
      IS DISTINCT FROM (excluded.meta_campaign_id, excluded.name, excluded.status, excluded.daily_budget, excluded.lifetime_budget)`);
}

async function upsertCreatives(tx: Tx, tenantId: number, rows: readonly AdRecord[]) {
  const creatives = new Map(
    rows.flatMap(({ creative }) => (creative === null ? [] : [[creative.creativeId, creative]])),
  );
  if (creatives.size === 0) return;
  const tuples = [...creatives.values()].map((row) => [tenantId, row.creativeId, row.name, row.thumbnailUrl]);
  await tx.query(sql.unsafe`
    INSERT INTO meta_ads_creatives (tenant_id, creative_id, name, thumbnail_url)
    SELECT * FROM ${sql.unnest(tuples, ['int4', 'text', 'text', 'text'])}
    ON CONFLICT (tenant_id, creative_id) DO UPDATE SET name = excluded.name, thumbnail_url = excluded.thumbnail_url, updated_at = now()
    WHERE (meta_ads_creatives.name, meta_ads_creatives.thumbnail_url) IS DISTINCT FROM (excluded.name, excluded.thumbnail_url)`);
}

async function upsertAds(tx: Tx, tenantId: number, rows: readonly AdRecord[]) {
  if (rows.length === 0) return;
  const tuples = rows.map((row) => [
    tenantId,
    row.adId,
    row.adsetId,
    row.campaignId,
    row.name,
    row.status,
    row.creative?.creativeId ?? null,
  ]);
  await tx.query(sql.unsafe`
    INSERT INTO meta_ads_ads (tenant_id, ad_id, adset_id, meta_campaign_id, name, status, creative_id)
    SELECT given.* FROM ${sql.unnest(tuples, ['int4', 'text', 'text', 'text', 'text', 'text', 'text'])}
      AS given (tenant_id, ad_id, adset_id, meta_campaign_id, name, status, creative_id)
    JOIN meta_ads_campaigns c ON c.tenant_id = given.tenant_id AND c.meta_campaign_id = given.meta_campaign_id
    ON CONFLICT (tenant_id, ad_id) DO UPDATE SET adset_id = excluded.adset_id, meta_campaign_id = excluded.meta_campaign_id,
      name = excluded.name, status = excluded.status, creative_id = excluded.creative_id, updated_at = now()
    WHERE (meta_ads_ads.adset_id, meta_ads_ads.meta_campaign_id, meta_ads_ads.name, meta_ads_ads.status, meta_ads_ads.creative_id)
      IS DISTINCT FROM (excluded.adset_id, excluded.meta_campaign_id, excluded.name, excluded.status, excluded.creative_id)`);
}

// Materialized: taken for few rows, the sums of all days would be added up again for each campaign.
async function updateTotals(tx: Tx, tenantId: number, adAccountId: string, now: Date) {
  await tx.query(sql.unsafe`
    WITH days AS MATERIALIZED (
      SELECT meta_campaign_id, sum(spend) AS spend, sum(impressions) AS impressions, sum(clicks) AS clicks, sum(leads) AS leads
      FROM meta_ads_insights
      WHERE tenant_id = ${tenantId} AND meta_account_id = ${adAccountId}
      GROUP BY meta_campaign_id
    ), sold AS MATERIALIZED (
      SELECT meta_campaign_id, currency, sum(amount) AS revenue
      FROM sales_transactions
      WHERE tenant_id = ${tenantId} AND meta_campaign_id IS NOT NULL AND voided_at IS NULL
      GROUP BY meta_campaign_id, currency
    )
    UPDATE meta_ads_campaigns c SET spend = coalesce(d.spend, 0), impressions = coalesce(d.impressions, 0),
      clicks = coalesce(d.clicks, 0), leads_count = coalesce(d.leads, 0),
      roi_percentage = round(100 * (coalesce(s.revenue, 0) - d.spend) / nullif(d.spend, 0), 2),
      last_synced_at = ${now.toISOString()}::timestamptz
    FROM meta_ads_campaigns k
    LEFT JOIN days d ON d.meta_campaign_id = k.meta_campaign_id
    LEFT JOIN sold s ON s.meta_campaign_id = k.meta_campaign_id AND s.currency = k.currency
    WHERE k.tenant_id = ${tenantId} AND k.meta_account_id = ${adAccountId} AND c.id = k.id`);
}

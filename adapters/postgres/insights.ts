import { sql } from 'slonik';
import type { SyncedAccount } from './campaigns.ts';
import type { Database, Tx } from './pool.ts';

/** One campaign's day: the books. Money as decimal text in the account's currency. */
export interface InsightRecord {
  campaignId: string;
  campaignName: string;
  date: string;
  spend: string;
  impressions: number;
  clicks: number;
  leads: number;
}

export type Insights = ReturnType<typeof createInsights>;

/** `meta_ads_insights`, written by syncs only; a sync is one row of the audit trail, not each of its pages. */
export function createInsights({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** One page of the books, and the run's progress with it. Repeating a page changes no figure. */
    savePage: (
      tenantId: number,
      runId: string,
      account: SyncedAccount,
      page: { rows: readonly InsightRecord[]; calls: number },
    ): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        if (page.rows.length > 0) {
          await insertUnlisted(tx, tenantId, account, page.rows);
          await upsertDays(tx, tenantId, account, page.rows);
        }
        await tx.query(sql.unsafe`
          UPDATE sync_runs SET insight_rows = insight_rows + ${page.rows.length}, calls = calls + ${page.calls}
          WHERE tenant_id = ${tenantId} AND id = ${runId}`);
      }),
  };
}

// A campaign that Meta reports but lists no more gets a row of its name: its money must not be lost.
async function insertUnlisted(tx: Tx, tenantId: number, account: SyncedAccount, rows: readonly InsightRecord[]) {
  const campaigns = new Map(rows.map((row) => [row.campaignId, row.campaignName]));
  const tuples = [...campaigns].map(([id, name]) => [tenantId, id, account.adAccountId, name, account.currency]);
  await tx.query(sql.unsafe`
    INSERT INTO meta_ads_campaigns (tenant_id, meta_campaign_id, meta_account_id, name, currency)
    SELECT * FROM ${sql.unnest(tuples, ['int4', 'text', 'text', 'text', 'text'])}
    ON CONFLICT (tenant_id, meta_campaign_id) DO NOTHING`);
}

async function upsertDays(tx: Tx, tenantId: number, account: SyncedAccount, rows: readonly InsightRecord[]) {
  const tuples = rows.map((row) => [
    tenantId,
    row.campaignId,
    account.adAccountId,
    row.date,
    account.currency,
    row.spend,
    row.impressions,
    row.clicks,
    row.leads,
  ]);
  const types = ['int4', 'text', 'text', 'date', 'text', 'numeric', 'int8', 'int8', 'int4'];
  await tx.query(sql.unsafe`
    INSERT INTO meta_ads_insights AS kept
      (tenant_id, meta_campaign_id, meta_account_id, date, currency, spend, impressions, clicks, leads)
    SELECT * FROM ${sql.unnest(tuples, types)}
    ON CONFLICT (tenant_id, meta_campaign_id, date) DO UPDATE SET meta_account_id = excluded.meta_account_id,
      currency = excluded.currency, spend = excluded.spend, impressions = excluded.impressions,
      clicks = excluded.clicks, leads = excluded.leads, synced_at = now(), updated_at = now()
    WHERE (kept.currency, kept.spend, kept.impressions, kept.clicks, kept.leads)
      IS DISTINCT FROM (excluded.currency, excluded.spend, excluded.impressions, excluded.clicks, excluded.leads)`);
}

import { sql } from 'slonik';
import { insertUnlisted, type SyncedAccount } from './campaigns.ts';
import type { Database } from './pool.ts';

/** One ad's day: the detail behind a campaign's. */
export interface AdInsightRecord {
  adId: string;
  adsetId: string;
  campaignId: string;
  campaignName: string;
  date: string;
  spend: string;
  impressions: number;
  clicks: number;
  leads: number;
}

export type AdInsights = ReturnType<typeof createAdInsights>;

/** `meta_ads_ad_insights`, written by syncs only. Never summed to campaign totals. */
export function createAdInsights({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** One page of the detail, and the run's progress with it. Repeating a page changes nothing. */
    savePage: (
      tenantId: number,
      runId: string,
      account: SyncedAccount,
      page: { rows: readonly AdInsightRecord[]; calls: number },
    ): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const tuples = page.rows.map((row) => [
          row.adId,
          row.date,
          row.adsetId,
          row.campaignId,
          row.spend,
          row.impressions,
          row.clicks,
          row.leads,
        ]);
        if (tuples.length > 0) {
          await insertUnlisted(tx, tenantId, account, page.rows);
          const types = ['text', 'date', 'text', 'text', 'numeric', 'int8', 'int8', 'int4'];
          await tx.query(sql.unsafe`
            INSERT INTO meta_ads_ad_insights AS kept
              (tenant_id, ad_id, date, adset_id, meta_campaign_id, meta_account_id, currency, spend, impressions, clicks, leads)
            SELECT ${tenantId}, given.ad_id, given.day, given.adset_id, given.campaign_id, ${account.adAccountId}, ${account.currency},
              given.spend, given.impressions, given.clicks, given.leads
            FROM ${sql.unnest(tuples, types)} AS given (ad_id, day, adset_id, campaign_id, spend, impressions, clicks, leads)
            ON CONFLICT (tenant_id, ad_id, date) DO UPDATE SET adset_id = excluded.adset_id, meta_campaign_id = excluded.meta_campaign_id,
              currency = excluded.currency, spend = excluded.spend, impressions = excluded.impressions, clicks = excluded.clicks,
              leads = excluded.leads, synced_at = now()
            WHERE (kept.adset_id, kept.currency, kept.spend, kept.impressions, kept.clicks, kept.leads)
              IS DISTINCT FROM (excluded.adset_id, excluded.currency, excluded.spend, excluded.impressions, excluded.clicks, excluded.leads)`);
        }
        await tx.query(sql.unsafe`
          UPDATE sync_runs SET calls = calls + ${page.calls} WHERE tenant_id = ${tenantId} AND id = ${runId}`);
      }),
  };
}

import { sql } from 'slonik';
import { z } from 'zod';
import type { Database } from './pool.ts';

const insightRow = z.object({
  date: z.string(),
  spend: z.string(),
  impressions: z.number(),
  clicks: z.number(),
  leads: z.number(),
  currency: z.string(),
});

const rawAccountRow = z.object({ ad_account_id: z.string() }).loose();

/** A campaign's own days, and the raw numbers behind the figures for the debug switch. */
export function createFigures({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** The mission's `get_campaign_insights`: newest day first; null for an unknown campaign. */
    insightsOf: (tenantId: number, campaignId: string) =>
      inTenant(tenantId, async (tx) => {
        const known = await tx.maybeOne(
          sql.unsafe`SELECT id FROM meta_ads_campaigns WHERE tenant_id = ${tenantId} AND meta_campaign_id = ${campaignId}`,
        );
        if (!known) return null;
        return tx.any(sql.type(insightRow)`
          SELECT date::text, spend, impressions, clicks, leads, currency FROM meta_ads_insights
          WHERE tenant_id = ${tenantId} AND meta_campaign_id = ${campaignId} ORDER BY date DESC LIMIT 1200`);
      }),
    /** Counts and sums straight from the tables, per account: nothing personal. */
    raw: (tenantId: number) =>
      inTenant(tenantId, async (tx) => ({
        accounts: await tx.any(sql.type(rawAccountRow)`
          SELECT a.ad_account_id, a.currency, a.last_synced_at, count(i.*)::int AS insight_rows, coalesce(sum(i.spend), 0)::text AS spend, coalesce(sum(i.leads), 0)::int AS meta_leads,
            min(i.date)::text AS first_day, max(i.date)::text AS last_day
          FROM ad_accounts a LEFT JOIN meta_ads_insights i ON i.tenant_id = a.tenant_id AND i.meta_account_id = a.ad_account_id
          WHERE a.tenant_id = ${tenantId} GROUP BY a.tenant_id, a.ad_account_id ORDER BY a.ad_account_id`),
        tables: await tx.one(sql.unsafe`
          SELECT (SELECT count(*)::int FROM meta_ads_campaigns WHERE tenant_id = ${tenantId}) AS campaigns,
            (SELECT count(*)::int FROM leads WHERE tenant_id = ${tenantId}) AS leads,
            (SELECT count(*)::int FROM lead_touches WHERE tenant_id = ${tenantId}) AS touches,
            (SELECT count(*)::int FROM sales_transactions WHERE tenant_id = ${tenantId}) AS sales`),
      })),
  };
}
export type FigureStore = ReturnType<typeof createFigures>;

import { sql } from 'slonik';
import { z } from 'zod';
import type { Database } from './pool.ts';

const restatementRow = z.object({
  meta_campaign_id: z.string(),
  campaign_name: z.string(),
  day: z.string(),
  seen_at: z.date(),
  currency: z.string(),
  spend_before: z.string(),
  spend_after: z.string(),
  impressions_before: z.number(),
  impressions_after: z.number(),
  clicks_before: z.number(),
  clicks_after: z.number(),
  leads_before: z.number(),
  leads_after: z.number(),
});
export type Restatement = z.output<typeof restatementRow>;

export type Restatements = ReturnType<typeof createRestatements>;

/** The ledger of what Meta changed about days that were over (written by `insights.ts`, in the transaction of the change itself). */
export function createRestatements({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Newest first, of all campaigns that are copied or of one. */
    recent: (
      tenantId: number,
      { campaignId, limit = 50 }: { campaignId?: string; limit?: number } = {},
    ): Promise<readonly Restatement[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(restatementRow)`
          SELECT r.meta_campaign_id, c.name AS campaign_name, r.day::text, r.seen_at, r.currency, r.spend_before, r.spend_after, r.impressions_before,
            r.impressions_after, r.clicks_before, r.clicks_after, r.leads_before, r.leads_after
          FROM insight_restatements r
          JOIN meta_ads_campaigns c ON c.tenant_id = r.tenant_id AND c.meta_campaign_id = r.meta_campaign_id
          WHERE r.tenant_id = ${tenantId} ${campaignId === undefined ? sql.fragment`` : sql.fragment`AND r.meta_campaign_id = ${campaignId}`}
          ORDER BY r.seen_at DESC, r.day DESC, r.meta_campaign_id LIMIT ${limit}`),
      ),
    /** Forgets what is older than `days`. */
    purge: (tenantId: number, days: number): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          DELETE FROM insight_restatements WHERE tenant_id = ${tenantId} AND seen_at < now() - ${days} * interval '1 day'`);
      }),
  };
}

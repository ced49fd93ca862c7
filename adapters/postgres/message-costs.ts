import { sql } from 'slonik';
import { z } from 'zod';
import type { Period } from '../../domain/days.ts';
import type { Database } from './pool.ts';

const costRow = z.object({
  /** Null for messages that have no price yet. */
  currency: z.string().nullable(),
  /** Decimal text; amounts of different currencies are rows of their own. */
  amount: z.string(),
  messages: z.number(),
});
export type MessageCost = z.output<typeof costRow>;

/** What WhatsApp messages to a campaign's leads cost, as YCloud reports it with their statuses. */
export function createMessageCosts({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Of the days in the account's zone. A message belongs to the campaign that touched its lead last before it left, as a sale does. */
    ofCampaign: (tenantId: number, campaignId: string, { since, until }: Period): Promise<readonly MessageCost[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(costRow)`
          SELECT CASE WHEN m.price IS NULL THEN NULL ELSE m.price_currency END AS currency, round(coalesce(sum(m.price), 0), 6)::text AS amount, count(*) AS messages
          FROM meta_ads_campaigns c
          JOIN ad_accounts a ON a.tenant_id = c.tenant_id AND a.ad_account_id = c.meta_account_id
          JOIN outbound_messages m ON m.tenant_id = c.tenant_id AND m.state IN ('accepted', 'sent', 'delivered', 'read')
            AND m.sending_at >= ${since}::date::timestamp AT TIME ZONE a.time_zone AND m.sending_at < (${until}::date + 1)::timestamp AT TIME ZONE a.time_zone
            AND m.lead_id IN (SELECT x.lead_id FROM lead_touches x WHERE x.tenant_id = c.tenant_id AND x.meta_campaign_id = c.meta_campaign_id)
          WHERE c.tenant_id = ${tenantId} AND c.meta_campaign_id = ${campaignId}
            AND (SELECT t.meta_campaign_id FROM lead_touches t WHERE t.tenant_id = m.tenant_id AND t.lead_id = m.lead_id AND t.touched_at <= m.sending_at
              AND t.meta_campaign_id IS NOT NULL ORDER BY t.touched_at DESC, t.id DESC LIMIT 1) = c.meta_campaign_id
          GROUP BY 1 ORDER BY min(m.price) IS NULL, 3 DESC, 1 LIMIT 10`),
      ),
  };
}
export type MessageCosts = ReturnType<typeof createMessageCosts>;

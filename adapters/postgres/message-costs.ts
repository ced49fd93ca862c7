import { sql } from 'slonik';
import { z } from 'zod';
import type { Period } from '../../domain/days.ts';
import { around } from './instant.ts';
import type { Database } from './pool.ts';

const costRow = z.object({
  /** Null for messages that have no price yet. */
  currency: z.string().nullable(),
  /** Decimal text; amounts of different currencies are rows of their own. */
  amount: z.string(),
  messages: z.number(),
});
export type MessageCost = z.output<typeof costRow>;
const campaignCostRow = costRow.extend({ campaign_id: z.string(), currency: z.string() });
export type CampaignMessageCost = z.output<typeof campaignCostRow>;
const pricedRow = z.object({
  id: z.string(),
  lead_id: z.string(),
  full_name: z.string().nullable(),
  template_name: z.string().nullable(),
  state: z.string(),
  left_at: z.date(),
  price: z.string().nullable(),
  currency: z.string().nullable(),
});

/** What WhatsApp messages to a campaign's leads cost, as YCloud reports it with their statuses. A message belongs to the campaign that touched its lead last before it left, as a sale does. */
export function createMessageCosts({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Of the days in the account's zone. */
    ofCampaign: (tenantId: number, campaignId: string, period: Period): Promise<readonly MessageCost[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(costRow)`
          SELECT CASE WHEN m.price IS NULL THEN NULL ELSE m.price_currency END AS currency, round(coalesce(sum(m.price), 0), 6)::text AS amount, count(*) AS messages
          FROM ${messagesOf(tenantId, campaignId, period)}
          GROUP BY 1 ORDER BY min(m.price) IS NULL, 3 DESC, 1 LIMIT 10`),
      ),

    /** The messages behind it, newest first. */
    behind: (tenantId: number, campaignId: string, period: Period, limit: number) =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(pricedRow)`
          SELECT m.id, m.lead_id, l.full_name, m.template_name, m.state, m.sending_at AS left_at, round(m.price, 6)::text AS price, m.price_currency AS currency
          FROM ${messagesOf(tenantId, campaignId, period)}
          ORDER BY m.sending_at DESC, m.id LIMIT ${limit}`),
      ),

    /** Every campaign's, each of its own account's days; only what has a price. */
    byCampaign: (
      tenantId: number,
      periods: ReadonlyMap<string, Period>,
      span: Period,
    ): Promise<readonly CampaignMessageCost[]> =>
      inTenant(tenantId, (tx) => {
        const tuples = [...periods].map(([account, { since, until }]) => [account, since, until]);
        return tx.any(sql.type(campaignCostRow)`
          SELECT c.meta_campaign_id AS campaign_id, m.price_currency AS currency, round(sum(m.price), 6)::text AS amount, count(*) AS messages
          FROM outbound_messages m
          JOIN meta_ads_campaigns c ON c.tenant_id = m.tenant_id AND c.meta_campaign_id = ${campaignOfMessage}
          JOIN ad_accounts a ON a.tenant_id = c.tenant_id AND a.ad_account_id = c.meta_account_id
          JOIN ${sql.unnest(tuples, ['text', 'date', 'date'])} AS p (ad_account_id, since, until) ON p.ad_account_id = a.ad_account_id
          WHERE m.tenant_id = ${tenantId} AND m.price IS NOT NULL AND m.price_currency IS NOT NULL AND ${hasLeft} AND ${around(sql.fragment`m.sending_at`, span)}
            AND (m.sending_at AT TIME ZONE a.time_zone)::date BETWEEN p.since AND p.until
          GROUP BY 1, 2 ORDER BY 1, 4 DESC, 2`);
      }),
  };
}
export type MessageCosts = ReturnType<typeof createMessageCosts>;

const hasLeft = sql.fragment`m.state IN ('accepted', 'sent', 'delivered', 'read')`;

const campaignOfMessage = sql.fragment`
  (SELECT t.meta_campaign_id FROM lead_touches t WHERE t.tenant_id = m.tenant_id AND t.lead_id = m.lead_id AND t.touched_at <= m.sending_at
    AND t.meta_campaign_id IS NOT NULL ORDER BY t.touched_at DESC, t.id DESC LIMIT 1)`;

const messagesOf = (tenantId: number, campaignId: string, { since, until }: Period) => sql.fragment`
  meta_ads_campaigns c
  JOIN ad_accounts a ON a.tenant_id = c.tenant_id AND a.ad_account_id = c.meta_account_id
  JOIN outbound_messages m ON m.tenant_id = c.tenant_id AND ${hasLeft}
    AND m.sending_at >= ${since}::date::timestamp AT TIME ZONE a.time_zone AND m.sending_at < (${until}::date + 1)::timestamp AT TIME ZONE a.time_zone
    AND m.lead_id IN (SELECT x.lead_id FROM lead_touches x WHERE x.tenant_id = c.tenant_id AND x.meta_campaign_id = c.meta_campaign_id)
  JOIN leads l ON l.tenant_id = m.tenant_id AND l.id = m.lead_id
  WHERE c.tenant_id = ${tenantId} AND c.meta_campaign_id = ${campaignId} AND ${campaignOfMessage} = c.meta_campaign_id`;

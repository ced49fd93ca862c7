import { sql } from 'slonik';
import { z } from 'zod';
import type { Period } from '../../domain/days.ts';
import type { Database } from './pool.ts';
import { leadDaysFragment } from './stats.ts';

const leadRow = z.object({
  id: z.string(),
  full_name: z.string().nullable(),
  status: z.string(),
  meta_campaign_id: z.string(),
  campaign_name: z.string(),
  day: z.string(),
  earlier: z.string().nullable(),
  arrived_at: z.date(),
});
export type LeadOfFigure = z.output<typeof leadRow>;

const personRow = z.object({ id: z.string(), full_name: z.string().nullable() });

const campaignRow = z.object({
  meta_campaign_id: z.string(),
  name: z.string(),
  status: z.string().nullable(),
  objective: z.string().nullable(),
  currency: z.string(),
  daily_budget: z.string().nullable(),
  lifetime_budget: z.string().nullable(),
  ad_account_id: z.string(),
  account_name: z.string(),
});
export type CampaignFacts = z.output<typeof campaignRow>;

const adsetRow = z.object({ adset_id: z.string(), name: z.string(), status: z.string().nullable() });
const adRow = z.object({
  ad_id: z.string(),
  adset_id: z.string(),
  name: z.string(),
  status: z.string().nullable(),
  thumbnail_url: z.string().nullable(),
});
const adFiguresRow = z.object({
  ad_id: z.string(),
  adset_id: z.string(),
  spend: z.string(),
  impressions: z.number(),
  clicks: z.number(),
  meta_leads: z.number(),
});
const adLeadsRow = z.object({ ad_id: z.string(), adset_id: z.string().nullable(), leads: z.number() });

export type StatsDetail = ReturnType<typeof createStatsDetail>;
export type CampaignDetail = NonNullable<Awaited<ReturnType<StatsDetail['campaign']>>>;

/** The single rows behind the figures: whose leads, which ads. */
export function createStatsDetail({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** The leads of the period, newest first: of one campaign, or of those in a currency or of an account. A lead counts once a campaign. */
    leads: (
      tenantId: number,
      period: Period,
      {
        campaignId,
        account,
        currency,
        limit,
      }: {
        campaignId?: string | undefined;
        account?: string | undefined;
        currency?: string | undefined;
        limit: number;
      },
    ): Promise<readonly LeadOfFigure[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(leadRow)`
          SELECT l.id, l.full_name, l.status, d.meta_campaign_id, c.name AS campaign_name, d.day::text, d.earlier::text,
            l.arrived_at
          FROM (${leadDaysFragment(tenantId, period, account)}) AS d
          JOIN meta_ads_campaigns c ON c.tenant_id = ${tenantId} AND c.meta_campaign_id = d.meta_campaign_id
          JOIN leads l ON l.tenant_id = ${tenantId} AND l.id = d.lead_id
          WHERE d.day BETWEEN ${period.since}::date AND ${period.until}::date
            ${campaignId === undefined ? sql.fragment`` : sql.fragment`AND d.meta_campaign_id = ${campaignId}`}
            ${currency === undefined ? sql.fragment`` : sql.fragment`AND c.currency = ${currency}`}
          ORDER BY d.day DESC, arrived_at DESC, l.id LIMIT ${limit}`),
      ),
    /** Names of people, for rows that know only their id. */
    names: async (tenantId: number, leadIds: readonly string[]): Promise<ReadonlyMap<string, string | null>> => {
      const rows = await inTenant(tenantId, (tx) =>
        tx.any(sql.type(personRow)`
          SELECT id, full_name FROM leads WHERE tenant_id = ${tenantId} AND id = ANY(${sql.array([...leadIds], 'uuid')}) LIMIT 1000`),
      );
      return new Map(rows.map(({ id, full_name }) => [id, full_name]));
    },
    /** A campaign of a copied account with its ad sets and ads, and what each ad did in the period; null for an unknown one. */
    campaign: (tenantId: number, campaignId: string, { since, until }: Period) =>
      inTenant(tenantId, async (tx) => {
        const facts = await tx.maybeOne(sql.type(campaignRow)`
          SELECT c.meta_campaign_id, c.name, c.status, c.objective, c.currency, c.daily_budget, c.lifetime_budget, a.ad_account_id, a.name AS account_name
          FROM meta_ads_campaigns c JOIN ad_accounts a ON a.tenant_id = c.tenant_id AND a.ad_account_id = c.meta_account_id AND a.is_selected
          WHERE c.tenant_id = ${tenantId} AND c.meta_campaign_id = ${campaignId}`);
        if (facts === null) return null;
        return {
          facts,
          adsets: await tx.any(sql.type(adsetRow)`
            SELECT adset_id, name, status FROM meta_ads_adsets
            WHERE tenant_id = ${tenantId} AND meta_campaign_id = ${campaignId} ORDER BY name, adset_id LIMIT 1000`),
          // The newest month of the period whose detail lies in the archive.
          archived: await tx.maybeOne(sql.type(z.object({ until: z.string() }))`
            SELECT (max(month) + interval '1 month' - interval '1 day')::date::text AS until FROM archives
            WHERE tenant_id = ${tenantId} AND restored_at IS NULL AND month + interval '1 month' > ${since}::date AND month <= ${until}::date HAVING count(*) > 0`),
          ads: await tx.any(sql.type(adRow)`
            SELECT a.ad_id, a.adset_id, a.name, a.status, c.thumbnail_url
            FROM meta_ads_ads a LEFT JOIN meta_ads_creatives c ON c.tenant_id = a.tenant_id AND c.creative_id = a.creative_id
            WHERE a.tenant_id = ${tenantId} AND a.meta_campaign_id = ${campaignId} ORDER BY a.name, a.ad_id LIMIT 2000`),
          figures: await tx.any(sql.type(adFiguresRow)`
            SELECT ad_id, max(adset_id) AS adset_id, sum(spend) AS spend, sum(impressions)::bigint AS impressions, sum(clicks)::bigint AS clicks,
              sum(leads)::bigint AS meta_leads
            FROM meta_ads_ad_insights
            WHERE tenant_id = ${tenantId} AND meta_campaign_id = ${campaignId} AND date BETWEEN ${since}::date AND ${until}::date
            GROUP BY ad_id LIMIT 10000`),
          leads: await tx.any(sql.type(adLeadsRow)`
            SELECT t.ad_id, max(t.adset_id) AS adset_id, count(DISTINCT t.lead_id) AS leads
            FROM lead_touches t
            JOIN leads l ON l.tenant_id = t.tenant_id AND l.id = t.lead_id AND NOT l.is_test
            JOIN ad_accounts a ON a.tenant_id = t.tenant_id AND a.ad_account_id = ${facts.ad_account_id}
            WHERE t.tenant_id = ${tenantId} AND t.meta_campaign_id = ${campaignId} AND t.ad_id IS NOT NULL
              AND (t.touched_at AT TIME ZONE a.time_zone)::date BETWEEN ${since}::date AND ${until}::date
            GROUP BY t.ad_id LIMIT 10000`),
        };
      }),
  };
}

import { sql } from 'slonik';
import { z } from 'zod';
import { type Period, previousOf } from '../../domain/days.ts';
import type { StatsInput } from '../../domain/stats.ts';
import { around } from './instant.ts';
import type { Database, Tx } from './pool.ts';

const accountRow = z.object({
  ad_account_id: z.string(),
  name: z.string(),
  currency: z.string(),
  time_zone: z.string(),
  last_synced_at: z.date().nullable(),
});
const campaignRow = z.object({
  meta_campaign_id: z.string(),
  ad_account_id: z.string(),
  name: z.string(),
  status: z.string().nullable(),
  currency: z.string(),
});
/** Day, spend, impressions, clicks and Meta's leads of one campaign, separated by spaces, each day by a comma: fifty thousand rows are read four times as fast. */
const campaignDaysRow = z.object({ meta_campaign_id: z.string(), days: z.string() });
const leadDayRow = z.object({
  meta_campaign_id: z.string(),
  day: z.string(),
  earlier: z.string().nullable(),
  leads: z.number(),
});
const touchOf = z.object({
  campaign_id: z.string(),
  adset_id: z.string().nullable(),
  ad_id: z.string().nullable(),
  at: z.coerce.date(),
});
const outcomeRow = z.object({
  kind: z.enum(['opportunity', 'sale']),
  id: z.string(),
  lead_id: z.string().nullable(),
  at: z.date(),
  arrived_at: z.date().nullable(),
  amount: z.string(),
  currency: z.string(),
  touches: z.array(touchOf),
});

const rateRow = z.object({ currency: z.string(), base: z.string(), day: z.string(), rate: z.string() });

export type StatsAccount = z.output<typeof accountRow>;
export type StatsCampaign = z.output<typeof campaignRow>;
export type StatsDay = StatsInput['days'][number];
export type LeadDay = z.output<typeof leadDayRow>;
export type Outcome = z.output<typeof outcomeRow>;

export interface StatsTenant {
  timeZone: string;
  currency: string;
  /** All accounts together are read in this one. */
  reportingCurrency: string;
  lookBackDays: number;
}

const tenantRow = z.object({
  time_zone: z.string(),
  currency: z.string(),
  reporting_currency: z.string(),
  look_back_days: z.number(),
});

/** What the figures are made of, for a period and the one before; `domain/stats.ts` adds it up. */
export interface StatsRows {
  tenant: StatsTenant;
  accounts: readonly StatsAccount[];
  campaigns: readonly StatsCampaign[];
  days: readonly StatsDay[];
  leadDays: readonly LeadDay[];
  leadsWithoutCampaign: readonly { day: string; leads: number }[];
  outcomes: readonly Outcome[];
  rates: readonly z.output<typeof rateRow>[];
}

/** Reads the rows behind the figures. The screen, the API and the diagnosis use this one query set. */
export function createStats({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /**
     * `period` is the span over all accounts, or that of `account` alone; rows of the period before it come along. Spend and people are read at the same
     * time: either takes as long, and each statement sees its own moment anyway.
     */
    async rows(tenantId: number, period: Period, account?: string): Promise<StatsRows> {
      const span = { since: previousOf(period).since, until: period.until };
      const [spend, people] = await Promise.all([
        inTenant(tenantId, async (tx) => ({
          tenant: await tenantOf(tx, tenantId),
          accounts: await accountsOf(tx, tenantId, account),
          campaigns: await campaignsOf(tx, tenantId, account),
          days: await daysOf(tx, tenantId, span, account),
          rates: await ratesOf(tx, tenantId, span),
          leadDays: await leadDaysOf(tx, tenantId, span, account),
        })),
        inTenant(tenantId, async (tx) => ({
          leadsWithoutCampaign: account === undefined ? await leadsWithoutCampaign(tx, tenantId, span) : [],
          outcomes: await outcomesOf(tx, tenantId, span),
        })),
      ]);
      return { ...spend, ...people };
    },

    zones: (tenantId: number) =>
      inTenant(tenantId, async (tx) => ({
        tenant: await tenantOf(tx, tenantId),
        accounts: await accountsOf(tx, tenantId),
      })),
  };
}
export type Stats = ReturnType<typeof createStats>;

async function tenantOf(tx: Tx, tenantId: number): Promise<StatsTenant> {
  const row = await tx.one(
    sql.type(tenantRow)`
      SELECT time_zone, currency, coalesce(reporting_currency, currency) AS reporting_currency, look_back_days FROM tenants WHERE id = ${tenantId}`,
  );
  const { time_zone: timeZone, currency, reporting_currency: reportingCurrency, look_back_days: lookBackDays } = row;
  return { timeZone, currency, reportingCurrency, lookBackDays };
}

// A week before the span too: a rate holds for seven days.
const ratesOf = (tx: Tx, tenantId: number, { since, until }: Period) =>
  tx.any(sql.type(rateRow)`
    SELECT currency, base, day::text, rate::text FROM exchange_rates
    WHERE tenant_id = ${tenantId} AND day BETWEEN ${since}::date - 8 AND ${until}::date + 1
    ORDER BY day LIMIT 100000`);

/** Of one account, or of all. */
const only = (column: ReturnType<typeof sql.fragment>, account: string | undefined) =>
  account === undefined ? sql.fragment`` : sql.fragment`AND ${column} = ${account}`;

const accountsOf = (tx: Tx, tenantId: number, account?: string) =>
  tx.any(sql.type(accountRow)`
    SELECT ad_account_id, name, currency, time_zone, last_synced_at FROM ad_accounts
    WHERE tenant_id = ${tenantId} AND is_selected ${only(sql.fragment`ad_account_id`, account)} ORDER BY name, ad_account_id LIMIT 500`);

const campaignsOf = (tx: Tx, tenantId: number, account?: string) =>
  tx.any(sql.type(campaignRow)`
    SELECT c.meta_campaign_id, c.meta_account_id AS ad_account_id, c.name, c.status, c.currency
    FROM meta_ads_campaigns c JOIN ad_accounts a ON a.tenant_id = c.tenant_id AND a.ad_account_id = c.meta_account_id AND a.is_selected
    WHERE c.tenant_id = ${tenantId} ${only(sql.fragment`c.meta_account_id`, account)} ORDER BY c.name, c.meta_campaign_id LIMIT 10000`);

async function daysOf(tx: Tx, tenantId: number, { since, until }: Period, account?: string): Promise<StatsDay[]> {
  const campaigns = await tx.any(sql.type(campaignDaysRow)`
    SELECT meta_campaign_id, string_agg(date || ' ' || spend || ' ' || impressions || ' ' || clicks || ' ' || leads, ',') AS days
    FROM meta_ads_insights
    WHERE tenant_id = ${tenantId} ${only(sql.fragment`meta_account_id`, account)} AND date BETWEEN ${since}::date AND ${until}::date
    GROUP BY 1`);
  const all: StatsDay[] = [];
  for (const { meta_campaign_id, days } of campaigns)
    for (const text of days.split(',')) {
      const [day = '', spend = '', impressions, clicks, leads] = text.split(' ');
      const [shown, clicked, metaLeads] = [Number(impressions), Number(clicks), Number(leads)];
      all.push({ meta_campaign_id, day, spend, impressions: shown, clicks: clicked, meta_leads: metaLeads });
    }
  return all;
}

/**
 * A lead falls on the day of its form in the zone of the ad's account; test leads are nobody's. `earlier` is the day of the same lead's form of the
 * same campaign before that: within one window a lead counts once. What the figures count and what explains them come from these same rows.
 */
export const leadDaysFragment = (tenantId: number, span: Period, account?: string) => sql.fragment`
  SELECT meta_campaign_id, lead_id, day, lag(day) OVER (PARTITION BY meta_campaign_id, lead_id ORDER BY day) AS earlier
  FROM (SELECT DISTINCT t.meta_campaign_id, t.lead_id, (t.touched_at AT TIME ZONE a.time_zone)::date AS day
    FROM lead_touches t
    JOIN meta_ads_campaigns c ON c.tenant_id = t.tenant_id AND c.meta_campaign_id = t.meta_campaign_id
    JOIN ad_accounts a ON a.tenant_id = c.tenant_id AND a.ad_account_id = c.meta_account_id AND a.is_selected
    WHERE t.tenant_id = ${tenantId} ${only(sql.fragment`a.ad_account_id`, account)} AND ${around(sql.fragment`t.touched_at`, span)}
      AND NOT EXISTS (SELECT FROM leads l WHERE l.tenant_id = t.tenant_id AND l.id = t.lead_id AND l.is_test)
  ) AS lead_days`;

const leadDaysOf = (tx: Tx, tenantId: number, span: Period, account?: string) =>
  tx.any(sql.type(leadDayRow)`
    SELECT meta_campaign_id, day::text, earlier::text, count(*) AS leads FROM (${leadDaysFragment(tenantId, span, account)}) AS days GROUP BY 1, 2, 3`);

// Of no campaign at all, or of none that is shown: not copied yet, or of an account that is no longer selected.
const leadsWithoutCampaign = (tx: Tx, tenantId: number, span: Period) =>
  tx.any(sql.type(z.object({ day: z.string(), leads: z.number() }))`
    SELECT (l.arrived_at AT TIME ZONE n.time_zone)::date::text AS day, count(*) AS leads
    FROM leads l JOIN tenants n ON n.id = l.tenant_id
    WHERE l.tenant_id = ${tenantId} AND NOT l.is_test AND l.merged_into IS NULL
      AND ${around(sql.fragment`l.arrived_at`, span)}
      AND NOT EXISTS (SELECT FROM lead_touches t
        JOIN meta_ads_campaigns c ON c.tenant_id = t.tenant_id AND c.meta_campaign_id = t.meta_campaign_id
        JOIN ad_accounts a ON a.tenant_id = c.tenant_id AND a.ad_account_id = c.meta_account_id AND a.is_selected
        WHERE t.tenant_id = l.tenant_id AND t.lead_id = l.id)
    GROUP BY 1`);

// Those that happened in the span, and (for the cohort view) all of people who arrived in it.
const outcomesOf = (tx: Tx, tenantId: number, span: Period) =>
  tx.any(sql.type(outcomeRow)`
    WITH arrived AS (
      SELECT l.id FROM leads l WHERE l.tenant_id = ${tenantId} AND ${around(sql.fragment`l.arrived_at`, span)}
    ), outcomes AS (
      SELECT 'opportunity' AS kind, id, created_at AS at, lead_id, value AS amount, currency FROM opportunities WHERE tenant_id = ${tenantId}
      UNION ALL
      SELECT 'sale', id, sold_at, lead_id, amount, currency FROM sales_transactions WHERE tenant_id = ${tenantId} AND voided_at IS NULL
    )
    SELECT o.kind, o.id, o.lead_id, o.at, o.amount, o.currency,
      (SELECT l.arrived_at FROM leads l WHERE l.tenant_id = ${tenantId} AND l.id = o.lead_id) AS arrived_at,
      coalesce((SELECT jsonb_agg(jsonb_build_object('campaign_id', t.meta_campaign_id, 'adset_id', t.adset_id, 'ad_id', t.ad_id, 'at', t.touched_at) ORDER BY t.touched_at, t.id)
        FROM lead_touches t
        WHERE t.tenant_id = ${tenantId} AND t.lead_id = o.lead_id AND t.meta_campaign_id IS NOT NULL), '[]') AS touches
    FROM outcomes o LEFT JOIN arrived a ON a.id = o.lead_id
    WHERE a.id IS NOT NULL OR ${around(sql.fragment`o.at`, span)}`);

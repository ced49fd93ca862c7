import { sql } from 'slonik';
import { z } from 'zod';
import type { DetailKind } from '../../domain/breakdown.ts';
import type { Period } from '../../domain/days.ts';
import { mappingColumns, mappingOf } from './form-mappings.ts';
import { around } from './instant.ts';
import type { Database } from './pool.ts';

const adRow = z.object({
  ad_id: z.string(),
  key: z.string(),
  name: z.string().nullable(),
  parent: z.string().nullable(),
  status: z.string().nullable(),
  picture_of: z.string().nullable(),
});
const figuresRow = z.object({
  key: z.string(),
  currency: z.string(),
  day: z.string(),
  spend: z.string(),
  impressions: z.number(),
  clicks: z.number(),
  meta_leads: z.number(),
});
const leadsRow = z.object({ key: z.string(), currency: z.string(), leads: z.number() });
const groupRow = z.object({ key: z.string(), name: z.string().nullable(), leads: z.number() });
const keyRow = z.object({ id: z.string(), key: z.string() });
const answer = z.object({ form_id: z.string().nullable(), values: z.array(z.string()).nullable() });

export type DetailRows = Awaited<ReturnType<Breakdowns['detail']>>;

/** What the figures are broken down by: Meta's detail by ad and our leads by what brought them. */
export function createBreakdowns({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** By ad, ad set or creative, each account in its own days. With `byDay` the money is kept apart by day, for a rate of its own. */
    detail: (tenantId: number, kind: DetailKind, periods: ReadonlyMap<string, Period>, byDay: boolean) =>
      inTenant(tenantId, async (tx) => {
        const tuples = [...periods].map(([account, { since, until }]) => [account, since, until]);
        const ofPeriods = sql.fragment`${sql.unnest(tuples, ['text', 'date', 'date'])} AS p (ad_account_id, since, until)`;
        return {
          ads: await tx.any(sql.type(adRow)`
            SELECT a.ad_id, ${keyOf[kind]} AS key, ${nameOf[kind]} AS name, ${parentOf[kind]} AS parent, ${statusOf[kind]} AS status,
              (SELECT p.creative_id FROM creative_pictures p
                WHERE p.tenant_id = a.tenant_id AND p.creative_id = a.creative_id AND p.picture IS NOT NULL) AS picture_of
            FROM meta_ads_ads a
            JOIN meta_ads_campaigns c ON c.tenant_id = a.tenant_id AND c.meta_campaign_id = a.meta_campaign_id
            LEFT JOIN meta_ads_adsets s ON s.tenant_id = a.tenant_id AND s.adset_id = a.adset_id
            LEFT JOIN meta_ads_creatives r ON r.tenant_id = a.tenant_id AND r.creative_id = a.creative_id
            WHERE a.tenant_id = ${tenantId} AND c.meta_account_id = ANY(${sql.array([...periods.keys()], 'text')})
            ORDER BY a.ad_id LIMIT 20000`),
          figures: await tx.any(sql.type(figuresRow)`
            SELECT ${figureKeyOf[kind]} AS key, i.currency, (${byDay ? sql.fragment`i.date` : sql.fragment`p.since`})::text AS day, sum(i.spend) AS spend,
              sum(i.impressions)::bigint AS impressions, sum(i.clicks)::bigint AS clicks, sum(i.leads)::bigint AS meta_leads
            FROM meta_ads_ad_insights i JOIN ${ofPeriods} ON p.ad_account_id = i.meta_account_id AND i.date BETWEEN p.since AND p.until
            LEFT JOIN meta_ads_ads a ON a.tenant_id = i.tenant_id AND a.ad_id = i.ad_id
            WHERE i.tenant_id = ${tenantId} GROUP BY 1, 2, 3`),
          leads: await tx.any(sql.type(leadsRow)`
            SELECT ${touchKeyOf[kind]} AS key, c.currency, count(DISTINCT t.lead_id) AS leads
            FROM lead_touches t
            JOIN leads l ON l.tenant_id = t.tenant_id AND l.id = t.lead_id AND NOT l.is_test
            JOIN meta_ads_campaigns c ON c.tenant_id = t.tenant_id AND c.meta_campaign_id = t.meta_campaign_id
            JOIN ad_accounts n ON n.tenant_id = c.tenant_id AND n.ad_account_id = c.meta_account_id AND n.is_selected
            JOIN ${ofPeriods} ON p.ad_account_id = n.ad_account_id
            LEFT JOIN meta_ads_ads a ON a.tenant_id = t.tenant_id AND a.ad_id = t.ad_id
            WHERE t.tenant_id = ${tenantId} AND t.ad_id IS NOT NULL AND (t.touched_at AT TIME ZONE n.time_zone)::date BETWEEN p.since AND p.until
            GROUP BY 1, 2`),
        };
      }),

    /** People who arrived in the tenant's days, by channel or form; each once. Of an account: those whom it brought first. */
    groups: (tenantId: number, kind: keyof typeof groupOf, period: Period, account?: string) =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(groupRow)`
          SELECT ${groupOf[kind]} AS key, ${kind === 'form' ? sql.fragment`max(f.name)` : sql.fragment`NULL::text`} AS name, count(*) AS leads
          FROM leads l JOIN tenants n ON n.id = l.tenant_id
          LEFT JOIN lead_forms f ON f.tenant_id = l.tenant_id AND f.form_id = l.form_id
          WHERE ${arrivedIn(tenantId, period)} ${broughtBy(account)} GROUP BY 1`),
      ),

    /** Which of them these people belong to. */
    groupsOf: async (tenantId: number, kind: keyof typeof groupOf, leadIds: readonly string[], account?: string) => {
      const rows = await inTenant(tenantId, (tx) =>
        tx.any(sql.type(keyRow)`
          SELECT l.id, ${groupOf[kind]} AS key FROM leads l WHERE ${isOf(tenantId, leadIds)} ${broughtBy(account)}`),
      );
      return new Map(rows.map(({ id, key }) => [id, key]));
    },

    /** What the forms ask and what that means. */
    forms: async (tenantId: number) => {
      const rows = await inTenant(tenantId, (tx) =>
        tx.any(sql.type(mappingColumns.extend({ form_id: z.string() }))`
          SELECT f.form_id, f.questions, ${mappingOf(tenantId)} AS chosen FROM lead_forms f
          WHERE f.tenant_id = ${tenantId} AND f.questions <> '[]' ORDER BY f.form_id LIMIT 5000`),
      );
      return rows.map(({ form_id: formId, ...mapping }) => ({ formId, ...mapping }));
    },

    /** People who arrived in the tenant's days, by their answer and the form that asked; each once. */
    answers: (tenantId: number, field: AskedField, period: Period, account?: string) =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(answer.extend({ leads: z.number() }))`
          SELECT l.form_id, ${valuesOf(field)} AS values, count(*) AS leads
          FROM leads l JOIN tenants n ON n.id = l.tenant_id
          WHERE ${arrivedIn(tenantId, period)} ${broughtBy(account)} GROUP BY 1, 2`),
      ),

    answersOf: (tenantId: number, field: AskedField, leadIds: readonly string[], account?: string) =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(answer.extend({ id: z.string() }))`
          SELECT l.id, l.form_id, ${valuesOf(field)} AS values FROM leads l WHERE ${isOf(tenantId, leadIds)} ${broughtBy(account)}`),
      ),
  };
}
export type Breakdowns = ReturnType<typeof createBreakdowns>;

/** A question, and the forms in which it is one to keep the answer of. */
interface AskedField {
  key: string;
  forms: readonly string[];
}

const arrivedIn = (tenantId: number, { since, until }: Period) => sql.fragment`
  l.tenant_id = ${tenantId} AND NOT l.is_test AND l.merged_into IS NULL AND ${around(sql.fragment`l.arrived_at`, { since, until })}
    AND (l.arrived_at AT TIME ZONE n.time_zone)::date BETWEEN ${since}::date AND ${until}::date`;

const isOf = (tenantId: number, leadIds: readonly string[]) =>
  sql.fragment`l.tenant_id = ${tenantId} AND l.id = ANY(${sql.array([...leadIds], 'uuid')})`;

// A person came once, so by one account or by none: what they came by is what they touched first.
const broughtBy = (account: string | undefined) =>
  account === undefined
    ? sql.fragment``
    : sql.fragment`AND ${account} = (SELECT c.meta_account_id FROM lead_touches t
        LEFT JOIN meta_ads_campaigns c ON c.tenant_id = t.tenant_id AND c.meta_campaign_id = t.meta_campaign_id
        WHERE t.tenant_id = l.tenant_id AND t.lead_id = l.id ORDER BY t.touched_at, t.id LIMIT 1)`;

const valuesOf = ({ key, forms }: AskedField) => sql.fragment`
  CASE WHEN l.form_id = ANY(${sql.array([...forms], 'text')})
    THEN (SELECT a -> 'values' FROM jsonb_array_elements(l.answers) a WHERE a ->> 'name' = ${key} LIMIT 1) END`;

// What an ad belongs to. Of an ad that is no longer listed the ad and its ad set are known, its creative is not.
const keyOf = {
  ad: sql.fragment`a.ad_id`,
  adset: sql.fragment`a.adset_id`,
  creative: sql.fragment`coalesce(a.creative_id, '')`,
};
const figureKeyOf = {
  ad: sql.fragment`i.ad_id`,
  adset: sql.fragment`coalesce(a.adset_id, i.adset_id)`,
  creative: keyOf.creative,
};
const touchKeyOf = {
  ad: sql.fragment`t.ad_id`,
  adset: sql.fragment`coalesce(a.adset_id, t.adset_id, '')`,
  creative: keyOf.creative,
};
const nameOf = {
  ad: sql.fragment`a.name`,
  adset: sql.fragment`s.name`,
  // Meta adds a day and a hash to the names it makes up itself.
  creative: sql.fragment`coalesce(nullif(regexp_replace(r.name, ' \\d{4}-\\d\\d-\\d\\d-[0-9a-f]{8,}$', ''), ''), a.name)`,
};
const parentOf = {
  ad: sql.fragment`concat_ws(' · ', c.name, s.name)`,
  adset: sql.fragment`c.name`,
  creative: sql.fragment`c.name`,
};
const statusOf = { ad: sql.fragment`a.status`, adset: sql.fragment`s.status`, creative: sql.fragment`a.status` };

const groupOf = {
  channel: sql.fragment`CASE WHEN l.source = 'whatsapp' THEN 'whatsapp' WHEN l.source = 'manual' THEN 'manual' WHEN l.is_organic THEN 'organic'
    WHEN l.platform IN ('fb', 'ig') THEN l.platform ELSE 'other' END`,
  form: sql.fragment`coalesce(l.form_id, '')`,
};

import { sql } from 'slonik';
import { z } from 'zod';
import type { Period } from '../../domain/days.ts';
import type { Database } from './pool.ts';
import { leadDaysFragment } from './stats.ts';

const seconds = z.coerce.number().nullable();
const speedRow = z.object({
  leads: z.number(),
  in_crm: z.number(),
  in_crm_p50: seconds,
  in_crm_p95: seconds,
  messaged: z.number(),
  messaged_p50: seconds,
  messaged_p95: seconds,
  answered: z.number(),
  answered_p50: seconds,
  answered_p95: seconds,
});
export type LeadSpeed = z.output<typeof speedRow>;
const firstRow = z.object({ leads: z.number(), responded: z.number(), p50: seconds });
export type FirstResponse = z.output<typeof firstRow>;

/** How long it took, from the form on, until a lead was here, had a message delivered, and heard from a person. Seconds, by nearest rank. */
export function createLeadSpeed({ inTenant }: Pick<Database, 'inTenant'>) {
  const rankOf = (step: string) => {
    const name = sql.identifier([step]);
    return sql.fragment`count(${name}) AS ${name},
      percentile_disc(0.5) WITHIN GROUP (ORDER BY ${name}) AS ${sql.identifier([`${step}_p50`])},
      percentile_disc(0.95) WITHIN GROUP (ORDER BY ${name}) AS ${sql.identifier([`${step}_p95`])}`;
  };
  // greatest() ignores nulls: a step that was not reached must not become one that took no time.
  const spanTo = (end: string) => {
    const at = sql.identifier([end]);
    return sql.fragment`CASE WHEN sent_at IS NOT NULL AND ${at} IS NOT NULL THEN greatest(0, extract(epoch FROM ${at} - sent_at))::bigint END`;
  };
  const stepsOf = (tenantId: number, counted: ReturnType<typeof sql.fragment>) => sql.fragment`
    counted AS (${counted}), steps AS (
      SELECT l.submitted_at AS sent_at, l.created_at AS here_at,
        (SELECT min(o.delivered_at) FROM outbound_messages o WHERE o.tenant_id = ${tenantId} AND o.lead_id = l.id) AS delivered_at,
        (SELECT min(c.sent_at) FROM chat_messages c
          WHERE c.tenant_id = ${tenantId} AND c.lead_id = l.id AND c.direction = 'out' AND c.author = 'human') AS answered_at
      FROM counted JOIN leads l ON l.tenant_id = ${tenantId} AND l.id = counted.lead_id
    )`;
  return {
    /** From the form to the first message delivered or written by a person, over the leads that ads in this currency (null: in any) and of this account brought. */
    firstResponse: (
      tenantId: number,
      period: Period,
      currency: string | null,
      account?: string,
    ): Promise<FirstResponse> =>
      inTenant(tenantId, (tx) =>
        tx.one(sql.type(firstRow)`
          WITH ${stepsOf(
            tenantId,
            sql.fragment`
              SELECT DISTINCT d.lead_id FROM (${leadDaysFragment(tenantId, period, account)}) AS d
              JOIN meta_ads_campaigns c ON c.tenant_id = ${tenantId} AND c.meta_campaign_id = d.meta_campaign_id
              WHERE d.day BETWEEN ${period.since}::date AND ${period.until}::date AND (${currency}::text IS NULL OR c.currency = ${currency})`,
          )}, firsts AS (SELECT sent_at, least(delivered_at, answered_at) AS first_at FROM steps),
          spans AS (SELECT ${spanTo('first_at')} AS took FROM firsts)
          SELECT count(*) AS leads, count(took) AS responded, percentile_disc(0.5) WITHIN GROUP (ORDER BY took) AS p50 FROM spans`),
      ),

    /** Of the leads that a campaign counts in the period; steps that a lead has not reached are not in its ranks. */
    ofCampaign: (tenantId: number, campaignId: string, period: Period): Promise<LeadSpeed> =>
      inTenant(tenantId, (tx) =>
        tx.one(sql.type(speedRow)`
          WITH ${stepsOf(
            tenantId,
            sql.fragment`
              SELECT DISTINCT lead_id FROM (${leadDaysFragment(tenantId, period)}) AS d
              WHERE d.meta_campaign_id = ${campaignId} AND d.day BETWEEN ${period.since}::date AND ${period.until}::date`,
          )}, spans AS (
            SELECT ${spanTo('here_at')} AS in_crm, ${spanTo('delivered_at')} AS messaged, ${spanTo('answered_at')} AS answered
            FROM steps
          )
          SELECT count(*) AS leads, ${rankOf('in_crm')}, ${rankOf('messaged')}, ${rankOf('answered')} FROM spans`),
      ),
  };
}
export type LeadSpeeds = ReturnType<typeof createLeadSpeed>;

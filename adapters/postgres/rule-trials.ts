import { sql } from 'slonik';
import { z } from 'zod';
import { saysOneOf } from '../../domain/automation.ts';
import { dateWords } from '../../domain/days.ts';
import type { Candidate } from '../../domain/dry-run.ts';
import { refusedWhatsApp } from './consents.ts';
import { templateRow } from './dispatch-situations.ts';
import type { Database, Tx } from './pool.ts';
import { expectedAt, reminderMoments } from './reminder-rules.ts';
import type { NewRule } from './rule-shapes.ts';

export type RuleTemplate = z.output<typeof templateRow>;
const optionRow = z.object({ id: z.string(), name: z.string() });
export type RuleOption = z.output<typeof optionRow>;
const capRow = z.object({
  template_cap: z.number(),
  template_cap_hours: z.number(),
  heed_consent: z.boolean(),
  quiet_from: z.string().nullable(),
  quiet_until: z.string().nullable(),
  time_zone: z.string(),
});
const candidateRow = z.object({
  lead_id: z.string(),
  full_name: z.string().nullable(),
  phone: z.string().nullable(),
  is_test: z.boolean(),
  is_suppressed: z.boolean(),
  has_refused: z.boolean(),
  form_id: z.string().nullable(),
  campaign_id: z.string().nullable(),
  campaign_name: z.string().nullable(),
  expected_at: z.date().nullable(),
  locale: z.enum(['es', 'en']),
  time_zone: z.string(),
  at: z.date(),
  words: z.string().nullable(),
});
const priceRow = z.object({ price: z.string(), currency: z.string() });

export type Trial = Pick<NewRule, 'trigger' | 'conditions'>;
const DAYS = 30;
const MOST = 20_000;

/** What the editor of rules offers, and whom a rule would have met in the last 30 days. Reads only. */
export function createRuleTrials({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Templates of the number that sends, campaigns and forms to choose from, and the limits that hold for every rule. */
    options: (tenantId: number) =>
      inTenant(tenantId, async (tx) => ({
        templates: await tx.any(sql.type(templateRow)`
          SELECT m.name, m.language, m.category, m.status, m.components FROM meta_templates m
          WHERE m.tenant_id = ${tenantId} AND m.waba_id = (SELECT s.waba_id FROM whatsapp_senders s WHERE s.tenant_id = ${tenantId} AND s.is_default)
          ORDER BY (m.status = 'APPROVED') DESC, m.name, m.language LIMIT 500`),
        campaigns: await tx.any(
          sql.type(
            optionRow,
          )`SELECT meta_campaign_id AS id, name FROM meta_ads_campaigns WHERE tenant_id = ${tenantId} ORDER BY (status = 'ACTIVE') DESC, name LIMIT 500`,
        ),
        forms: await tx.any(
          sql.type(
            optionRow,
          )`SELECT form_id AS id, coalesce(nullif(name, ''), form_id) AS name FROM lead_forms WHERE tenant_id = ${tenantId} ORDER BY (status = 'ACTIVE') DESC, name LIMIT 500`,
        ),
        limits: await tx.one(
          sql.type(
            capRow,
          )`SELECT template_cap, template_cap_hours, heed_consent, to_char(quiet_from, 'HH24:MI') AS quiet_from, to_char(quiet_until, 'HH24:MI') AS quiet_until, time_zone FROM tenants WHERE id = ${tenantId}`,
        ),
      })),

    /** Whom the rule would have met, as it would have found them. */
    candidates: (tenantId: number, trial: Trial): Promise<readonly Candidate[]> =>
      inTenant(tenantId, async (tx) => {
        const rows = await tx.any(sql.type(candidateRow)`
          SELECT l.id AS lead_id, l.full_name, l.phone, l.is_test, l.form_id, t.meta_campaign_id AS campaign_id, c.name AS campaign_name, e.at, e.words,
            EXISTS (SELECT FROM suppressions s WHERE s.tenant_id = l.tenant_id AND s.phone = l.phone AND s.lifted_at IS NULL) AS is_suppressed,
            ${refusedWhatsApp(tenantId, sql.fragment`l.id`)} AS has_refused,
            ${expectedAt(tenantId, sql.fragment`l.id`, sql.fragment`e.date_at`)} AS expected_at, n.locale, n.time_zone
          FROM (${eventsOf(tenantId, trial)}) e
          JOIN leads l ON l.tenant_id = ${tenantId} AND l.id = e.lead_id AND l.capture_state = 'captured'
          JOIN tenants n ON n.id = l.tenant_id
          LEFT JOIN LATERAL (SELECT x.meta_campaign_id FROM lead_touches x WHERE x.tenant_id = l.tenant_id AND x.lead_id = l.id ORDER BY x.touched_at DESC LIMIT 1) t ON true
          LEFT JOIN meta_ads_campaigns c ON c.tenant_id = l.tenant_id AND c.meta_campaign_id = t.meta_campaign_id
          WHERE ${among(sql.fragment`l.form_id`, trial.conditions.formIds)} AND ${among(sql.fragment`t.meta_campaign_id`, trial.conditions.campaignIds)}
          ORDER BY e.at DESC LIMIT ${MOST}`);
        return rows
          .filter(({ words }) => trial.trigger !== 'keyword' || saysOneOf(trial.conditions.words ?? [], words ?? ''))
          .map(candidateOf);
      }),

    /** What a message of this template cost lately, else one of its category; null when none had a price. */
    price: (tenantId: number, { name, category }: { name: string; category: string }) =>
      inTenant(tenantId, (tx) => priceOf(tx, tenantId, name, category)),
  };
}
export type RuleTrials = ReturnType<typeof createRuleTrials>;

const among = (column: ReturnType<typeof sql.fragment>, ids: readonly string[] | undefined) =>
  ids === undefined ? sql.fragment`true` : sql.fragment`${column} = ANY(${sql.array([...ids], 'text')})`;

const noDate = sql.fragment`NULL::timestamptz AS date_at`;

/** What would have started the rule: one row a time, with the date it is about where there is one. */
function eventsOf(tenantId: number, { trigger, conditions }: Trial) {
  const since = sql.fragment`now() - ${DAYS} * interval '1 day'`;
  switch (trigger) {
    case 'new_lead':
      return sql.fragment`
        SELECT id AS lead_id, arrived_at AS at, NULL AS words, ${noDate} FROM leads WHERE tenant_id = ${tenantId} AND arrived_at > ${since}`;
    case 'status_change':
      return sql.fragment`
        SELECT object_id::uuid AS lead_id, created_at AS at, NULL AS words, ${noDate} FROM system_events
        WHERE tenant_id = ${tenantId} AND kind = 'change' AND object_type = 'lead' AND name = 'lead.status_changed' AND created_at > ${since}
          AND details ->> 'to' = ANY(${sql.array([...(conditions.toStatuses ?? [])], 'text')})`;
    case 'keyword':
      return sql.fragment`
        SELECT lead_id, sent_at AS at, body AS words, ${noDate} FROM chat_messages
        WHERE tenant_id = ${tenantId} AND direction = 'in' AND lead_id IS NOT NULL AND body IS NOT NULL AND sent_at > ${since}`;
    case 'reminder':
      return sql.fragment`
        SELECT d.lead_id, d.due_at AS at, NULL AS words, d.date_at FROM (${reminderMoments(tenantId, conditions.remind)}) d WHERE d.due_at > ${since} AND d.due_at <= now()`;
    case 'no_reply':
      return sql.fragment`
        SELECT m.lead_id, m.created_at + ${conditions.afterHours ?? 0} * interval '1 hour' AS at, NULL AS words, ${noDate} FROM outbound_messages m
        WHERE m.tenant_id = ${tenantId} AND m.rule_id IS NOT NULL AND m.created_at > ${since} AND m.state NOT IN ('claimed', 'cancelled', 'rejected', 'failed')
          AND NOT EXISTS (SELECT FROM chat_messages c WHERE c.tenant_id = m.tenant_id AND c.phone = m.phone AND c.direction = 'in'
            AND c.sent_at BETWEEN m.created_at AND m.created_at + ${conditions.afterHours ?? 0} * interval '1 hour')`;
  }
}

const candidateOf = (row: z.output<typeof candidateRow>): Candidate => ({
  leadId: row.lead_id,
  fullName: row.full_name,
  phone: row.phone,
  isTest: row.is_test,
  isSuppressed: row.is_suppressed,
  hasRefused: row.has_refused,
  formId: row.form_id,
  campaignId: row.campaign_id,
  campaignName: row.campaign_name,
  expectedAt: row.expected_at && dateWords(row.expected_at, row.locale, row.time_zone),
  at: row.at,
});

const priceOf = (tx: Tx, tenantId: number, name: string, category: string) =>
  tx.maybeOne(sql.type(priceRow)`
    SELECT round(avg(price), 6) AS price, currency FROM (
      SELECT price, price_currency AS currency, template_name = ${name} AS is_own FROM outbound_messages
      WHERE tenant_id = ${tenantId} AND price IS NOT NULL AND price_currency IS NOT NULL AND created_at > now() - interval '90 days'
        AND (template_name = ${name} OR template_category = ${category})) p
    GROUP BY currency, is_own ORDER BY is_own DESC, count(*) DESC LIMIT 1`);

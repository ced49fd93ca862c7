import { type FragmentSqlToken, sql } from 'slonik';
import { z } from 'zod';
import { isMessage, type MessageStep, type RuleStep, stepsOf } from '../../domain/automation.ts';
import { AppError } from '../../domain/error.ts';
import { refusedWhatsApp } from './consents.ts';
import { instant } from './instant.ts';
import { ownRow } from './message-moves.ts';
import type { Tx } from './pool.ts';
import { dateOf, expectedAt } from './reminder-rules.ts';
import { actionConfig } from './rule-shapes.ts';

const runRow = z.object({
  run_state: z.string(),
  run_due_at: z.date(),
  run_reason: z.string().nullable(),
  is_restored: z.boolean(),
  occurrence: z.string(),
  rule_id: z.string(),
  rule_active: z.boolean(),
  rule_name: z.string(),
  acted_step: z.number(),
  chain: z.array(z.string()),
  action: actionConfig,
  trigger_type: z.string(),
  rule_sent_today: z.number(),
  daily_cap: z.number().nullable(),
  starts_clocks: z.boolean(),
  lead_id: z.string(),
  phone: z.string().nullable(),
  full_name: z.string().nullable(),
  is_test: z.boolean(),
  form_id: z.string().nullable(),
  time_zone: z.string(),
  quiet_from: z.string().nullable(),
  quiet_until: z.string().nullable(),
  quiet_days: z.array(z.number()),
  template_cap: z.number(),
  template_cap_hours: z.number(),
  sending_on: z.boolean(),
  heed_consent: z.boolean(),
  locale: z.enum(['es', 'en']),
});
const personRow = z.object({
  suppressed: z.boolean(),
  refused_consent: z.boolean(),
  recent_templates: z.number(),
  recent_since: instant.nullable(),
  last_left_at: instant.nullable(),
  campaign_id: z.string().nullable(),
  campaign_name: z.string().nullable(),
  expected_at: instant.nullable(),
});
const senderRow = z.object({ phone: z.string(), waba_id: z.string(), status: z.string() });
/** A template as a rule needs it, whether it is tried or sent. */
export const templateRow = z.object({
  name: z.string(),
  language: z.string(),
  category: z.string(),
  status: z.string().nullable(),
  components: z.array(z.record(z.string(), z.unknown())),
});
const situationRow = runRow.extend({
  person: personRow,
  sender: senderRow.nullable(),
  template: templateRow.nullable(),
  own: ownRow.extend({ created_at: instant }).nullable(),
});

export type Run = z.output<typeof runRow>;
export type Person = z.output<typeof personRow>;
export type Sender = z.output<typeof senderRow>;

/** Everything a dispatch is decided by, read under the person's lock. */
export interface DispatchSituation {
  runId: string;
  ruleId: string;
  leadId: string;
  occurrence: string;
  /** The step that is due, and how long after it the next one is. */
  place: number;
  step: RuleStep;
  nextInMinutes: number | null;
  phone: string | null;
  run: Run;
  person: Person;
  sender: Sender | null;
  template: z.output<typeof templateRow> | null;
  /** The step's own message, locked; null also where it was not asked for. */
  own: z.output<typeof situationRow>['own'];
}

const MOST_LOCKS = 3;
const lockedRow = z.object({
  rule_id: z.string(),
  lead_id: z.string(),
  occurrence: z.string(),
  phone: z.string().nullable(),
});
type Locked = z.output<typeof lockedRow>;

/**
 * Takes the advisory lock of tenant and phone, then reads: two messages to one person are never decided at once. Two statements, because only the second
 * one's snapshot is taken under the lock. A phone that was changed in between is locked too.
 */
export async function situationOf(
  tx: Tx,
  tenantId: number,
  runId: string,
  place = 0,
  { withOwn = false }: { withOwn?: boolean } = {},
): Promise<DispatchSituation> {
  for (let i = 0; i < MOST_LOCKS; i++) {
    const locked = await lockPerson(tx, tenantId, runId);
    const { person, sender, template, own, ...run } = await read(tx, { tenantId, runId, place, withOwn, ...locked });
    const { rule_id: ruleId, lead_id: leadId, occurrence, phone } = run;
    if (phone !== locked.phone) continue;
    const steps = stepsOf(run.action);
    const step = steps[place];
    if (step === undefined) throw new AppError('not_found', `no step ${place} in run ${runId}`);
    const nextInMinutes = steps[place + 1]?.waitMinutes ?? null;
    return {
      ...{ runId, ruleId, leadId, occurrence, phone, place, step, nextInMinutes, run, person, sender, own },
      template: isMessage(step) ? template : null,
    };
  }
  throw new Error(`the phone of run ${runId} changes all the time`);
}

async function lockPerson(tx: Tx, tenantId: number, runId: string): Promise<Locked> {
  const row = await tx.maybeOne(sql.prepared('dispatch_lock', lockedRow)`
    SELECT r.rule_id, r.lead_id, r.occurrence, l.phone, pg_advisory_xact_lock(${tenantId}, hashtext(coalesce(l.phone, l.id::text)))
    FROM automation_runs r JOIN leads l ON l.tenant_id = r.tenant_id AND l.id = r.lead_id
    WHERE r.tenant_id = ${tenantId} AND r.id = ${runId}`);
  if (!row) throw new AppError('not_found', `no run ${runId}`);
  return row;
}

interface Dispatch extends Locked {
  tenantId: number;
  runId: string;
  place: number;
  withOwn: boolean;
}

/** One statement, planned once a connection and anew after each ANALYZE: planning takes longer than reading. */
const read = (tx: Tx, dispatch: Dispatch) => {
  const { tenantId, runId, withOwn } = dispatch;
  return tx.one(sql.prepared(withOwn ? 'dispatch_situation_own' : 'dispatch_situation', situationRow)`
    WITH sender AS (SELECT phone, waba_id, status FROM whatsapp_senders WHERE tenant_id = ${tenantId} AND is_default),
    own AS (${ownQuery(dispatch)} FOR UPDATE)
    SELECT r.state AS run_state, r.due_at AS run_due_at, r.reason AS run_reason, ${fromBeforeRestore} AS is_restored, r.occurrence, r.acted_step, r.chain, a.action,
      u.id AS rule_id, u.name AS rule_name, u.is_active AS rule_active, u.trigger_type, u.daily_cap, ${startsClocks} AS starts_clocks, ${ruleSentToday} AS rule_sent_today,
      l.id AS lead_id, l.phone, l.full_name, l.is_test, l.form_id,
      t.time_zone, to_char(t.quiet_from, 'HH24:MI') AS quiet_from, to_char(t.quiet_until, 'HH24:MI') AS quiet_until, t.quiet_days, t.template_cap, t.template_cap_hours, t.heed_consent, t.locale,
      t.sending = 'on' AND (SELECT i.sending = 'on' FROM installation_state i) AS sending_on,
      (SELECT to_jsonb(p) FROM (${personQuery(dispatch)}) p) AS person,
      (SELECT to_jsonb(s) FROM sender s) AS sender,
      (SELECT to_jsonb(m) FROM (${stepTemplateQuery(dispatch)}) m) AS template,
      ${withOwn ? sql.fragment`(SELECT to_jsonb(o) FROM own o)` : sql.fragment`NULL::jsonb`} AS own
    FROM automation_runs r
    JOIN automation_rules u ON u.tenant_id = r.tenant_id AND u.id = r.rule_id
    JOIN leads l ON l.tenant_id = r.tenant_id AND l.id = r.lead_id
    JOIN tenants t ON t.id = r.tenant_id
    LEFT JOIN automation_rule_versions v ON v.tenant_id = r.tenant_id AND v.rule_id = r.rule_id AND v.version = r.rule_version
    CROSS JOIN LATERAL (SELECT coalesce(v.action_config, u.action_config) AS action) a
    WHERE r.tenant_id = ${tenantId} AND r.id = ${runId}`);
};

// The time between the backup and the restore is unknown: what is older may have been sent. A lead found again makes a new run, but is itself older.
const fromBeforeRestore = sql.fragment`r.released_at IS NULL AND EXISTS (SELECT FROM installation_state i
  WHERE r.created_at < i.restored_at OR (u.trigger_type = 'new_lead' AND l.arrived_at < i.restored_at))`;

const startsClocks = sql.fragment`u.trigger_type <> 'no_reply'
  AND EXISTS (SELECT FROM automation_rules n WHERE n.tenant_id = u.tenant_id AND n.trigger_type = 'no_reply' AND n.is_active)`;

const ruleSentToday = sql.fragment`CASE WHEN u.daily_cap IS NULL THEN 0 ELSE (SELECT count(*) FROM outbound_messages m WHERE m.tenant_id = u.tenant_id AND m.rule_id = u.id
  AND m.run_id <> r.id AND m.state NOT IN ('rejected', 'cancelled', 'failed') AND m.created_at >= date_trunc('day', now() AT TIME ZONE t.time_zone) AT TIME ZONE t.time_zone) END`;

const ofThisStep = ({ lead_id, rule_id, occurrence, place }: Dispatch) =>
  sql.fragment`m.lead_id = ${lead_id} AND m.rule_id IS NOT DISTINCT FROM ${rule_id} AND m.occurrence = ${occurrence} AND m.step = ${place}`;

const ownQuery = (dispatch: Dispatch) => sql.fragment`
  SELECT m.id, m.state, m.external_id, m.created_at FROM outbound_messages m WHERE m.tenant_id = ${dispatch.tenantId} AND ${ofThisStep(dispatch)} AND m.attempt = 1`;

// Every template that left, or may have left, for this phone counts against the cap; the step's own row does not.
const countsAgainstCap = sql.fragment`m.created_at > now() - t.template_cap_hours * interval '1 hour' AND m.template_name IS NOT NULL AND m.state NOT IN ('rejected', 'cancelled', 'failed')`;
const mayHaveLeft = sql.fragment`m.state NOT IN ('claimed', 'cancelled', 'rejected', 'failed')`;

const personQuery = (dispatch: Dispatch) => sql.fragment`
  SELECT
    EXISTS (SELECT FROM suppressions s WHERE s.tenant_id = ${dispatch.tenantId} AND s.phone = ${dispatch.phone} AND s.lifted_at IS NULL) AS suppressed,
    ${refusedWhatsApp(dispatch.tenantId, sql.fragment`${dispatch.lead_id}`)} AS refused_consent,
    others.recent_templates, others.recent_since, others.last_left_at, x.campaign_id, x.campaign_name,
    ${expectedAt(dispatch.tenantId, sql.fragment`${dispatch.lead_id}`, sql.fragment`${dateOf(dispatch.occurrence)}::timestamptz`)} AS expected_at
  FROM (SELECT count(*) FILTER (WHERE ${countsAgainstCap}) AS recent_templates, min(m.created_at) FILTER (WHERE ${countsAgainstCap}) AS recent_since,
      max(m.sending_at) FILTER (WHERE ${mayHaveLeft}) AS last_left_at
    FROM outbound_messages m WHERE m.tenant_id = ${dispatch.tenantId} AND m.phone = ${dispatch.phone} AND NOT (${ofThisStep(dispatch)})) others
  LEFT JOIN (SELECT t.meta_campaign_id AS campaign_id, c.name AS campaign_name FROM lead_touches t
    LEFT JOIN meta_ads_campaigns c ON c.tenant_id = t.tenant_id AND c.meta_campaign_id = t.meta_campaign_id
    WHERE t.tenant_id = ${dispatch.tenantId} AND t.lead_id = ${dispatch.lead_id} ORDER BY t.touched_at DESC LIMIT 1) x ON true`;

/** When anything last left, or may have left, for this phone, except for the message that is sent once more: that one has waiting times of its own. */
export const lastLeft = (tenantId: number, phone: string | null, except: FragmentSqlToken) => sql.fragment`
  (SELECT max(m.sending_at) FROM outbound_messages m
    WHERE m.tenant_id = ${tenantId} AND m.phone = ${phone} AND ${mayHaveLeft} AND NOT (${except}))`;

/** The template that the step names, as the number that sends has it. */
const stepTemplateQuery = ({ tenantId, place }: Dispatch) => sql.fragment`
  SELECT ${templateColumns} FROM sender s JOIN meta_templates m ON m.tenant_id = ${tenantId} AND m.waba_id = s.waba_id
    AND m.name = ${stepField(place, 'templateName')} AND m.language = ${stepField(place, 'language')}`;

/** A field of the step in either shape of an action: a template, or steps. */
const stepField = (place: number, name: string) =>
  sql.fragment`coalesce(a.action -> 'steps' -> ${place}::int, a.action) ->> ${name}::text`;

const templateColumns = sql.fragment`m.name, m.language, m.category, m.status, m.components`;

export const readTemplate = (
  tx: Tx,
  tenantId: number,
  wabaId: string,
  step: Pick<MessageStep, 'templateName' | 'language'>,
) =>
  tx.maybeOne(sql.type(templateRow)`
    SELECT ${templateColumns}
    FROM meta_templates m WHERE m.tenant_id = ${tenantId} AND m.waba_id = ${wabaId} AND m.name = ${step.templateName} AND m.language = ${step.language}`);

export const defaultSender = (tx: Tx, tenantId: number): Promise<Sender | null> =>
  tx.maybeOne(
    sql.type(
      senderRow,
    )`SELECT phone, waba_id, status FROM whatsapp_senders WHERE tenant_id = ${tenantId} AND is_default`,
  );

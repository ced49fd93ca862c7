import { sql } from 'slonik';
import { z } from 'zod';
import { fillVariables, isMessage, type MessageStep, type RuleStep, render, stepsOf } from '../../domain/automation.ts';
import { AppError } from '../../domain/error.ts';
import { quietUntil } from '../../domain/quiet-hours.ts';
import { partsOf, templateProblem } from '../../domain/template.ts';
import type { Tx } from './pool.ts';
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
});
const personRow = z.object({
  suppressed: z.boolean(),
  recent_templates: z.number(),
  recent_since: z.date().nullable(),
  last_left_at: z.date().nullable(),
  campaign_id: z.string().nullable(),
  campaign_name: z.string().nullable(),
});
const senderRow = z.object({ phone: z.string(), waba_id: z.string(), status: z.string() });
const templateRow = z.object({
  name: z.string(),
  language: z.string(),
  category: z.string(),
  status: z.string().nullable(),
  components: z.array(z.record(z.string(), z.unknown())),
});

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
  run: z.output<typeof runRow>;
  person: z.output<typeof personRow>;
  sender: z.output<typeof senderRow> | null;
  template: z.output<typeof templateRow> | null;
}

export type Verdict =
  | { decision: 'send'; parameters: readonly string[]; body: string }
  | { decision: 'wait'; reason: string; until: number }
  | { decision: 'skip'; reason: string };

const PAUSED_RETRY_MS = 5 * 60_000;
// A decision wakes the run; this only makes up for a lost signal.
const HELD_RETRY_MS = 60 * 60_000;
const CLOCKS_DIFFER_MS = 2_000;
/** Meta's rate for one number and one person. */
const ONE_MESSAGE_EVERY_MS = 6_000;
const SENDABLE: ReadonlySet<string> = new Set(['CONNECTED', 'UNKNOWN']);

/** Takes the advisory lock of tenant and phone, then reads. Two messages to one person are never decided at once. */
export async function situationOf(tx: Tx, tenantId: number, runId: string, place = 0): Promise<DispatchSituation> {
  const run = await readRun(tx, tenantId, runId);
  if (!run) throw new AppError('not_found', `no run ${runId}`);
  await tx.query(sql.unsafe`SELECT pg_advisory_xact_lock(${tenantId}, hashtext(${run.phone ?? run.lead_id}))`);
  const sender = await defaultSender(tx, tenantId);
  const again = (await readRun(tx, tenantId, runId)) ?? run;
  const steps = stepsOf(again.action);
  const step = steps[place];
  if (step === undefined) throw new AppError('not_found', `no step ${place} in run ${runId}`);
  return {
    runId,
    ruleId: run.rule_id,
    leadId: run.lead_id,
    occurrence: run.occurrence,
    phone: run.phone,
    place,
    step,
    nextInMinutes: steps[place + 1]?.waitMinutes ?? null,
    run: again,
    person: await readPerson(tx, tenantId, run, place),
    sender,
    template: sender === null || !isMessage(step) ? null : await readTemplate(tx, tenantId, sender.waba_id, step),
  };
}

/** The first reason against sending, else the words to send. */
export function checkDispatch(situation: DispatchSituation, now: Date): Verdict {
  const { run, person, sender, template, phone, place, step } = situation;
  const skip = (reason: string): Verdict => ({ decision: 'skip', reason });
  if (!isMessage(step)) throw new AppError('conflict', `step ${place} is no message`);
  if (!['active', 'waiting'].includes(run.run_state)) return skip('run_ended');
  if (run.is_test) return skip('test_lead');
  if (phone === null) return skip('no_phone');
  if (person.suppressed) return skip('opted_out');
  const hold = holdOf(run, now);
  if (hold !== null) return hold;
  const until = quietUntil(quietOf(run), now);
  if (until !== null) return { decision: 'wait', reason: 'quiet_hours', until: until.getTime() };
  if (person.recent_templates >= run.template_cap) return capReached(person, run, place);
  if (run.daily_cap !== null && run.rule_sent_today >= run.daily_cap) return skip('rule_cap_reached');
  if (sender === null) return skip('no_sender');
  if (!SENDABLE.has(sender.status)) return skip('sender_unavailable');
  const problem = templateProblem(template, step.variables.length);
  if (problem !== null) return skip(problem);
  const parameters = fillVariables(step.variables, {
    fullName: run.full_name,
    formId: run.form_id,
    campaignId: person.campaign_id,
    campaignName: person.campaign_name,
  });
  if (parameters === null) return skip('variable_missing');
  const free = freeAt(person.last_left_at, now);
  if (free !== null) return { decision: 'wait', reason: 'person_rate', until: free };
  return { decision: 'send', parameters, body: render(partsOf(template?.components ?? []).body, parameters) };
}

/** When the person may get another message, epoch milliseconds; null when at once. */
export function freeAt(lastLeftAt: Date | null, now: Date): number | null {
  if (lastLeftAt === null) return null;
  // A time that lies ahead is another machine's clock, and as close.
  const isClose = Math.abs(now.getTime() - lastLeftAt.getTime()) < ONE_MESSAGE_EVERY_MS;
  return isClose ? lastLeftAt.getTime() + ONE_MESSAGE_EVERY_MS : null;
}

/** When anything last left, or may have left, for this phone, except for the message that is sent once more: that one has waiting times of its own. */
export const lastLeft = (
  tenantId: number,
  phone: string | null,
  except: ReturnType<typeof sql.fragment>,
) => sql.fragment`
  (SELECT max(m.sending_at) FROM outbound_messages m
    WHERE m.tenant_id = ${tenantId} AND m.phone = ${phone} AND m.state NOT IN ('claimed', 'cancelled', 'rejected', 'failed') AND NOT (${except}))`;

/** Why a step that is no message is not done now, or not any more; null when it is. What only keeps messages back does not count. */
export function checkAction({ run }: DispatchSituation, now: Date): Exclude<Verdict, { decision: 'send' }> | null {
  if (!['active', 'waiting'].includes(run.run_state)) return { decision: 'skip', reason: 'run_ended' };
  return holdOf({ ...run, sending_on: true }, now);
}

/** A first message that meets the cap is not wanted any more later; the next of a sequence waits its turn. */
function capReached(
  person: z.output<typeof personRow>,
  run: z.output<typeof runRow>,
  place: number,
): Exclude<Verdict, { decision: 'send' }> {
  if (place === 0 || person.recent_since === null) return { decision: 'skip', reason: 'cap_reached' };
  const until = person.recent_since.getTime() + run.template_cap_hours * 60 * 60_000;
  return { decision: 'wait', reason: 'cap_reached', until: until + CLOCKS_DIFFER_MS };
}

/** What only waits: a switch that a person moves, or a later time that was set for it. */
function holdOf(run: z.output<typeof runRow>, now: Date): Extract<Verdict, { decision: 'wait' }> | null {
  const wait = (reason: string, until: number) => ({ decision: 'wait', reason, until }) as const;
  if (!run.sending_on) return wait('sending_paused', now.getTime() + PAUSED_RETRY_MS);
  if (run.is_restored) return wait('held_after_restore', now.getTime() + HELD_RETRY_MS);
  if (!run.rule_active) return wait('rule_paused', now.getTime() + HELD_RETRY_MS);
  const due = run.run_due_at.getTime();
  return run.run_state === 'active' && due - now.getTime() > CLOCKS_DIFFER_MS ? wait('not_due', due) : null;
}

const quietOf = (run: z.output<typeof runRow>) => ({
  from: run.quiet_from ?? '00:00',
  until: run.quiet_until ?? '00:00',
  days: run.quiet_days,
  timeZone: run.time_zone,
});

const defaultSender = (tx: Tx, tenantId: number) =>
  tx.maybeOne(
    sql.type(
      senderRow,
    )`SELECT phone, waba_id, status FROM whatsapp_senders WHERE tenant_id = ${tenantId} AND is_default`,
  );

/** The number that messages leave from, or the reason why none can. */
export async function sendableSender(
  tx: Tx,
  tenantId: number,
): Promise<z.output<typeof senderRow> | 'no_sender' | 'sender_unavailable'> {
  const sender = await defaultSender(tx, tenantId);
  if (sender === null) return 'no_sender';
  return SENDABLE.has(sender.status) ? sender : 'sender_unavailable';
}

// The time between the backup and the restore is unknown: what is older may have been sent. A lead found again makes a new run, but is itself older.
const fromBeforeRestore = sql.fragment`r.released_at IS NULL AND EXISTS (SELECT FROM installation_state i
  WHERE r.created_at < i.restored_at OR (u.trigger_type = 'new_lead' AND coalesce(l.submitted_at, l.created_at) < i.restored_at))`;

const readRun = (tx: Tx, tenantId: number, runId: string) =>
  tx.maybeOne(sql.type(runRow)`
    SELECT r.state AS run_state, r.due_at AS run_due_at, r.reason AS run_reason, ${fromBeforeRestore} AS is_restored, r.occurrence, u.id AS rule_id, u.name AS rule_name, r.acted_step, r.chain, u.is_active AS rule_active, u.trigger_type, u.daily_cap,
      u.trigger_type <> 'no_reply' AND EXISTS (SELECT FROM automation_rules n WHERE n.tenant_id = u.tenant_id AND n.trigger_type = 'no_reply' AND n.is_active) AS starts_clocks,
      coalesce((SELECT v.action_config FROM automation_rule_versions v WHERE v.tenant_id = r.tenant_id AND v.rule_id = r.rule_id AND v.version = r.rule_version),
        u.action_config) AS action,
      CASE WHEN u.daily_cap IS NULL THEN 0 ELSE (SELECT count(*) FROM outbound_messages m WHERE m.tenant_id = u.tenant_id AND m.rule_id = u.id AND m.run_id <> r.id
        AND m.state NOT IN ('rejected', 'cancelled', 'failed') AND m.created_at >= date_trunc('day', now() AT TIME ZONE t.time_zone) AT TIME ZONE t.time_zone) END AS rule_sent_today,
      l.id AS lead_id, l.phone, l.full_name, l.is_test, l.form_id,
      t.time_zone, to_char(t.quiet_from, 'HH24:MI') AS quiet_from, to_char(t.quiet_until, 'HH24:MI') AS quiet_until, t.quiet_days, t.template_cap, t.template_cap_hours,
      t.sending = 'on' AND (SELECT i.sending = 'on' FROM installation_state i) AS sending_on
    FROM automation_runs r
    JOIN automation_rules u ON u.tenant_id = r.tenant_id AND u.id = r.rule_id
    JOIN leads l ON l.tenant_id = r.tenant_id AND l.id = r.lead_id
    JOIN tenants t ON t.id = r.tenant_id
    WHERE r.tenant_id = ${tenantId} AND r.id = ${runId}`);

const ownStep = (run: z.output<typeof runRow>, place: number) =>
  sql.fragment`m.lead_id = ${run.lead_id} AND m.rule_id IS NOT DISTINCT FROM ${run.rule_id} AND m.occurrence = ${run.occurrence} AND m.step = ${place}`;

// Every template that left, or may have left, for this phone counts against the cap; the step's own row does not.
const readPerson = (tx: Tx, tenantId: number, run: z.output<typeof runRow>, place: number) =>
  tx.one(sql.type(personRow)`
    SELECT
      EXISTS (SELECT FROM suppressions s WHERE s.tenant_id = ${tenantId} AND s.phone = ${run.phone} AND s.lifted_at IS NULL) AS suppressed,
      recent.n AS recent_templates, recent.since AS recent_since, ${lastLeft(tenantId, run.phone, ownStep(run, place))} AS last_left_at, x.campaign_id, x.campaign_name
    FROM (SELECT count(*) AS n, min(m.created_at) AS since FROM outbound_messages m
      WHERE m.tenant_id = ${tenantId} AND m.phone = ${run.phone} AND m.created_at > now() - ${run.template_cap_hours} * interval '1 hour' AND m.template_name IS NOT NULL
        AND m.state NOT IN ('rejected', 'cancelled', 'failed')
        AND NOT (${ownStep(run, place)})) recent
    LEFT JOIN LATERAL (SELECT t.meta_campaign_id AS campaign_id, c.name AS campaign_name FROM lead_touches t
      LEFT JOIN meta_ads_campaigns c ON c.tenant_id = t.tenant_id AND c.meta_campaign_id = t.meta_campaign_id
      WHERE t.tenant_id = ${tenantId} AND t.lead_id = ${run.lead_id} ORDER BY t.touched_at DESC LIMIT 1) x ON true`);

export const readTemplate = (
  tx: Tx,
  tenantId: number,
  wabaId: string,
  step: Pick<MessageStep, 'templateName' | 'language'>,
) =>
  tx.maybeOne(sql.type(templateRow)`
    SELECT name, language, category, status, components
    FROM meta_templates WHERE tenant_id = ${tenantId} AND waba_id = ${wabaId} AND name = ${step.templateName} AND language = ${step.language}`);

import { sql } from 'slonik';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import { MOST_CHAINED, matches, saysOneOf, stepsOf, type Trigger } from '../../domain/automation.ts';
import { automationWorkflowId } from '../../domain/automation-id.ts';
import type { Tx } from './pool.ts';
import type { Rule } from './rule-shapes.ts';
import { activeRules } from './rules.ts';
import { audited } from './system-events.ts';

const factsRow = z.object({ form_id: z.string().nullable(), campaign_id: z.string().nullable() });

interface Happening {
  trigger: Trigger;
  leadId: string;
  /** What "never twice" is counted by: the change's row, the person's message, our own message. */
  occurrence: string;
  /** The rules whose status change led here. */
  chain?: readonly string[];
  accepts: (rule: Rule) => boolean;
  /** Before its first step's own wait. */
  waitMinutes?: (rule: Rule) => number;
}

/** A lead's status changed: rules that wait for it start, and a customer or an uninterested person gets nothing more of what runs. */
export async function statusChanged(
  tx: Tx,
  tenantId: number,
  leadId: string,
  to: string,
  changeId: number,
  chain: readonly string[] = [],
): Promise<void> {
  if (ENDING.has(to))
    await tx.query(sql.unsafe`
      UPDATE automation_runs SET state = 'stopped', reason = 'status_changed', updated_at = now()
      WHERE tenant_id = ${tenantId} AND lead_id = ${leadId} AND state IN ('active', 'waiting')`);
  await startRuns(tx, tenantId, {
    trigger: 'status_change',
    leadId,
    occurrence: `status:${changeId}`,
    chain,
    // No rule starts itself, however many others stand between, and no chain of rules is long.
    accepts: (rule) =>
      chain.length < MOST_CHAINED &&
      !chain.includes(rule.id) &&
      (rule.trigger_conditions.toStatuses ?? []).includes(to),
  });
}
const ENDING: ReadonlySet<string> = new Set(['customer', 'not_interested']);

/** A person wrote: rules that wait for one of the words start. */
export const wordsCame = (
  tx: Tx,
  tenantId: number,
  leadId: string,
  message: { id: string; body: string },
): Promise<void> =>
  startRuns(tx, tenantId, {
    trigger: 'keyword',
    leadId,
    occurrence: `inbound:${message.id}`,
    accepts: (rule) => saysOneOf(rule.trigger_conditions.words ?? [], message.body),
  });

/** Our message leaves: the clock of rules that wait for silence starts anew. A reply ends what they started. */
export async function clockStarted(tx: Tx, tenantId: number, leadId: string, messageId: string): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE automation_runs r SET state = 'stopped', reason = 'clock_restarted', updated_at = now()
    WHERE r.tenant_id = ${tenantId} AND r.lead_id = ${leadId} AND r.state = 'active' AND r.occurrence LIKE 'silence:%'
      AND NOT EXISTS (SELECT FROM outbound_messages m WHERE m.tenant_id = r.tenant_id AND m.run_id = r.id)`);
  await startRuns(tx, tenantId, {
    trigger: 'no_reply',
    leadId,
    occurrence: `silence:${messageId}`,
    accepts: (rule) => rule.trigger_conditions.afterHours !== undefined,
    waitMinutes: (rule) => (rule.trigger_conditions.afterHours ?? 0) * 60,
  });
}

/** One run a rule, once; the dispatcher starts its workflow. */
async function startRuns(
  tx: Tx,
  tenantId: number,
  { trigger, leadId, occurrence, chain = [], accepts, waitMinutes }: Happening,
): Promise<void> {
  const rules = (await activeRules(tx, tenantId, trigger)).filter(accepts);
  if (rules.length === 0) return;
  const facts = await tx.one(sql.type(factsRow)`
    SELECT l.form_id, (SELECT x.meta_campaign_id FROM lead_touches x WHERE x.tenant_id = l.tenant_id AND x.lead_id = l.id ORDER BY x.touched_at DESC LIMIT 1) AS campaign_id
    FROM leads l WHERE l.tenant_id = ${tenantId} AND l.id = ${leadId}`);
  const met = rules.filter((rule) =>
    matches(rule.trigger_conditions, { formId: facts.form_id, campaignId: facts.campaign_id }),
  );
  for (const rule of met)
    await startRun(tx, tenantId, rule, { trigger, leadId, occurrence, chain, waitMinutes: waitMinutes?.(rule) ?? 0 });
}

/** `waitMinutes` are before its first step's own wait. */
export async function startRun(
  tx: Tx,
  tenantId: number,
  rule: Rule,
  {
    trigger,
    leadId,
    occurrence,
    chain = [],
    waitMinutes = 0,
  }: Pick<Happening, 'trigger' | 'leadId' | 'occurrence' | 'chain'> & { waitMinutes?: number },
): Promise<void> {
  const key = { tenantId, ruleId: rule.id, leadId, occurrence };
  const minutes = waitMinutes + (stepsOf(rule.action_config)[0]?.waitMinutes ?? 0);
  const { rowCount } = await tx.query(sql.unsafe`
      INSERT INTO automation_runs (tenant_id, rule_id, rule_version, lead_id, occurrence, workflow_id, due_at, needs_start, chain)
      VALUES (${tenantId}, ${rule.id}, ${rule.version}, ${leadId}, ${occurrence}, ${automationWorkflowId(key)}, now() + ${minutes} * interval '1 minute', true, ${sql.array([...chain], 'uuid')})
      ON CONFLICT (tenant_id, rule_id, lead_id, occurrence) DO NOTHING`);
  if (rowCount > 0)
    await audited(tx, {
      tenantId,
      name: 'automation_run.started',
      actor: system('rules'),
      object: { type: 'lead', id: leadId },
      details: { ruleId: rule.id, trigger },
    });
}

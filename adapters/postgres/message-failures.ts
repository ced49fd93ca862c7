import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import { nextAttemptAfterMs, type SendError, sendErrorOf } from '../../domain/send-errors.ts';
import { type AppliedReport, endRunsOf } from './message-reports.ts';
import type { Tx } from './pool.ts';
import { REPLY_WITHIN_HOURS } from './run-moves.ts';
import { audited } from './system-events.ts';

interface Followed {
  /** Their workflows are told. */
  ended: readonly { runId: string; workflowId: string }[];
  /** All sending of the tenant stopped just now. */
  senderStopped: boolean;
}

const isFailure = ({ state }: AppliedReport): boolean => state === 'failed' || state === 'rejected';

/** What a failure or refusal brings with it, by its code: another attempt, the end of its run, a rule that stops, or all sending that stops. */
export async function followFailures(tx: Tx, tenantId: number, moved: readonly AppliedReport[]): Promise<Followed> {
  const failures = moved.filter(isFailure);
  if (failures.length === 0) return { ended: [], senderStopped: false };
  const over: AppliedReport[] = [];
  for (const failure of failures) if (!(await tryAgain(tx, tenantId, failure))) over.push(failure);
  const ended = await endRunsOf(tx, tenantId, over);
  let senderStopped = false;
  for (const failure of over) {
    const error = sendErrorOf(failure.error_code);
    if (error.class === 'stop_rule') await stopRule(tx, tenantId, failure, error);
    if (error.class === 'stop_sender' && (await stopSender(tx, tenantId, failure))) senderStopped = true;
  }
  return { ended, senderStopped };
}

/** A row of its own that the dispatcher starts when it is due. Only of a rule's message whose run still goes on; false when there is none. */
async function tryAgain(tx: Tx, tenantId: number, failed: AppliedReport): Promise<boolean> {
  const after = nextAttemptAfterMs(failed.error_code, failed.attempt);
  if (failed.state !== 'failed' || after === null || !['rule', 'retry'].includes(failed.origin)) return false;
  const seconds = after / 1000;
  const attemptId = await tx.maybeOneFirst(sql.type(z.object({ id: z.string() }))`
    INSERT INTO outbound_messages (tenant_id, lead_id, rule_id, run_id, step, occurrence, attempt, external_id, sender_phone, phone, template_name, template_language,
      template_category, state, origin, again_of, due_at)
    SELECT m.tenant_id, m.lead_id, m.rule_id, m.run_id, m.step, m.occurrence, m.attempt + 1, ${randomUUID()}, m.sender_phone, m.phone, m.template_name, m.template_language,
      m.template_category, 'claimed', 'retry', m.id, now() + ${seconds} * interval '1 second'
    FROM outbound_messages m JOIN automation_runs r ON r.tenant_id = m.tenant_id AND r.id = m.run_id AND r.state IN ('active', 'waiting')
    WHERE m.tenant_id = ${tenantId} AND m.id = ${failed.id} ON CONFLICT DO NOTHING RETURNING id`);
  if (attemptId === null) return false;
  await tx.query(sql.unsafe`
    INSERT INTO chat_messages (tenant_id, lead_id, phone, direction, author, outbound_message_id, kind, body)
    SELECT tenant_id, lead_id, phone, 'out', 'automation', ${attemptId}, kind, body FROM chat_messages WHERE tenant_id = ${tenantId} AND outbound_message_id = ${failed.id}`);
  await tx.query(sql.unsafe`
    INSERT INTO automation_logs (tenant_id, rule_id, run_id, lead_id, outbound_message_id, trigger_type, status, reason)
    VALUES (${tenantId}, ${failed.rule_id}, ${failed.run_id}, ${failed.lead_id}, ${attemptId}, 'another_attempt', 'claimed', ${failed.error_code})`);
  // Who answers the new attempt answers the run.
  await tx.query(sql.unsafe`
    UPDATE automation_runs SET due_at = greatest(due_at, now() + ${seconds} * interval '1 second' + ${REPLY_WITHIN_HOURS} * interval '1 hour'), updated_at = now()
    WHERE tenant_id = ${tenantId} AND id = ${failed.run_id} AND state = 'waiting'`);
  await audited(tx, {
    tenantId,
    name: 'message.another_attempt',
    actor: system('messages'),
    object: { type: 'lead', id: failed.lead_id },
    details: { messageId: attemptId, attempt: failed.attempt + 1, code: failed.error_code ?? '' },
  });
  return true;
}

/** What is due of it waits, as with any pause. Its template is read again, so that its page tells the truth. */
async function stopRule(tx: Tx, tenantId: number, failed: AppliedReport, { reason = 'other' }: SendError) {
  const { rowCount } = await tx.query(sql.unsafe`
    UPDATE automation_rules SET is_active = false, stopped_reason = ${reason}, updated_at = now() WHERE tenant_id = ${tenantId} AND id = ${failed.rule_id} AND is_active`);
  if (rowCount === 0) return;
  await logStop(tx, tenantId, failed, 'rule_stopped', reason);
  await tx.query(
    sql.unsafe`UPDATE whatsapp_senders SET templates_asked_at = NULL WHERE tenant_id = ${tenantId} AND is_default`,
  );
  await audited(tx, {
    tenantId,
    name: 'automation_rule.stopped',
    actor: system('messages'),
    object: { type: 'automation_rule', id: failed.rule_id ?? '' },
    details: { reason, code: failed.error_code ?? '' },
  });
}

/** Moves the tenant's own switch, which a person moves back. Not for a number that is no longer the one in use. */
async function stopSender(tx: Tx, tenantId: number, failed: AppliedReport): Promise<boolean> {
  const { rowCount } = await tx.query(sql.unsafe`
    UPDATE tenants SET sending = 'paused', sending_stopped_by = ${failed.error_code}, updated_at = now() WHERE id = ${tenantId} AND sending = 'on'
      AND EXISTS (SELECT FROM whatsapp_senders s WHERE s.tenant_id = ${tenantId} AND s.is_default AND s.phone = ${failed.sender_phone})`);
  if (rowCount === 0) return false;
  await logStop(tx, tenantId, failed, 'sender_stopped', failed.error_code);
  await audited(tx, {
    tenantId,
    name: 'sending.stopped',
    actor: system('messages'),
    object: { type: 'sending', id: String(tenantId) },
    details: { code: failed.error_code ?? '' },
  });
  return true;
}

const logStop = (tx: Tx, tenantId: number, failed: AppliedReport, status: string, reason: string | null) =>
  tx.query(sql.unsafe`
    INSERT INTO automation_logs (tenant_id, rule_id, run_id, lead_id, trigger_type, status, reason)
    VALUES (${tenantId}, ${failed.rule_id}, ${failed.run_id}, ${failed.lead_id}, 'failure', ${status}, ${reason})`);

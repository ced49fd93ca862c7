import { type FragmentSqlToken, sql } from 'slonik';
import type { DispatchSituation } from './dispatch-situations.ts';
import { logMessage } from './message-moves.ts';
import type { Tx } from './pool.ts';

/** The moves of one run and its log. Each says which state it moves from. */

/** Nobody answered within: then the run is over. */
export const REPLY_WITHIN_HOURS = 24;

/** After its last message a run waits for an answer; before that for its next step. */
export const movedRun = (tenantId: number, runId: string, nextAt: number | null): FragmentSqlToken => sql.fragment`
  UPDATE automation_runs SET state = CASE WHEN ${nextAt === null} THEN 'waiting' ELSE state END, reason = NULL, held_since = NULL,
    due_at = coalesce(${nextAt === null ? null : new Date(nextAt).toISOString()}::timestamptz, now() + ${REPLY_WITHIN_HOURS} * interval '1 hour'), updated_at = now()
  WHERE tenant_id = ${tenantId} AND id = ${runId} AND state = 'active'`;

export const moveRun = (tx: Tx, tenantId: number, runId: string, nextAt: number | null) =>
  tx.query(sql.unsafe`${movedRun(tenantId, runId, nextAt)}`);

export const endRun = (tx: Tx, tenantId: number, runId: string, reason: string) =>
  tx.query(sql.unsafe`
    UPDATE automation_runs SET state = 'stopped', reason = ${reason}, updated_at = now() WHERE tenant_id = ${tenantId} AND id = ${runId} AND state IN ('active', 'waiting')`);

/** Everything it was for is done. */
export const completeRun = (tx: Tx, tenantId: number, runId: string) =>
  tx.query(sql.unsafe`
    UPDATE automation_runs SET state = 'done', reason = 'done', held_since = NULL, updated_at = now() WHERE tenant_id = ${tenantId} AND id = ${runId} AND state = 'active'`);

/** One log row a message, updated as it moves; one row each time a check holds a run back, and for each other thing done. */
export async function logDecision(
  tx: Tx,
  tenantId: number,
  { ruleId, runId, leadId, run }: DispatchSituation,
  status: string,
  reason: string | null,
  messageId: string | null,
): Promise<void> {
  if (messageId !== null && (await logMessage(tx, tenantId, messageId, status, reason))) return;
  await tx.query(sql.unsafe`
    INSERT INTO automation_logs (tenant_id, rule_id, run_id, lead_id, outbound_message_id, trigger_type, status, reason)
    VALUES (${tenantId}, ${ruleId}, ${runId}, ${leadId}, ${messageId}, ${run.trigger_type}, ${status}, ${reason})`);
}

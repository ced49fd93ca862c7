import { sql } from 'slonik';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

const runRow = z.object({ id: z.string(), state: z.string(), workflow_id: z.string() });

export interface NewRun {
  ruleId: string;
  ruleVersion: number;
  leadId: string;
  /** What "never twice" is counted by: for a new lead, its leadgen id. */
  occurrence: string;
  workflowId: string;
  /** When its first message is due, epoch milliseconds. */
  dueAt: number;
}

/** One row a rule met a lead. Dispatch reads it, so a lost signal can never cause a send. */
export function createAutomationRuns({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Idempotent by rule, lead and occurrence; `isNew` is true for the call that made it. */
    start: (tenantId: number, run: NewRun): Promise<{ runId: string; isNew: boolean; state: string }> =>
      inTenant(tenantId, async (tx) => {
        const made = await tx.maybeOne(sql.type(runRow)`
          INSERT INTO automation_runs (tenant_id, rule_id, rule_version, lead_id, occurrence, workflow_id, due_at)
          VALUES (${tenantId}, ${run.ruleId}, ${run.ruleVersion}, ${run.leadId}, ${run.occurrence}, ${run.workflowId},
            ${new Date(run.dueAt).toISOString()}::timestamptz)
          ON CONFLICT (tenant_id, rule_id, lead_id, occurrence) DO NOTHING
          RETURNING id, state, workflow_id`);
        if (made) {
          await audited(tx, {
            tenantId,
            name: 'automation_run.started',
            actor: system('lead-intake'),
            object: { type: 'lead', id: run.leadId },
            details: { runId: made.id, ruleId: run.ruleId },
          });
          return { runId: made.id, isNew: true, state: made.state };
        }
        const known = await tx.one(sql.type(runRow)`
          SELECT id, state, workflow_id FROM automation_runs
          WHERE tenant_id = ${tenantId} AND rule_id = ${run.ruleId} AND lead_id = ${run.leadId} AND occurrence = ${run.occurrence}`);
        return { runId: known.id, isNew: false, state: known.state };
      }),

    /** The time in which somebody could answer is over: the run ends with what is known of its message. A reply that comes later still counts for it. */
    endUnanswered: (tenantId: number, runId: string): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const ended = await tx.maybeOne(sql.type(z.object({ lead_id: z.string(), reason: z.string() }))`
          UPDATE automation_runs r SET state = 'done', updated_at = now(),
            reason = CASE WHEN EXISTS (SELECT FROM outbound_messages m WHERE m.tenant_id = ${tenantId} AND m.run_id = r.id AND m.state = 'unconfirmed')
              THEN 'unconfirmed' ELSE 'no_reply' END
          WHERE r.tenant_id = ${tenantId} AND r.id = ${runId} AND r.state = 'waiting' AND r.due_at < now() RETURNING r.lead_id, r.reason`);
        if (!ended) return;
        await audited(tx, {
          tenantId,
          name: 'automation_run.ended',
          actor: system('lead-automation'),
          object: { type: 'lead', id: ended.lead_id },
          details: { runId, reason: ended.reason },
        });
      }),
  };
}
export type AutomationRuns = ReturnType<typeof createAutomationRuns>;

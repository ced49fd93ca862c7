import { sql } from 'slonik';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

const runRow = z.object({ id: z.string(), state: z.string(), workflow_id: z.string() });

const toStartRow = z.object({ rule_id: z.string(), lead_id: z.string(), occurrence: z.string(), due_at: z.date() });

export interface RunToStart {
  tenantId: number;
  runId: string;
  ruleId: string;
  leadId: string;
  occurrence: string;
  dueAt: number;
}

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
    /**
     * Idempotent by rule, person and occurrence: what ran for a lead that went into this one, or that this one was part of, does not run again. `isNew` is
     * true for the call that made it.
     */
    start: (tenantId: number, run: NewRun): Promise<{ runId: string; isNew: boolean; state: string }> =>
      inTenant(tenantId, async (tx) => {
        const elsewhere = await tx.maybeOne(sql.type(runRow)`
          SELECT id, state, workflow_id FROM automation_runs r
          WHERE r.tenant_id = ${tenantId} AND r.rule_id = ${run.ruleId} AND r.occurrence = ${run.occurrence} AND r.lead_id IN (${samePersonAs(tenantId, run.leadId)})
          LIMIT 1`);
        if (elsewhere !== null) return { runId: elsewhere.id, isNew: false, state: 'elsewhere' };
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

    /** Starts the workflow of a run that a transaction made, then notes that it runs: a repeat is harmless. */
    startLater: async (tenantId: number, runId: string, start: (run: RunToStart) => Promise<void>): Promise<void> => {
      const run = await inTenant(tenantId, (tx) =>
        tx.maybeOne(sql.type(toStartRow)`
          SELECT rule_id, lead_id, occurrence, due_at FROM automation_runs WHERE tenant_id = ${tenantId} AND id = ${runId} AND needs_start`),
      );
      if (!run) return;
      const { rule_id: ruleId, lead_id: leadId, occurrence } = run;
      await start({ tenantId, runId, ruleId, leadId, occurrence, dueAt: run.due_at.getTime() });
      await inTenant(tenantId, (tx) =>
        tx.query(
          sql.unsafe`UPDATE automation_runs SET needs_start = false WHERE tenant_id = ${tenantId} AND id = ${runId}`,
        ),
      );
    },

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
/** Leads that went into this one, or that this one is or was part of. */
const samePersonAs = (tenantId: number, leadId: string) => sql.fragment`
  SELECT id FROM leads WHERE tenant_id = ${tenantId} AND merged_into = ${leadId}
  UNION ALL SELECT merged_id FROM lead_merges WHERE tenant_id = ${tenantId} AND survivor_id = ${leadId}
  UNION ALL SELECT survivor_id FROM lead_merges WHERE tenant_id = ${tenantId} AND merged_id = ${leadId}`;

export type AutomationRuns = ReturnType<typeof createAutomationRuns>;

import { sql } from 'slonik';
import { z } from 'zod';
import { type Age, ages, boundsOf, type Choice, type Resumption } from '../../domain/held-runs.ts';
import type { Tx } from './pool.ts';

const heldRow = z.object({
  id: z.string(),
  lead_id: z.string(),
  full_name: z.string().nullable(),
  rule_name: z.string(),
  since: z.date(),
  age: z.enum(ages),
});
export type HeldRun = z.output<typeof heldRow>;
const runRow = z.object({ id: z.string(), workflow_id: z.string() });

/** Which held runs: of the tenant's pause, of one rule's, or from before a restore. */
export type Held = { by: 'sending_paused' | 'held_after_restore' } | { by: 'rule_paused'; ruleId: string };

const LISTED = 50;
/** More than this at once is nobody's decision message by message. */
const MOST = 20_000;

// When it should have left. One whose worker was away the whole time says nothing of a hold: then its due time does.
const sinceOf = sql.fragment`coalesce(r.held_since, r.due_at)`;

function which(tenantId: number, held: Held) {
  const mine = sql.fragment`r.tenant_id = ${tenantId} AND r.state = 'active'`;
  if (held.by === 'rule_paused') return sql.fragment`${mine} AND r.rule_id = ${held.ruleId} AND r.due_at IS NOT NULL`;
  const isHeld = sql.fragment`r.held_since IS NOT NULL AND r.reason = ${held.by}`;
  return held.by === 'held_after_restore'
    ? sql.fragment`${mine} AND ${isHeld}`
    : sql.fragment`${mine} AND ((${isHeld}) OR (r.held_since IS NULL AND r.due_at < now() - interval '10 minutes'))`;
}

const ofAge = (age: Age) => {
  const { from, to } = boundsOf(age);
  return sql.fragment`now() - ${sinceOf} >= ${from} * interval '1 hour' AND now() - ${sinceOf} < ${to} * interval '1 hour'`;
};

/** How many of each age, and the oldest of them by name. */
export async function heldRuns(
  tx: Tx,
  tenantId: number,
  held: Held,
): Promise<{ counts: Record<Age, number>; runs: readonly HeldRun[] }> {
  const counts = { hour: 0, day: 0, older: 0 };
  for (const age of ages)
    counts[age] = await tx.oneFirst(
      sql.type(
        z.object({ n: z.number() }),
      )`SELECT count(*) AS n FROM automation_runs r WHERE ${which(tenantId, held)} AND ${ofAge(age)}`,
    );
  const runs = await tx.any(sql.type(heldRow)`
    SELECT r.id, r.lead_id, l.full_name, u.name AS rule_name, ${sinceOf} AS since,
      CASE WHEN now() - ${sinceOf} < interval '1 hour' THEN 'hour' WHEN now() - ${sinceOf} < interval '24 hours' THEN 'day' ELSE 'older' END AS age
    FROM automation_runs r
    JOIN leads l ON l.tenant_id = r.tenant_id AND l.id = r.lead_id
    JOIN automation_rules u ON u.tenant_id = r.tenant_id AND u.id = r.rule_id
    WHERE ${which(tenantId, held)} ORDER BY since, r.id LIMIT ${LISTED}`);
  return { counts, runs };
}

/** Carries out what a person decided for each age. Gives what became of how many, and the workflows to wake. */
export async function letGo(
  tx: Tx,
  tenantId: number,
  held: Held,
  { choices, hours }: Resumption,
): Promise<{ counts: Record<Choice, number>; workflowIds: readonly string[] }> {
  const counts = { drop: 0, send: 0, space: 0 };
  const workflowIds: string[] = [];
  // The ages first, then the moves: a move changes what an age is told by.
  const byAge = new Map<Age, readonly z.output<typeof runRow>[]>();
  for (const age of ages)
    byAge.set(
      age,
      await tx.any(sql.type(runRow)`
        SELECT r.id, r.workflow_id FROM automation_runs r WHERE ${which(tenantId, held)} AND ${ofAge(age)}
        ORDER BY ${sinceOf}, r.id LIMIT ${MOST} FOR UPDATE`),
    );
  for (const [age, runs] of byAge) {
    const choice = choices[age];
    counts[choice] += runs.length;
    const ids = runs.map(({ id }) => id);
    if (choice === 'drop') await drop(tx, tenantId, ids);
    else await reschedule(tx, tenantId, ids, choice === 'space' ? (hours * 3600) / Math.max(1, ids.length) : 0);
    workflowIds.push(...runs.map(({ workflow_id }) => workflow_id));
  }
  return { counts, workflowIds };
}

async function drop(tx: Tx, tenantId: number, ids: readonly string[]): Promise<void> {
  const these = sql.array([...ids], 'uuid');
  await tx.query(sql.unsafe`
    UPDATE automation_runs SET state = 'stopped', reason = 'dropped_after_pause', held_since = NULL, updated_at = now() WHERE tenant_id = ${tenantId} AND id = ANY(${these})`);
  await tx.query(sql.unsafe`
    UPDATE outbound_messages SET state = 'cancelled', error_code = 'dropped_after_pause', ended_at = now(), updated_at = now()
    WHERE tenant_id = ${tenantId} AND run_id = ANY(${these}) AND state = 'claimed' AND origin = 'rule'`);
  await tx.query(sql.unsafe`
    INSERT INTO automation_logs (tenant_id, rule_id, run_id, lead_id, trigger_type, status, reason)
    SELECT r.tenant_id, r.rule_id, r.id, r.lead_id, u.trigger_type, 'skipped', 'dropped_after_pause'
    FROM automation_runs r JOIN automation_rules u ON u.tenant_id = r.tenant_id AND u.id = r.rule_id
    WHERE r.tenant_id = ${tenantId} AND r.id = ANY(${these})`);
}

const reschedule = (tx: Tx, tenantId: number, ids: readonly string[], secondsApart: number) =>
  tx.query(sql.unsafe`
    UPDATE automation_runs r SET due_at = now() + (g.place - 1) * ${secondsApart}::float8 * interval '1 second', reason = NULL, held_since = NULL,
      released_at = now(), updated_at = now()
    FROM unnest(${sql.array([...ids], 'uuid')}) WITH ORDINALITY AS g (id, place) WHERE r.tenant_id = ${tenantId} AND r.id = g.id`);

import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import { EVENTS_OF_ANY_AGE, eraseLeads } from './lead-erasure.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const personRow = z.object({ id: z.string(), erased_at: z.date().nullable() });
const extentRow = z.object({ merged: z.number(), runs: z.number(), opportunities: z.number() });
/** What hangs on a person: leads that went into theirs, automations that run, opportunities that are open. */
export type ErasureExtent = z.output<typeof extentRow>;
const idRow = z.object({ id: z.string() });
const runRow = z.object({ id: z.string(), workflow_id: z.string() });

export type ErasureRequests = ReturnType<typeof createErasureRequests>;

/** Erasing one person who asked for it, at once, whatever was heard of them. */
export function createErasureRequests({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    extentOf: (tenantId: number, leadId: string): Promise<ErasureExtent> =>
      inTenant(tenantId, (tx) => {
        const ofThem = sql.fragment`tenant_id = ${tenantId} AND lead_id IN (SELECT id FROM leads WHERE tenant_id = ${tenantId} AND (id = ${leadId} OR merged_into = ${leadId}))`;
        return tx.one(sql.type(extentRow)`
          SELECT (SELECT count(*) FROM leads WHERE tenant_id = ${tenantId} AND merged_into = ${leadId}) AS merged,
            (SELECT count(*) FROM automation_runs WHERE ${ofThem} AND state IN ('active', 'waiting')) AS runs,
            (SELECT count(*) FROM opportunities WHERE ${ofThem} AND stage = 'open') AS opportunities`);
      }),

    /**
     * Ends what runs for the person of this lead, then erases them with every lead that went into theirs, in one transaction with its audit row. Gives the
     * workflows to wake. Who is erased already stays so, without another row.
     * @throws {AppError} `not_found`; `conflict` while a message to them is leaving: its answer would bring their number back
     */
    erase: (tenantId: number, leadId: string, actor: Actor): Promise<readonly string[]> =>
      inTenant(tenantId, async (tx) => {
        const person = await lockPerson(tx, tenantId, leadId);
        if (person.isErased) return [];
        const isLeaving = await tx.exists(sql.unsafe`
          SELECT FROM outbound_messages WHERE tenant_id = ${tenantId} AND lead_id = ANY(${sql.array(person.leads, 'uuid')}) AND state = 'sending'`);
        if (isLeaving) throw new AppError('conflict', 'a message to this person is leaving');
        const stopped = await stopAll(tx, tenantId, person.leads);
        await eraseLeads(tx, tenantId, [person.id], EVENTS_OF_ANY_AGE);
        await audited(tx, {
          ...{ tenantId, name: 'lead.erased', actor, object: { type: 'lead', id: person.id } },
          details: { leads: person.leads.length, runs: stopped.length },
        });
        return stopped;
      }),
  };
}

/** Takes what dispatch takes before it decides, then the rows, as everybody does who writes of a lead. */
async function lockPerson(tx: Tx, tenantId: number, leadId: string) {
  const ofPerson = sql.fragment`tenant_id = ${tenantId} AND coalesce(merged_into, id) = (SELECT coalesce(merged_into, id) FROM leads WHERE tenant_id = ${tenantId} AND id = ${leadId})`;
  await tx.query(sql.unsafe`
    SELECT pg_advisory_xact_lock(${tenantId}, k.key) FROM (
      SELECT DISTINCT hashtext(coalesce(phone, id::text)) AS key FROM leads WHERE ${ofPerson} ORDER BY 1) k`);
  const rows = await tx.any(sql.type(personRow.extend({ merged_into: z.string().nullable() }))`
    SELECT id, merged_into, erased_at FROM leads WHERE ${ofPerson} ORDER BY id FOR UPDATE`);
  const person = rows.find(({ merged_into }) => merged_into === null);
  if (person === undefined) throw new AppError('not_found', 'no such lead');
  return { id: person.id, isErased: person.erased_at !== null, leads: rows.map(({ id }) => id) };
}

/** Ends runs and cancels messages that certainly did not leave, each with a row in the log. Gives the runs' workflows. */
async function stopAll(tx: Tx, tenantId: number, leads: readonly string[]): Promise<readonly string[]> {
  const ofThem = sql.fragment`tenant_id = ${tenantId} AND lead_id = ANY(${sql.array([...leads], 'uuid')})`;
  const runs = await tx.any(sql.type(runRow)`
    UPDATE automation_runs SET state = 'stopped', reason = 'erased', held_since = NULL, updated_at = now()
    WHERE ${ofThem} AND state IN ('active', 'waiting') RETURNING id, workflow_id`);
  const cancelled = await tx.anyFirst(sql.type(idRow)`
    UPDATE outbound_messages SET state = 'cancelled', error_code = 'erased', ended_at = now(), updated_at = now()
    WHERE ${ofThem} AND state = 'claimed' RETURNING id`);
  await tx.query(sql.unsafe`
    UPDATE automation_logs SET status = 'cancelled', reason = 'erased', updated_at = now()
    WHERE tenant_id = ${tenantId} AND outbound_message_id = ANY(${sql.array([...cancelled], 'uuid')})`);
  const ids = runs.map(({ id }) => id);
  await tx.query(sql.unsafe`
    INSERT INTO automation_logs (tenant_id, rule_id, run_id, lead_id, trigger_type, status, reason)
    SELECT r.tenant_id, r.rule_id, r.id, r.lead_id, u.trigger_type, 'skipped', 'erased'
    FROM automation_runs r JOIN automation_rules u ON u.tenant_id = r.tenant_id AND u.id = r.rule_id
    WHERE r.tenant_id = ${tenantId} AND r.id = ANY(${sql.array(ids, 'uuid')})`);
  return runs.map(({ workflow_id }) => workflow_id);
}

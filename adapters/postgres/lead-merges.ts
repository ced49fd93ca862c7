import { sql } from 'slonik';
import { z } from 'zod';
import { type Actor, system } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import { samePerson } from '../../domain/identity.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const idRow = z.object({ id: z.string() });
const identityRow = z.object({ id: z.string(), phone: z.string().nullable(), email: z.string().nullable() });
const fillable = ['full_name', 'phone', 'email', 'seller_id', 'first_message_at', 'first_reply_at'] as const;
const personRow = identityRow.extend({
  full_name: z.string().nullable(),
  seller_id: z.string().nullable(),
  first_message_at: z.date().nullable(),
  first_reply_at: z.date().nullable(),
  merged_into: z.string().nullable(),
  is_test: z.boolean(),
});
type PersonRow = z.output<typeof personRow>;
const movedIds = z.record(z.string(), z.array(z.string()));
const mergeRow = z.object({
  id: z.string(),
  survivor_id: z.string(),
  merged_id: z.string(),
  moved: movedIds,
  filled: z.array(z.string()),
});

// What follows the person. Messages we sent stay where their key is; the thread that shows them follows.
const following = ['lead_touches', 'chat_messages', 'opportunities', 'sales_transactions', 'consents'] as const;

/** Joining the leads of one person, and taking them apart again. */
export function createLeadMerges({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** A person says that `mergedId` is who `survivorId` is. @throws {AppError} `not_found`; `conflict` when one of them went into another lead */
    join: (tenantId: number, survivorId: string, mergedId: string, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const [survivor, merged] = await lockBoth(tx, tenantId, survivorId, mergedId);
        await merge(tx, tenantId, { survivor, merged, reason: 'person', actor });
      }),

    /** Takes a lead out again: everything that came with it goes back. Gives its id. @throws {AppError} `not_found` */
    separate: (tenantId: number, survivorId: string, mergeId: string, actor: Actor): Promise<string> =>
      inTenant(tenantId, async (tx) => {
        const undone = await tx.maybeOne(sql.type(mergeRow)`
          UPDATE lead_merges SET undone_at = now()
          WHERE tenant_id = ${tenantId} AND survivor_id = ${survivorId} AND id = ${mergeId} AND undone_at IS NULL
          RETURNING id, survivor_id, merged_id, moved, filled`);
        if (undone === null) throw new AppError('not_found', 'no such merge');
        await lockBoth(tx, tenantId, survivorId, undone.merged_id, survivorId);
        await giveBack(tx, tenantId, undone);
        await auditBoth(tx, tenantId, 'lead.separated', undone.survivor_id, undone.merged_id, actor, {});
        return undone.merged_id;
      }),
  };
}
export type LeadMerges = ReturnType<typeof createLeadMerges>;

/**
 * Lets a new lead go into the one that certainly is the same person, inside the caller's transaction. Gives the id of the lead that stands for the person.
 * Two that come in at once wait for each other.
 */
export async function mergeIntoKnown(tx: Tx, tenantId: number, leadId: string): Promise<string> {
  const lead = await tx.one(sql.type(personRow)`${personOf} WHERE tenant_id = ${tenantId} AND id = ${leadId}`);
  if (lead.merged_into !== null) return lead.merged_into;
  if (lead.is_test) return leadId;
  const keys = [lead.phone, lead.email].filter((key) => key !== null).map((key) => `person:${tenantId}:${key}`);
  for (const key of keys.sort()) await tx.query(sql.unsafe`SELECT pg_advisory_xact_lock(hashtextextended(${key}, 0))`);
  const known = await tx.any(sql.type(identityRow)`
    SELECT id, phone, email FROM leads
    WHERE tenant_id = ${tenantId} AND merged_into IS NULL AND NOT is_test AND (phone = ${lead.phone} OR email = ${lead.email}) AND id <> ${leadId}
    ORDER BY created_at, id LIMIT 100`);
  const same = samePerson(lead, known);
  if (same === null) return leadId;
  const [survivor, merged] = await lockBoth(tx, tenantId, same.id, leadId);
  await merge(tx, tenantId, { survivor, merged, reason: same.by, actor: system('lead-identity') });
  return survivor.id;
}

const personOf = sql.fragment`SELECT id, phone, email, full_name, seller_id, first_message_at, first_reply_at, merged_into, is_test FROM leads`;

async function lockBoth(
  tx: Tx,
  tenantId: number,
  survivorId: string,
  mergedId: string,
  mergedInto: string | null = null,
): Promise<readonly [survivor: PersonRow, merged: PersonRow]> {
  const rows = await tx.any(sql.type(personRow)`
    ${personOf} WHERE tenant_id = ${tenantId} AND id = ANY(${sql.array([survivorId, mergedId], 'uuid')}) ORDER BY id FOR UPDATE`);
  const [survivor, merged] = [survivorId, mergedId].map((id) => rows.find((row) => row.id === id));
  if (survivor === undefined || merged === undefined) throw new AppError('not_found', 'no such lead');
  if (survivor.id === merged.id || survivor.merged_into !== null || merged.merged_into !== mergedInto)
    throw new AppError('conflict', 'one of these leads went into another');
  return [survivor, merged];
}

interface Merge {
  survivor: PersonRow;
  merged: PersonRow;
  reason: 'phone' | 'email' | 'person';
  actor: Actor;
}

async function merge(tx: Tx, tenantId: number, { survivor, merged, reason, actor }: Merge): Promise<void> {
  const moved: Record<string, readonly string[]> = {};
  for (const table of following) {
    moved[table] = await tx.anyFirst(sql.type(idRow)`
      UPDATE ${sql.identifier([table])} SET lead_id = ${survivor.id} WHERE tenant_id = ${tenantId} AND lead_id = ${merged.id} RETURNING id`);
  }
  // Leads that went into the one that goes now go with it, so that one step always leads to the person.
  moved['leads'] = await tx.anyFirst(sql.type(idRow)`
    UPDATE leads SET merged_into = ${survivor.id} WHERE tenant_id = ${tenantId} AND merged_into = ${merged.id} RETURNING id`);
  const filled = fillable.filter((name) => survivor[name] === null && merged[name] !== null);
  await tx.query(sql.unsafe`
    UPDATE leads s SET full_name = coalesce(s.full_name, m.full_name), phone = coalesce(s.phone, m.phone), email = coalesce(s.email, m.email),
      seller_id = coalesce(s.seller_id, m.seller_id), first_message_at = coalesce(s.first_message_at, m.first_message_at),
      first_reply_at = coalesce(s.first_reply_at, m.first_reply_at), last_touch_at = greatest(s.last_touch_at, s.created_at, m.last_touch_at, m.created_at), updated_at = now()
    FROM leads m WHERE s.tenant_id = ${tenantId} AND s.id = ${survivor.id} AND m.tenant_id = ${tenantId} AND m.id = ${merged.id}`);
  await tx.query(sql.unsafe`
    UPDATE leads SET merged_into = ${survivor.id}, updated_at = now() WHERE tenant_id = ${tenantId} AND id = ${merged.id}`);
  await tx.query(sql.unsafe`
    UPDATE automation_runs SET state = 'stopped', reason = 'merged', updated_at = now()
    WHERE tenant_id = ${tenantId} AND lead_id = ${merged.id} AND state IN ('active', 'waiting')`);
  await tx.query(sql.unsafe`
    INSERT INTO lead_merges (tenant_id, survivor_id, merged_id, reason, moved, filled)
    VALUES (${tenantId}, ${survivor.id}, ${merged.id}, ${reason}, ${sql.jsonb(moved as never)}, ${sql.array(filled, 'text')})`);
  await auditBoth(tx, tenantId, 'lead.merged', survivor.id, merged.id, actor, { reason });
}

/** Only what still stands with the survivor goes back; a field that was filled is emptied unless somebody changed it since. */
async function giveBack(tx: Tx, tenantId: number, undone: z.output<typeof mergeRow>): Promise<void> {
  const { survivor_id: survivorId, merged_id: mergedId, moved, filled } = undone;
  for (const table of following) {
    await tx.query(sql.unsafe`
      UPDATE ${sql.identifier([table])} SET lead_id = ${mergedId}
      WHERE tenant_id = ${tenantId} AND lead_id = ${survivorId} AND id = ANY(${sql.array(moved[table] ?? [], 'uuid')})`);
  }
  await tx.query(sql.unsafe`
    UPDATE leads SET merged_into = ${mergedId}
    WHERE tenant_id = ${tenantId} AND merged_into = ${survivorId} AND id = ANY(${sql.array(moved['leads'] ?? [], 'uuid')})`);
  await tx.query(
    sql.unsafe`UPDATE leads SET merged_into = NULL, updated_at = now() WHERE tenant_id = ${tenantId} AND id = ${mergedId}`,
  );
  for (const name of filled) {
    const field = sql.identifier([name]);
    await tx.query(sql.unsafe`
      UPDATE leads s SET ${field} = NULL, updated_at = now() FROM leads m
      WHERE s.tenant_id = ${tenantId} AND s.id = ${survivorId} AND m.tenant_id = ${tenantId} AND m.id = ${mergedId} AND s.${field} = m.${field}`);
  }
  await tx.query(sql.unsafe`
    UPDATE leads s SET last_touch_at = (SELECT max(greatest(came.at, s.created_at)) FROM (
      SELECT greatest(m.last_touch_at, m.created_at) AS at FROM leads m WHERE m.tenant_id = s.tenant_id AND m.merged_into = s.id
      UNION ALL
      SELECT t.created_at FROM lead_touches t
      WHERE t.tenant_id = s.tenant_id AND t.lead_id = s.id AND t.kind = 'click_to_whatsapp' AND t.created_at > s.created_at) came)
    WHERE s.tenant_id = ${tenantId} AND s.id = ${survivorId}`);
}

async function auditBoth(
  tx: Tx,
  tenantId: number,
  name: string,
  survivorId: string,
  mergedId: string,
  actor: Actor,
  details: Readonly<Record<string, string>>,
): Promise<void> {
  const of = (id: string) => ({ type: 'lead', id });
  await audited(tx, { tenantId, name, actor, object: of(survivorId), details: { ...details, other: mergedId } });
  await audited(tx, { tenantId, name, actor, object: of(mergedId), details: { ...details, into: survivorId } });
}

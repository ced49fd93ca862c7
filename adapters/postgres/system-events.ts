import { type FragmentSqlToken, type SqlToken, sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import type { Database, Tx } from './pool.ts';

/** One change, as the audit trail keeps it. `details` holds ids, codes, counts and field names: never personal data or a secret. */
export interface Change {
  tenantId: number;
  /** noun.verb in the past, e.g. `lead.status_changed`. */
  name: string;
  actor: Actor;
  object?: { type: string; id: string };
  details?: Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
}

/** Writes the audit row of a change, in the change's own transaction. */
export async function audited(tx: Tx, change: Change): Promise<void> {
  await auditedAs(tx, change);
}

/** The same, and gives the row's id. */
export const auditedAs = (tx: Tx, { details = {}, ...change }: Change): Promise<number> =>
  tx.oneFirst(sql.type(z.object({ id: z.number() }))`${auditRow(change, sql.jsonb(details as never))} RETURNING id`);

/** The audit row as a part of the statement that makes the change; `from` gives what `details` names. */
export const auditRow = (
  { tenantId, name, actor, object }: Omit<Change, 'details'>,
  details: SqlToken,
  from: FragmentSqlToken = sql.fragment``,
): FragmentSqlToken => sql.fragment`
  INSERT INTO system_events (tenant_id, kind, name, actor_type, actor_id, object_type, object_id, details, address, request_id)
  SELECT ${tenantId}::int, 'change', ${name}, ${actor.type}, ${actor.id}, ${object?.type ?? null}, ${object?.id ?? null},
    ${details}, ${actor.address ?? null}, ${actor.requestId ?? null} ${from}`;

/** One call of an endpoint: who called what, and how it was answered. */
export interface Access {
  tenantId: number;
  name: string;
  actor: Actor;
  status: number;
  at: Date;
}

const changeRow = z.object({
  id: z.number(),
  name: z.string(),
  actor_type: z.string(),
  actor_id: z.string().nullable(),
  object_type: z.string().nullable(),
  object_id: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
  created_at: z.date(),
});
export type ChangeRow = z.output<typeof changeRow>;

/** The audit trail's store: access rows in batches, and the changes of one object for its timeline. */
export function createSystemEvents({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Writes access rows, one transaction a tenant. */
    async saveAccesses(accesses: readonly Access[]): Promise<void> {
      for (const [tenantId, rows] of Map.groupBy(accesses, (access) => access.tenantId)) {
        await inTenant(tenantId, (tx) => insertAccesses(tx, rows));
      }
    },
    /** The changes of one object, newest first. */
    changesOf: (tenantId: number, object: { type: string; id: string }, limit = 50): Promise<readonly ChangeRow[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(changeRow)`
          SELECT id, name, actor_type, actor_id, object_type, object_id, details, created_at
          FROM system_events
          WHERE tenant_id = ${tenantId} AND kind = 'change' AND object_type = ${object.type} AND object_id = ${object.id}
          ORDER BY id DESC
          LIMIT ${limit}`),
      ),
  };
}

async function insertAccesses(tx: Tx, rows: readonly Access[]): Promise<void> {
  const tuples = rows.map(({ tenantId, name, actor, status, at }) => [
    tenantId,
    'access',
    name,
    actor.type,
    actor.id,
    status,
    actor.address ?? null,
    actor.requestId ?? null,
    at.toISOString(),
  ]);
  await tx.query(sql.unsafe`
    INSERT INTO system_events (tenant_id, kind, name, actor_type, actor_id, status, address, request_id, created_at)
    SELECT * FROM ${sql.unnest(tuples, ['int4', 'text', 'text', 'text', 'text', 'int4', 'text', 'text', 'timestamptz'])}`);
}

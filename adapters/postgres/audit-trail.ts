import { sql } from 'slonik';
import { z } from 'zod';
import type { Database } from './pool.ts';

const eventRow = z.object({
  id: z.number(),
  created_at: z.date(),
  kind: z.enum(['change', 'access']),
  name: z.string(),
  actor_type: z.string(),
  actor_id: z.string().nullable(),
  actor_name: z.string().nullable(),
  object_type: z.string().nullable(),
  object_id: z.string().nullable(),
  lead_name: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
  status: z.number().nullable(),
  address: z.string().nullable(),
});
export type AuditEvent = z.output<typeof eventRow>;

export interface AuditSearch {
  kind: 'change' | 'access';
  /** A person's id, or everybody who is no person. */
  who?: string | undefined;
  /** First parts of names: `credential` finds `credential.added`. */
  nouns?: readonly string[] | undefined;
  /** Days of the tenant's zone, both included. */
  from?: string | undefined;
  until?: string | undefined;
  /** Only older than this row. */
  before?: number | undefined;
}

export const EVENTS_A_PAGE = 50;
const EVENTS_A_FILE = 10_000;

/** The audit trail as its page reads it, newest first. */
export function createAuditTrail({ inTenant }: Pick<Database, 'inTenant'>) {
  const find = (tenantId: number, search: AuditSearch, limit: number): Promise<readonly AuditEvent[]> =>
    inTenant(tenantId, (tx) =>
      tx.any(sql.type(eventRow)`
        SELECT e.id, e.created_at, e.kind, e.name, e.actor_type, e.actor_id, u.name AS actor_name, e.object_type, e.object_id,
          l.full_name AS lead_name, e.details, e.status, e.address
        FROM system_events e
        LEFT JOIN users u ON u.tenant_id = e.tenant_id AND e.actor_type = 'user' AND u.id::text = e.actor_id
        LEFT JOIN leads l ON l.tenant_id = e.tenant_id AND e.object_type = 'lead' AND l.id::text = e.object_id
        WHERE e.tenant_id = ${tenantId} AND ${conditionsOf(tenantId, search)}
        ORDER BY e.id DESC LIMIT ${limit}`),
    );
  return {
    /** One row more than a page holds, when there are older ones. */
    page: (tenantId: number, search: AuditSearch) => find(tenantId, search, EVENTS_A_PAGE + 1),
    /** The newest that a file holds. */
    newest: (tenantId: number, search: AuditSearch) => find(tenantId, search, EVENTS_A_FILE),
  };
}
export type AuditTrail = ReturnType<typeof createAuditTrail>;

function conditionsOf(tenantId: number, { kind, who, nouns, from, until, before }: AuditSearch) {
  const zone = sql.fragment`(SELECT t.time_zone FROM tenants t WHERE t.id = ${tenantId})`;
  const conditions = [sql.fragment`e.kind = ${kind}`];
  if (who === 'programs') conditions.push(sql.fragment`e.actor_type <> 'user'`);
  else if (who !== undefined) conditions.push(sql.fragment`e.actor_type = 'user' AND e.actor_id = ${who}`);
  if (nouns !== undefined)
    conditions.push(sql.fragment`split_part(e.name, '.', 1) = ANY(${sql.array([...nouns], 'text')})`);
  if (from !== undefined) conditions.push(sql.fragment`e.created_at >= ${from}::date::timestamp AT TIME ZONE ${zone}`);
  if (until !== undefined)
    conditions.push(sql.fragment`e.created_at < (${until}::date + 1)::timestamp AT TIME ZONE ${zone}`);
  if (before !== undefined) conditions.push(sql.fragment`e.id < ${before}`);
  return sql.join(conditions, sql.fragment` AND `);
}

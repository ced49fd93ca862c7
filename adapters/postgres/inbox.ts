import { createHash } from 'node:crypto';
import { sql } from 'slonik';
import { z } from 'zod';
import type { Change } from '../../domain/inbox.ts';
import type { Database, Tx } from './pool.ts';
import { together } from './together.ts';

const takenRow = z.object({
  id: z.number(),
  tenant_id: z.number().nullable(),
  provider: z.enum(['meta', 'ycloud']),
  kind: z.string(),
  subject: z.string().nullable(),
  source_id: z.string().nullable(),
  attempts: z.number(),
  received_at: z.date(),
});
export type TakenRow = z.output<typeof takenRow>;
const payloadRow = z.object({ id: z.number(), payload: z.string(), received_at: z.date() });
const dueRow = z.object({
  work: z.enum([
    'stale_send',
    'oauth_returned',
    'waiting_lead',
    'message_by_hand',
    'run_over',
    'run_to_start',
    'templates',
    'reminders',
    'opt_out',
  ]),
  tenant_id: z.number(),
  object_id: z.string(),
});
const copyRow = z.object({ tenant_id: z.number(), object_id: z.string() });
export type DueWork = z.output<typeof dueRow>;

/** To whom a body's changes belong: found by page or number, or known from the address it came to. */
export type Routing = { to: 'sender' } | { to: 'tenant'; tenantId: number };

const MAX_ATTEMPTS = 20;
const TOGETHER = { lanes: 2, most: 1000 };

/** The inbox: what was received is a row before the sender hears 200. */
export function createInbox({ pool, inTenant }: Pick<Database, 'pool' | 'inTenant'>) {
  const insert = async (changes: readonly Change[], routing: Routing): Promise<number> => {
    const provider = changes[0]?.provider;
    const statement = sql.prepared(`inbox-${routing.to}-${provider}`, z.object({})); // planned once a connection: planning was half of its time
    const inserted = await pool.query(statement`
      INSERT INTO webhook_events (provider, dedupe_key, tenant_id, kind, subject, source_id, payload, state)
      SELECT g.provider, ${dedupeKey}, t.tenant_id, g.kind, g.subject, g.source_id, g.payload,
        CASE WHEN NOT g.is_used THEN 'ignored' WHEN t.tenant_id IS NULL THEN 'orphan' ELSE 'pending' END
      FROM ${sql.unnest(changes.map(tuple), ['text', 'text', 'text', 'text', 'text', 'text', 'text', 'text', 'bool'])}
        AS g (provider, kind, subject, source_id, source_phone, own_id, hash, payload, is_used)
      LEFT JOIN LATERAL ${tenantsOf(routing, provider)} AS t (tenant_id, place) ON g.is_used OR ${routing.to === 'tenant'}
      ON CONFLICT DO NOTHING`);
    return inserted.rowCount;
  };
  // Statuses of YCloud are stored alone: whether a body was a repeat, and so perhaps a conflict, is known from its own count.
  const insertMeta = together((changes: readonly Change[]) => insert(changes, { to: 'sender' }), TOGETHER);

  return {
    /**
     * One statement for all changes of a body; Meta's bodies that come while others are being stored share one. Gives how many rows are new: a repeat inserts
     * nothing. Throws while the database is away.
     */
    insert: (changes: readonly Change[], routing: Routing): Promise<number> =>
      changes[0]?.provider === 'meta' && routing.to === 'sender' ? insertMeta(changes) : insert(changes, routing),

    /**
     * Keeps, as a row of its own in each tenant it went to, a YCloud event whose id is known with another body. Inside the tenant the first body is visible.
     * Gives how many rows are new.
     */
    async insertConflicts(change: Change, routing: Routing): Promise<number> {
      if (change.id === null) return 0;
      const tenants =
        routing.to === 'tenant'
          ? [routing.tenantId]
          : await pool.anyFirst(sql.type(z.object({ tenant_id: z.number() }))`
              SELECT tenant_id FROM tenants_of_sender(${change.sourceId}, ${change.sourcePhone})`);
      let kept = 0;
      for (const tenantId of tenants) {
        const key = `ycloud:${tenantId}:${change.id}`;
        const { rowCount } = await inTenant(tenantId, (tx) =>
          tx.query(sql.unsafe`
            INSERT INTO webhook_events (provider, dedupe_key, tenant_id, kind, payload, state)
            SELECT 'ycloud', ${`${key}:${hashOf(change)}`}, ${tenantId}, ${change.kind}, ${change.payload}, 'conflict'
            FROM webhook_events e WHERE e.tenant_id = ${tenantId} AND e.dedupe_key = ${key} AND e.payload <> ${change.payload}
            ON CONFLICT DO NOTHING`),
        );
        kept += rowCount;
      }
      return kept;
    },

    /** Leads of pages that no tenant has connected: they wait for one. Ids only; row security shows orphans, and nothing else, to a tenant that is none. */
    orphans: () =>
      inTenant(0, (tx) =>
        tx.oneFirst(sql.type(z.object({ n: z.number() }))`
          SELECT coalesce(sum(o.leads), 0)::int AS n FROM (SELECT source_id, count(*) AS leads FROM webhook_events WHERE state = 'orphan' GROUP BY source_id) o
          WHERE NOT EXISTS (SELECT FROM tenants_of_page(o.source_id))`),
      ),

    /** Leases up to `max` due rows, at most `perTenant` of one tenant. */
    take: (max: number, perTenant: number) =>
      pool.any(
        sql.type(
          takenRow,
        )`SELECT id, tenant_id, provider, kind, subject, source_id, attempts, received_at FROM take_inbox(${max}, ${perTenant})`,
      ),

    payloads: (tenantId: number, ids: readonly number[]) =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(payloadRow)`
          SELECT id, payload, received_at FROM webhook_events WHERE tenant_id = ${tenantId} AND id = ANY(${sql.array([...ids], 'int8')}) ORDER BY id`),
      ),

    done: (tenantId: number, ids: readonly number[]) => inTenant(tenantId, (tx) => markDone(tx, tenantId, ids)),

    /** Tries those again later that are not done: 1 s doubling to 15 min, parked after 20 tries. `error` is a code, never a provider's text. Returns how many were parked. */
    async failed(tenantId: number, ids: readonly number[], error: string): Promise<number> {
      const parked = await inTenant(tenantId, (tx) =>
        tx.any(sql.type(z.object({ state: z.string() }))`
          UPDATE webhook_events SET error = ${error},
            state = CASE WHEN attempts >= ${MAX_ATTEMPTS} THEN 'parked' ELSE 'pending' END,
            next_attempt_at = now() + least(power(2, attempts - 1), 900) * interval '1 second'
          WHERE tenant_id = ${tenantId} AND id = ANY(${sql.array([...ids], 'int8')}) AND state = 'pending' RETURNING state`),
      );
      return parked.filter((row) => row.state === 'parked').length;
    },

    /** Hands leased rows back at once, as if they had not been taken. */
    release: (tenantId: number, ids: readonly number[]) =>
      inTenant(tenantId, (tx) =>
        tx.query(sql.unsafe`
          UPDATE webhook_events SET next_attempt_at = now(), attempts = greatest(attempts - 1, 0)
          WHERE tenant_id = ${tenantId} AND id = ANY(${sql.array([...ids], 'int8')}) AND state = 'pending'`),
      ),

    /** Copies for Chatwoot: apart, since nothing may wait for them. */
    dueCopies: () =>
      pool.any(sql.type(copyRow)`SELECT tenant_id, object_id FROM due_work() WHERE work = 'chatwoot_copy'`),
    dueWork: () =>
      pool.any(sql.type(dueRow)`
        SELECT work, tenant_id, object_id FROM due_work() WHERE work <> 'chatwoot_copy'`),
  };
}
export type Inbox = ReturnType<typeof createInbox>;

export async function markDone(tx: Tx, tenantId: number, ids: readonly number[]): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE webhook_events SET state = 'done', error = NULL WHERE tenant_id = ${tenantId} AND id = ANY(${sql.array([...ids], 'int8')}) AND state = 'pending'`);
}

const hashOf = (change: Change): string => createHash('sha256').update(change.payload).digest('hex');
const tuple = (change: Change) => [
  change.provider,
  change.kind,
  change.subject,
  change.sourceId,
  change.sourcePhone,
  change.id,
  change.id === null ? hashOf(change) : null, // its key only where it has no id
  change.payload,
  change.isUsed,
];

// A page connected by several tenants gives each its lead; a number's events go to the tenants that use it; what nobody knows is an orphan.
// One flat statement: each CTE and each second function in it cost a quarter of an intake's time in planning.
function tenantsOf(routing: Routing, provider: Change['provider'] | undefined) {
  if (routing.to === 'tenant') return sql.fragment`(SELECT ${routing.tenantId}::int, 1)`;
  return provider === 'meta'
    ? sql.fragment`tenants_of_page(g.source_id) WITH ORDINALITY`
    : sql.fragment`tenants_of_sender(g.source_id, g.source_phone) WITH ORDINALITY`;
}

// Meta: the first tenant has the plain key, the others' follow it. YCloud, and what has no id: the tenant is part of the key.
const dedupeKey = sql.fragment`
  CASE WHEN g.own_id IS NULL THEN 'sha256:' || g.hash || coalesce(':' || t.tenant_id, '')
    WHEN g.provider = 'meta' THEN g.own_id || CASE WHEN coalesce(t.place, 1) = 1 THEN '' ELSE ':' || t.tenant_id END
    ELSE 'ycloud:' || coalesce(t.tenant_id, 0) || ':' || g.own_id END`;

import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

const kind = z.enum(['admin', 'api']);
const keyRow = z.object({ api_key_id: z.string(), tenant_id: z.number(), kind });
export type ApiKeyRow = z.output<typeof keyRow>;
const listedRow = z.object({
  id: z.string(),
  kind,
  name: z.string(),
  last_four: z.string(),
  created_at: z.date(),
  revoked_at: z.date().nullable(),
  last_used_on: z.date().nullable(),
});
export type ListedApiKey = z.output<typeof listedRow>;

export interface NewApiKey {
  /** Given by the form, so that a form that is sent twice makes one key. */
  id: string;
  kind: 'admin' | 'api';
  name: string;
  keyHash: Buffer;
  lastFour: string;
}

/** Keys of programs. Only their hash is stored. */
export function createApiKeys({ pool, inTenant }: Pick<Database, 'pool' | 'inTenant'>) {
  return {
    /** Across tenants, by hash; null when it is unknown or revoked. */
    maybeByHash: (keyHash: Buffer): Promise<ApiKeyRow | null> =>
      pool.maybeOne(sql.type(keyRow)`SELECT api_key_id, tenant_id, kind FROM api_key_by_hash(${sql.binary(keyHash)})`),

    /** Living keys first. When one was last used is what the access rows say. */
    listForTenant: (tenantId: number): Promise<readonly ListedApiKey[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(listedRow)`
          SELECT k.id, k.kind, k.name, k.last_four, k.created_at, k.revoked_at,
            (SELECT e.created_at FROM system_events e WHERE e.tenant_id = k.tenant_id AND e.actor_id = k.id::text
              AND e.actor_type IN ('api_key', 'admin_key') ORDER BY e.id DESC LIMIT 1) AS last_used_on
          FROM api_keys k WHERE k.tenant_id = ${tenantId} ORDER BY k.revoked_at IS NOT NULL, k.created_at DESC, k.id LIMIT 200`),
      ),

    /** False when the same form made it before. */
    add: (tenantId: number, { id, kind, name, keyHash, lastFour }: NewApiKey, actor: Actor): Promise<boolean> =>
      inTenant(tenantId, async (tx) => {
        const { rowCount } = await tx.query(sql.unsafe`
          INSERT INTO api_keys (id, tenant_id, kind, name, key_hash, last_four)
          VALUES (${id}, ${tenantId}, ${kind}, ${name}, ${sql.binary(keyHash)}, ${lastFour}) ON CONFLICT (id) DO NOTHING`);
        if (rowCount > 0)
          await audited(tx, {
            tenantId,
            name: 'api_key.added',
            actor,
            object: { type: 'api_key', id },
            details: { kind },
          });
        return rowCount > 0;
      }),

    /** @throws {AppError} `not_found` */
    revoke: (tenantId: number, id: string, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const { rowCount } = await tx.query(sql.unsafe`
          UPDATE api_keys SET revoked_at = now() WHERE tenant_id = ${tenantId} AND id = ${id} AND revoked_at IS NULL`);
        if (rowCount === 0) throw new AppError('not_found', 'no living key of this id');
        await audited(tx, { tenantId, name: 'api_key.revoked', actor, object: { type: 'api_key', id } });
      }),
  };
}
export type ApiKeys = ReturnType<typeof createApiKeys>;

import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

const sessionRow = z.object({ session_id: z.string(), tenant_id: z.number(), user_id: z.string() });
export type SessionRow = z.output<typeof sessionRow>;

const LIFETIME_DAYS = 30;

/** Signed-in browsers. Only the hash of a session's token is stored. */
export function createSessions({ pool, inTenant }: Pick<Database, 'pool' | 'inTenant'>) {
  return {
    /** Across tenants, by the cookie's hash; null when it is unknown or over. */
    maybeByHash: (tokenHash: Buffer): Promise<SessionRow | null> =>
      pool.maybeOne(
        sql.type(sessionRow)`SELECT session_id, tenant_id, user_id FROM session_by_hash(${sql.binary(tokenHash)})`,
      ),

    open: (tenantId: number, userId: string, tokenHash: Buffer, actor: Actor) =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`DELETE FROM sessions WHERE tenant_id = ${tenantId} AND expires_at < now()`);
        await tx.query(sql.unsafe`
          INSERT INTO sessions (tenant_id, user_id, token_hash, expires_at)
          VALUES (${tenantId}, ${userId}, ${sql.binary(tokenHash)}, now() + ${LIFETIME_DAYS} * interval '1 day')`);
        await audited(tx, { tenantId, name: 'session.opened', actor, object: { type: 'user', id: userId } });
      }),

    close: (tenantId: number, tokenHash: Buffer, actor: Actor) =>
      inTenant(tenantId, async (tx) => {
        await tx.query(
          sql.unsafe`DELETE FROM sessions WHERE tenant_id = ${tenantId} AND token_hash = ${sql.binary(tokenHash)}`,
        );
        await audited(tx, { tenantId, name: 'session.closed', actor });
      }),
  };
}
export type Sessions = ReturnType<typeof createSessions>;

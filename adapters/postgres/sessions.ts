import { sql } from 'slonik';
import type { Actor } from '../../domain/actor.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

const LIFETIME_DAYS = 30;

/** Signed-in browsers; `frames.ts` finds whose a cookie is. Only the hash of a session's token is stored. */
export function createSessions({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
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

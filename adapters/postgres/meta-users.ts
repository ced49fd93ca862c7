import { sql } from 'slonik';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import { connectionOf } from './oauth-attempts.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const tenantRow = z.object({ tenant_id: z.number() });
const countRow = z.object({ count: z.number() });
const EVERY_TENANT = 2_147_483_647;

export type MetaUsers = ReturnType<typeof createMetaUsers>;

/** The people behind the connections, by Meta's app-scoped user id: which tenants live on them, and what is kept of them. */
export function createMetaUsers({ pool, inTenant }: Pick<Database, 'pool' | 'inTenant'>) {
  return {
    /** How many other tenants hold a living token of this tenant's Meta user, those of sign-ins under way included. */
    sharersOf: (tenantId: number): Promise<number> =>
      pool.oneFirst(sql.type(countRow)`
        SELECT count(*) FROM tenant_gauges(${EVERY_TENANT}) mine
        JOIN tenant_gauges(${EVERY_TENANT}) other ON other.tenant_id <> mine.tenant_id AND other.token_user_ids && mine.token_user_ids
        WHERE mine.tenant_id = ${tenantId}`),
    /** The tenants that hold a living token of this person. */
    tenantsLivingOn: async (metaUserId: string): Promise<number[]> => {
      const rows = await pool.any(sql.type(tenantRow)`
        SELECT tenant_id FROM tenant_gauges(${EVERY_TENANT}) WHERE ${metaUserId} = ANY(token_user_ids) ORDER BY tenant_id`);
      return rows.map((row) => row.tenant_id);
    },
    /** The tenants that keep anything of this person. */
    tenantsKnowing: async (metaUserId: string): Promise<number[]> => {
      const rows = await pool.any(sql.type(tenantRow)`
        SELECT tenant_id FROM tenant_gauges(${EVERY_TENANT}) WHERE ${metaUserId} = ANY(known_user_ids) ORDER BY tenant_id`);
      return rows.map((row) => row.tenant_id);
    },
    /** Whether the tenant's token is this person's, and from before `until`. */
    holdsToken: (tenantId: number, metaUserId: string, until: Date): Promise<boolean> =>
      inTenant(tenantId, (tx) =>
        tx.exists(sql.unsafe`
          SELECT FROM meta_tokens WHERE tenant_id = ${tenantId} AND meta_user_id = ${metaUserId} AND created_at <= ${until.toISOString()}::timestamptz`),
      ),
    /**
     * Erases what sign-ins brought of this person until then: ids, businesses, accounts and pages they could see, secrets. The connection itself
     * has ended before; figures stay. Safe to repeat.
     */
    forget: (tenantId: number, metaUserId: string, until: Date): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await eraseAttempts(tx, tenantId, metaUserId, until);
        await tx.query(sql.unsafe`
          UPDATE connections SET meta_user_id = NULL, scopes = '{}', updated_at = now()
          WHERE tenant_id = ${tenantId} AND meta_user_id = ${metaUserId}
            AND NOT EXISTS (SELECT FROM meta_tokens t WHERE t.tenant_id = ${tenantId} AND t.meta_user_id = ${metaUserId})`);
        await audited(tx, {
          tenantId,
          name: 'connection.person_erased',
          actor: system('data-deletion'),
          object: connectionOf(tenantId),
        });
      }),
    /** How many rows still name this person, of those from before `until`: 0 is the proof of an erasure. */
    tracesOf: (tenantId: number, metaUserId: string, until: Date): Promise<number> =>
      inTenant(tenantId, (tx) =>
        tx.oneFirst(sql.type(countRow)`
          SELECT (SELECT count(*) FROM meta_tokens
              WHERE tenant_id = ${tenantId} AND meta_user_id = ${metaUserId} AND created_at <= ${until.toISOString()}::timestamptz)
            + (SELECT count(*) FROM oauth_attempts
              WHERE tenant_id = ${tenantId} AND meta_user_id = ${metaUserId} AND created_at <= ${until.toISOString()}::timestamptz)
            + (SELECT count(*) FROM connections
              WHERE tenant_id = ${tenantId} AND meta_user_id = ${metaUserId} AND connected_at <= ${until.toISOString()}::timestamptz) AS count`),
      ),
  };
}

async function eraseAttempts(tx: Tx, tenantId: number, metaUserId: string, until: Date): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE oauth_attempts SET meta_user_id = NULL, code = NULL, code_verifier = NULL, access_token = NULL, scopes = '{}', missing_scopes = '{}',
      businesses = '[]', business_id = NULL, assets = '{"adAccounts": [], "pages": []}', ad_account_ids = '{}', page_ids = '{}',
      status = CASE WHEN status IN ('confirmed', 'failed', 'superseded') THEN status ELSE 'superseded' END
    WHERE tenant_id = ${tenantId} AND meta_user_id = ${metaUserId} AND created_at <= ${until.toISOString()}::timestamptz`);
}

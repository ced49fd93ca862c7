import { randomUUID } from 'node:crypto';
import { sql, UniqueIntegrityConstraintViolationError } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

const memberRow = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  locale: z.enum(['es', 'en']).nullable(),
  created_at: z.date(),
  disabled_at: z.date().nullable(),
  is_invited: z.boolean(),
  last_seen_at: z.date().nullable(),
});
export type Member = z.output<typeof memberRow>;

export interface NewMember {
  name: string;
  email: string;
  locale: 'es' | 'en';
}

/** No password matches it: the person sets one by the link they are given. */
const NO_PASSWORD = '-';

/** The people of a tenant. */
export function createTeam({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Everybody, the disabled last. */
    listForTenant: (tenantId: number): Promise<readonly Member[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(memberRow)`
          SELECT u.id, u.email, u.name, u.locale, u.created_at, u.disabled_at, u.password_hash = ${NO_PASSWORD} AS is_invited,
            (SELECT max(s.created_at) FROM sessions s WHERE s.tenant_id = u.tenant_id AND s.user_id = u.id) AS last_seen_at
          FROM users u WHERE u.tenant_id = ${tenantId} ORDER BY u.disabled_at IS NOT NULL, u.name, u.id LIMIT 200`),
      ),

    /** @throws {AppError} `conflict` when the e-mail address has an account */
    invite: (tenantId: number, { name, email, locale }: NewMember, actor: Actor): Promise<string> =>
      inTenant(tenantId, async (tx) => {
        const id = randomUUID();
        await tx.query(sql.unsafe`
          INSERT INTO users (id, tenant_id, email, name, locale, password_hash)
          VALUES (${id}, ${tenantId}, ${email.toLowerCase()}, ${name}, ${locale}, ${NO_PASSWORD})`);
        await audited(tx, { tenantId, name: 'user.invited', actor, object: { type: 'user', id } });
        return id;
      }).catch((error: unknown) => {
        if (error instanceof UniqueIntegrityConstraintViolationError)
          throw new AppError('conflict', 'a person with this e-mail address exists');
        throw error;
      }),

    /** Ends their sessions too. @throws {AppError} `not_found`; `conflict` for oneself: somebody must stay */
    disable: (tenantId: number, userId: string, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        if (actor.id === userId) throw new AppError('conflict', 'nobody shuts themselves out');
        const { rowCount } = await tx.query(sql.unsafe`
          UPDATE users SET disabled_at = coalesce(disabled_at, now()) WHERE tenant_id = ${tenantId} AND id = ${userId}`);
        if (rowCount === 0) throw new AppError('not_found', 'no such person');
        await tx.query(sql.unsafe`DELETE FROM sessions WHERE tenant_id = ${tenantId} AND user_id = ${userId}`);
        await tx.query(sql.unsafe`DELETE FROM password_links WHERE tenant_id = ${tenantId} AND user_id = ${userId}`);
        await audited(tx, { tenantId, name: 'user.disabled', actor, object: { type: 'user', id: userId } });
      }),

    /** @throws {AppError} `not_found` */
    enable: (tenantId: number, userId: string, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const { rowCount } = await tx.query(sql.unsafe`
          UPDATE users SET disabled_at = NULL WHERE tenant_id = ${tenantId} AND id = ${userId}`);
        if (rowCount === 0) throw new AppError('not_found', 'no such person');
        await audited(tx, { tenantId, name: 'user.enabled', actor, object: { type: 'user', id: userId } });
      }),
  };
}
export type Team = ReturnType<typeof createTeam>;

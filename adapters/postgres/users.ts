import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

const signInRow = z.object({ user_id: z.string(), tenant_id: z.number(), password_hash: z.string() });
const userRow = z.object({
  id: z.string(),
  tenant_id: z.number(),
  email: z.string(),
  name: z.string(),
  locale: z.enum(['es', 'en']).nullable(),
});
export type UserRow = z.output<typeof userRow>;

export function createUsers({ pool, inTenant }: Pick<Database, 'pool' | 'inTenant'>) {
  return {
    /** Across tenants, by e-mail address; null when nobody has it. */
    maybeForSignIn: (email: string) =>
      pool.maybeOne(sql.type(signInRow)`SELECT user_id, tenant_id, password_hash FROM user_for_sign_in(${email})`),

    /** @throws {AppError} `not_found` */
    async byId(tenantId: number, userId: string): Promise<UserRow> {
      const user = await inTenant(tenantId, (tx) =>
        tx.maybeOne(
          sql.type(
            userRow,
          )`SELECT id, tenant_id, email, name, locale FROM users WHERE tenant_id = ${tenantId} AND id = ${userId}`,
        ),
      );
      if (!user) throw new AppError('not_found', `no user ${userId}`);
      return user;
    },

    /** Whether the person is there and may come in. */
    isActive: (tenantId: number, userId: string): Promise<boolean> =>
      inTenant(tenantId, (tx) =>
        tx.exists(
          sql.unsafe`SELECT FROM users WHERE tenant_id = ${tenantId} AND id = ${userId} AND disabled_at IS NULL`,
        ),
      ),

    listForTenant: (tenantId: number) =>
      inTenant(tenantId, (tx) =>
        tx.any(
          sql.type(
            userRow,
          )`SELECT id, tenant_id, email, name, locale FROM users WHERE tenant_id = ${tenantId} AND disabled_at IS NULL ORDER BY name LIMIT 200`,
        ),
      ),

    /** @throws {AppError} `not_found` */
    saveLocale: (tenantId: number, userId: string, locale: 'es' | 'en', actor: Actor) =>
      inTenant(tenantId, async (tx) => {
        const { rowCount } = await tx.query(
          sql.unsafe`UPDATE users SET locale = ${locale} WHERE tenant_id = ${tenantId} AND id = ${userId}`,
        );
        if (rowCount === 0) throw new AppError('not_found', `no user ${userId}`);
        await audited(tx, {
          tenantId,
          name: 'user.locale_changed',
          actor,
          object: { type: 'user', id: userId },
          details: { locale },
        });
      }),
  };
}
export type Users = ReturnType<typeof createUsers>;

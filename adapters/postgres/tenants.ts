import { sql } from 'slonik';
import { z } from 'zod';
import { AppError } from '../../domain/error.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

const tenantRow = z.object({
  id: z.number(),
  name: z.string(),
  country: z.string(),
  time_zone: z.string(),
  currency: z.string(),
  locale: z.enum(['es', 'en']),
  sending: z.enum(['on', 'paused']),
  look_back_days: z.number(),
});
export type TenantRow = z.output<typeof tenantRow>;

export function createTenants({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** @throws {AppError} `not_found` */
    async byId(tenantId: number): Promise<TenantRow> {
      const tenant = await inTenant(tenantId, (tx) =>
        tx.maybeOne(sql.type(tenantRow)`
          SELECT id, name, country, time_zone, currency, locale, sending, look_back_days FROM tenants WHERE id = ${tenantId}`),
      );
      if (!tenant) throw new AppError('not_found', `no tenant ${tenantId}`);
      return tenant;
    },
  };
}
export type Tenants = ReturnType<typeof createTenants>;

export interface NewTenant {
  name: string;
  country: string;
  timeZone: string;
  currency: string;
  user: { name: string; email: string; passwordHash: string };
  adminKeyHash: Buffer;
  adminKeyLastFour: string;
}

/**
 * Makes a tenant with its first person and admin key. Needs the owner's connection: the application cannot make tenants.
 * @throws {AppError} `conflict` when the e-mail address is taken.
 */
export async function createTenant(
  { pool, inTenant }: Pick<Database, 'pool' | 'inTenant'>,
  tenant: NewTenant,
): Promise<{ tenantId: number; userId: string }> {
  const taken = await pool.maybeOne(sql.unsafe`SELECT user_id FROM user_for_sign_in(${tenant.user.email})`);
  if (taken) throw new AppError('conflict', 'a person with this e-mail address exists');
  const tenantId = await pool.oneFirst(
    sql.type(z.object({ id: z.number() }))`SELECT nextval(pg_get_serial_sequence('tenants', 'id')) AS id`,
  );
  return inTenant(tenantId, async (tx) => {
    await tx.query(sql.unsafe`
      INSERT INTO tenants (id, name, country, time_zone, currency)
      VALUES (${tenantId}, ${tenant.name}, ${tenant.country}, ${tenant.timeZone}, ${tenant.currency})`);
    const userId = await tx.oneFirst(sql.type(z.object({ id: z.string() }))`
      INSERT INTO users (tenant_id, email, name, password_hash)
      VALUES (${tenantId}, ${tenant.user.email.toLowerCase()}, ${tenant.user.name}, ${tenant.user.passwordHash})
      RETURNING id`);
    await tx.query(sql.unsafe`
      INSERT INTO api_keys (tenant_id, kind, name, key_hash, last_four)
      VALUES (${tenantId}, 'admin', 'X-Admin-Token', ${sql.binary(tenant.adminKeyHash)}, ${tenant.adminKeyLastFour})`);
    await audited(tx, {
      tenantId,
      name: 'tenant.created',
      actor: { type: 'operator', id: null },
      object: { type: 'tenant', id: String(tenantId) },
    });
    return { tenantId, userId };
  });
}

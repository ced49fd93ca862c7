import { sql } from 'slonik';
import { z } from 'zod';
import type { Vault } from '../../domain/vault.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

const listedRow = z.object({ provider: z.string(), category: z.string(), last_four: z.string(), updated_at: z.date() });

interface Kind {
  provider: string;
  category: string;
}

/** The Vault's global category. Needs the owner's connection: the application reads it and never writes it. Each tenant's audit trail says what changed. */
export function globalCredentials({ pool, inTenant }: Pick<Database, 'pool' | 'inTenant'>, vault: Vault) {
  /** Before the change: a trail may tell of one that failed, never miss one. */
  async function tellTenants(name: 'credential.global_saved' | 'credential.global_removed', kind: Kind): Promise<void> {
    const tenants = await pool.anyFirst(
      sql.type(z.object({ tenant_id: z.number() }))`SELECT tenant_id FROM tenant_gauges(100000)`,
    );
    for (const tenantId of tenants)
      await inTenant(tenantId, (tx) =>
        audited(tx, { tenantId, name, actor: { type: 'operator', id: null }, details: { ...kind } }),
      );
  }
  return {
    /** One line each: never a secret, only its last four characters. */
    async list(): Promise<string[]> {
      const rows = await pool.any(sql.type(listedRow)`
        SELECT provider, category, last_four, updated_at FROM credentials WHERE tenant_id IS NULL ORDER BY provider, category`);
      return rows.map((row) => `${row.provider} ${row.category} …${row.last_four} ${row.updated_at.toISOString()}`);
    },

    /** A replaced webhook secret stays valid as the previous one. */
    async save({ provider, category }: Kind, secret: string): Promise<void> {
      await tellTenants('credential.global_saved', { provider, category });
      await pool.transaction(async (tx) => {
        if (category === 'webhook_secret')
          await tx.query(sql.unsafe`
            INSERT INTO credentials (provider, category, secret, last_four)
            SELECT provider, 'webhook_secret_previous', secret, last_four FROM credentials
            WHERE tenant_id IS NULL AND provider = ${provider} AND category = 'webhook_secret'
            ON CONFLICT (tenant_id, provider, category) DO UPDATE SET secret = excluded.secret, last_four = excluded.last_four, updated_at = now()`);
        await tx.query(sql.unsafe`
          INSERT INTO credentials (provider, category, secret, last_four)
          VALUES (${provider}, ${category}, ${vault.seal(secret)}, ${secret.slice(-4)})
          ON CONFLICT (tenant_id, provider, category) DO UPDATE SET secret = excluded.secret, last_four = excluded.last_four, updated_at = now()`);
      });
    },

    /** False when there was none. */
    async remove({ provider, category }: Kind): Promise<boolean> {
      const isThere = await pool.exists(
        sql.unsafe`SELECT FROM credentials WHERE tenant_id IS NULL AND provider = ${provider} AND category = ${category}`,
      );
      if (!isThere) return false;
      await tellTenants('credential.global_removed', { provider, category });
      const { rowCount } = await pool.query(sql.unsafe`
        DELETE FROM credentials WHERE tenant_id IS NULL AND provider = ${provider} AND category = ${category}`);
      return rowCount > 0;
    },
  };
}

import { sql } from 'slonik';
import { z } from 'zod';
import type { Vault } from '../../domain/vault.ts';
import { tenantIds } from './gauges.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const listedRow = z.object({ provider: z.string(), category: z.string(), last_four: z.string(), updated_at: z.date() });

interface Kind {
  provider: string;
  category: string;
}

/** The Vault's global category. Needs the owner's connection: the application reads it and never writes it. */
export function globalCredentials({ pool }: Pick<Database, 'pool'>, vault: Vault) {
  return {
    /** One line each: never a secret, only its last four characters. */
    async list(): Promise<string[]> {
      const rows = await pool.any(sql.type(listedRow)`
        SELECT provider, category, last_four, updated_at FROM credentials WHERE tenant_id IS NULL ORDER BY provider, category`);
      return rows.map((row) => `${row.provider} ${row.category} …${row.last_four} ${row.updated_at.toISOString()}`);
    },

    /** A replaced webhook secret stays valid as the previous one. */
    save: ({ provider, category }: Kind, secret: string): Promise<void> =>
      pool.transaction(async (tx) => {
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
        await tellTenants(tx, 'credential.global_saved', { provider, category });
      }),

    /** False when there was none. */
    remove: ({ provider, category }: Kind): Promise<boolean> =>
      pool.transaction(async (tx) => {
        const { rowCount } = await tx.query(sql.unsafe`
          DELETE FROM credentials WHERE tenant_id IS NULL AND provider = ${provider} AND category = ${category}`);
        if (rowCount > 0) await tellTenants(tx, 'credential.global_removed', { provider, category });
        return rowCount > 0;
      }),
  };
}

/** A row in each tenant's audit trail, in the change's own transaction: it names one tenant after the other, and is no use for anything else afterwards. */
async function tellTenants(tx: Tx, name: string, { provider, category }: Kind): Promise<void> {
  const actor = { type: 'operator', id: null } as const;
  for (const tenantId of await tenantIds(tx)) {
    await tx.query(sql.unsafe`SELECT set_config('hub.tenant_id', ${String(tenantId)}, true)`);
    await audited(tx, { tenantId, name, actor, details: { provider, category } });
  }
}

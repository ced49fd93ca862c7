import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import type { Vault } from '../../domain/vault.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

export type Provider = 'ycloud' | 'chatwoot' | 'meta';
export type Category = 'api_key' | 'webhook_secret' | 'webhook_secret_previous';

const secretRow = z.object({ tenant_id: z.number().nullable(), category: z.string(), secret: z.string() });

export interface Fallbacks {
  ycloudApiKey: string | undefined;
  ycloudWebhookSecret: string | undefined;
  /** Called when neither tenant nor global Vault held a secret and the environment's was taken. */
  onFallback: (provider: Provider, category: Category, tenantId: number | null) => void;
}

/** The Vault's look-up: the tenant's own, then the global category, then the environment as the emergency fallback. */
export function createCredentials(
  { pool, inTenant }: Pick<Database, 'pool' | 'inTenant'>,
  vault: Vault,
  fallbacks: Fallbacks,
) {
  const stored = async (tenantId: number, provider: Provider): Promise<readonly z.output<typeof secretRow>[]> =>
    inTenant(tenantId, (tx) =>
      tx.any(sql.type(secretRow)`
        SELECT tenant_id, category, secret FROM credentials
        WHERE provider = ${provider} AND (tenant_id = ${tenantId} OR tenant_id IS NULL) ORDER BY tenant_id NULLS LAST, category`),
    );

  return {
    /** @throws {AppError} `misconfigured` when there is no key anywhere. */
    async ycloudKey(tenantId: number): Promise<string> {
      const found = (await stored(tenantId, 'ycloud')).find((row) => row.category === 'api_key');
      if (found) return vault.open(found.secret);
      if (fallbacks.ycloudApiKey === undefined)
        throw new AppError('misconfigured', `tenant ${tenantId} has no YCloud key`);
      fallbacks.onFallback('ycloud', 'api_key', tenantId);
      return fallbacks.ycloudApiKey;
    },

    /** The tenant's own webhook secrets, current and previous; none when it lives on the global one. */
    async ycloudWebhookSecrets(tenantId: number): Promise<string[]> {
      const rows = (await stored(tenantId, 'ycloud')).filter(
        (row) => row.tenant_id === tenantId && row.category.startsWith('webhook_secret'),
      );
      return rows.map((row) => vault.open(row.secret));
    },

    /** The global webhook secrets, else the environment's. */
    async globalYcloudWebhookSecrets(): Promise<string[]> {
      const rows = await pool.any(sql.type(secretRow)`
        SELECT tenant_id, category, secret FROM credentials
        WHERE provider = 'ycloud' AND tenant_id IS NULL AND category IN ('webhook_secret', 'webhook_secret_previous') ORDER BY category`);
      if (rows.length > 0) return rows.map((row) => vault.open(row.secret));
      if (fallbacks.ycloudWebhookSecret === undefined) return [];
      fallbacks.onFallback('ycloud', 'webhook_secret', null);
      return [fallbacks.ycloudWebhookSecret];
    },

    save: (tenantId: number, provider: Provider, category: Category, secret: string, actor: Actor) =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          INSERT INTO credentials (tenant_id, provider, category, secret, last_four)
          VALUES (${tenantId}, ${provider}, ${category}, ${vault.seal(secret)}, ${secret.slice(-4)})
          ON CONFLICT (tenant_id, provider, category) DO UPDATE
            SET secret = excluded.secret, last_four = excluded.last_four, updated_at = now()`);
        await audited(tx, { tenantId, name: 'credential.saved', actor, details: { provider, category } });
      }),
  };
}
export type Credentials = ReturnType<typeof createCredentials>;

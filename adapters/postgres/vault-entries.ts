import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { credentialSettings, type NewCredential, type TestOutcome } from '../../domain/credential.ts';
import { AppError } from '../../domain/error.ts';
import type { Vault } from '../../domain/vault.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const kind = {
  provider: z.enum(['ycloud', 'chatwoot', 'meta']),
  category: z.enum(['api_key', 'webhook_secret', 'webhook_secret_previous']),
};
const entryRow = z.object({
  id: z.string(),
  ...kind,
  is_global: z.boolean(),
  last_four: z.string(),
  settings: credentialSettings,
  updated_at: z.date(),
  tested_at: z.date().nullable(),
  test_outcome: z.enum(['works', 'rejected', 'no_answer']).nullable(),
  last_event_at: z.date().nullable(),
});
export type VaultEntry = z.output<typeof entryRow>;
const sealedRow = z.object({ ...kind, secret: z.string(), settings: credentialSettings });
const goneRow = z.object(kind);

/** The Vault as its page shows it: never a secret, only its last four characters. */
export function createVaultEntries({ inTenant, vault }: Pick<Database, 'inTenant'> & { vault: Vault }) {
  return {
    /** The tenant's own, and the global ones it falls back to. `last_event_at`: the last signed webhook since the secret was set. */
    listForTenant: (tenantId: number): Promise<readonly VaultEntry[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(entryRow)`
          SELECT c.id, c.provider, c.category, c.tenant_id IS NULL AS is_global, c.last_four, c.settings, c.updated_at, c.tested_at, c.test_outcome,
            CASE WHEN c.tenant_id IS NOT NULL AND c.category = 'webhook_secret' THEN
              (SELECT max(e.received_at) FROM webhook_events e WHERE e.tenant_id = ${tenantId} AND e.provider = c.provider AND e.received_at > c.updated_at)
            END AS last_event_at
          FROM credentials c WHERE c.tenant_id = ${tenantId} OR c.tenant_id IS NULL
          ORDER BY c.provider DESC, c.category, c.tenant_id NULLS LAST LIMIT 50`),
      ),

    /** Adds the secret or takes the place of the one before; a replaced webhook secret stays valid as the previous one. */
    save: (tenantId: number, given: NewCredential, outcome: TestOutcome | null, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const { provider, category, secret, settings } = given;
        if (category === 'webhook_secret') await keepPrevious(tx, tenantId, provider);
        const { is_new: isNew } = await tx.one(sql.type(z.object({ is_new: z.boolean() }))`
          INSERT INTO credentials (tenant_id, provider, category, secret, last_four, settings, tested_at, test_outcome)
          VALUES (${tenantId}, ${provider}, ${category}, ${vault.seal(secret)}, ${secret.slice(-4)}, ${sql.jsonb(settings as never)},
            CASE WHEN ${outcome}::text IS NOT NULL THEN now() END, ${outcome})
          ON CONFLICT (tenant_id, provider, category) DO UPDATE SET secret = excluded.secret, last_four = excluded.last_four, settings = excluded.settings,
            updated_at = now(), tested_at = excluded.tested_at, test_outcome = excluded.test_outcome
          RETURNING xmax = 0 AS is_new`);
        const name = isNew ? 'credential.added' : 'credential.replaced';
        await audited(tx, { tenantId, name, actor, details: { provider, category } });
      }),

    /** The secret in the clear, for one test call. @throws {AppError} `not_found` */
    async openForTest(tenantId: number, id: string) {
      const row = await inTenant(tenantId, (tx) =>
        tx.maybeOne(sql.type(sealedRow)`
          SELECT provider, category, secret, settings FROM credentials WHERE tenant_id = ${tenantId} AND id = ${id}`),
      );
      if (!row) throw new AppError('not_found', 'no such credential');
      return { ...row, secret: vault.open(row.secret) };
    },

    noteTest: (tenantId: number, id: string, outcome: TestOutcome, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(sql.type(goneRow)`
          UPDATE credentials SET tested_at = now(), test_outcome = ${outcome} WHERE tenant_id = ${tenantId} AND id = ${id}
          RETURNING provider, category`);
        if (row) await audited(tx, { tenantId, name: 'credential.tested', actor, details: { ...row, outcome } });
      }),

    /** With a webhook secret goes the one before it. @throws {AppError} `not_found` */
    remove: (tenantId: number, id: string, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(sql.type(goneRow)`
          DELETE FROM credentials WHERE tenant_id = ${tenantId} AND id = ${id} RETURNING provider, category`);
        if (!row) throw new AppError('not_found', 'no such credential');
        if (row.category === 'webhook_secret')
          await tx.query(sql.unsafe`
            DELETE FROM credentials WHERE tenant_id = ${tenantId} AND provider = ${row.provider} AND category = 'webhook_secret_previous'`);
        await audited(tx, { tenantId, name: 'credential.removed', actor, details: row });
      }),
  };
}
export type VaultEntries = ReturnType<typeof createVaultEntries>;

/** Webhooks that are on their way were signed with it. */
async function keepPrevious(tx: Tx, tenantId: number, provider: string): Promise<void> {
  await tx.query(sql.unsafe`
    INSERT INTO credentials (tenant_id, provider, category, secret, last_four)
    SELECT tenant_id, provider, 'webhook_secret_previous', secret, last_four FROM credentials
    WHERE tenant_id = ${tenantId} AND provider = ${provider} AND category = 'webhook_secret'
    ON CONFLICT (tenant_id, provider, category) DO UPDATE SET secret = excluded.secret, last_four = excluded.last_four, updated_at = now()`);
}

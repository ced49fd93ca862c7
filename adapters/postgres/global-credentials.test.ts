import { sql } from 'slonik';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { asAdmin } from '../../dev/stack/roles.ts';
import { TEST_FERNET_KEY } from '../../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { createVault } from '../crypto/fernet.ts';
import { createCredentials } from './credentials.ts';
import { globalCredentials } from './global-credentials.ts';
import { connectDatabase, type Database } from './pool.ts';
import { createVaultEntries } from './vault-entries.ts';

const vault = createVault([TEST_FERNET_KEY]);
const key = { provider: 'ycloud', category: 'api_key' } as const;
const webhook = { provider: 'ycloud', category: 'webhook_secret' } as const;
let db: TestDatabase;
let owner: Database;
let tenantId: number;

beforeAll(async () => {
  db = await testDatabase();
  owner = await connectDatabase(db.ownerUrl, { maxPoolSize: 2 });
  tenantId = await aTenant(db);
});
afterAll(() => owner.end());

const credentials = () =>
  createCredentials(db.database, vault, {
    ycloudApiKey: undefined,
    ycloudWebhookSecret: undefined,
    onFallback: () => {},
  });

const changeRow = z.object({ name: z.string(), actor_type: z.string(), details: z.unknown() });
const trail = async () => {
  const rows = await db.database.inTenant(tenantId, (tx) =>
    tx.any(sql.type(changeRow)`
      SELECT name, actor_type, details FROM system_events WHERE tenant_id = ${tenantId} AND name LIKE 'credential.global%' ORDER BY id`),
  );
  return rows.map(({ name, actor_type, details }) => [name, actor_type, details]);
};

describe('The global category of the Vault', () => {
  it('serves every tenant without a secret of its own, and is listed without its secret', async () => {
    await globalCredentials(owner, vault).save(key, 'the-global-key-92be');
    expect(await credentials().ycloudKey(tenantId)).toBe('the-global-key-92be');
    const lines = await globalCredentials(owner, vault).list();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^ycloud api_key …92be /);
    const entries = createVaultEntries({ ...db.database, vault });
    expect(await entries.listForTenant(tenantId)).toMatchObject([{ is_global: true, last_four: '92be' }]);
    const own = { ...key, secret: 'their-own-key-7f3a', settings: {} };
    await entries.save(tenantId, own, null, { type: 'system', id: 'test' });
    expect(await credentials().ycloudKey(tenantId)).toBe('their-own-key-7f3a');
  });

  it('keeps a replaced webhook secret as the previous one, and can be removed', async () => {
    for (const secret of ['the-first-secret', 'the-second-secret'])
      await globalCredentials(owner, vault).save(webhook, secret);
    expect(await credentials().globalYcloudWebhookSecrets()).toEqual(['the-second-secret', 'the-first-secret']);
    expect(await globalCredentials(owner, vault).remove(webhook)).toBe(true);
    expect(await globalCredentials(owner, vault).remove(webhook)).toBe(false);
    expect(await credentials().globalYcloudWebhookSecrets()).toEqual(['the-first-secret']);
    expect(await trail()).toEqual([
      ['credential.global_saved', 'operator', key],
      ['credential.global_saved', 'operator', webhook],
      ['credential.global_saved', 'operator', webhook],
      ['credential.global_removed', 'operator', webhook],
    ]);
  });

  it('changes for every tenant or for none: a trail that cannot be written takes the change back', async () => {
    const others = await aTenant(db);
    const before = await trail();
    await asAdmin(db.adminUrl, (client) =>
      client.query(`ALTER TABLE system_events ADD CONSTRAINT refused CHECK (tenant_id <> ${others}) NOT VALID`),
    );
    await expect(globalCredentials(owner, vault).save(key, 'a-key-nobody-heard-of-1111')).rejects.toThrow();
    await expect(globalCredentials(owner, vault).remove(key)).rejects.toThrow();
    await asAdmin(db.adminUrl, (client) => client.query('ALTER TABLE system_events DROP CONSTRAINT refused'));
    expect(await credentials().ycloudKey(others)).toBe('the-global-key-92be');
    expect(await trail()).toEqual(before);
  });

  it('cannot be written by the application, and then nothing is told of it', async () => {
    const before = await trail();
    await expect(globalCredentials(db.database, vault).save(webhook, 'not by the program')).rejects.toThrow(
      /row-level security/,
    );
    expect(await globalCredentials(db.database, vault).remove(key)).toBe(false);
    expect(await credentials().ycloudKey(await aTenant(db))).toBe('the-global-key-92be');
    expect(await trail()).toEqual(before);
  });
});

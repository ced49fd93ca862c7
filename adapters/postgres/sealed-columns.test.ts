import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { asAdmin } from '../../dev/stack/roles.ts';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { createReseal, createVault } from '../crypto/fernet.ts';
import { connectDatabase, type Database } from './pool.ts';
import { rotateSealed } from './sealed-columns.ts';

const OLD = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
const NEW = 'aGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8gMTI=';
const [old, fresh] = [createVault([OLD]), createVault([NEW])];
let db: TestDatabase;
let owner: Database;

beforeAll(async () => {
  db = await testDatabase();
  owner = await connectDatabase(db.ownerUrl, { maxPoolSize: 2 });
  return () => owner.end();
});
beforeEach(() =>
  asAdmin(db.adminUrl, (client) =>
    client.query('DELETE FROM tenants; DELETE FROM credentials; DELETE FROM deletion_requests'),
  ),
);

/** One sealed text in each column that may hold one; 600 pages, which is more than a batch. */
async function aTenantWithSecrets(): Promise<number> {
  const tenantId = await aTenant(db);
  await db.database.inTenant(tenantId, async (tx) => {
    await tx.query(
      sql.unsafe`INSERT INTO meta_tokens (tenant_id, access_token) VALUES (${tenantId}, ${old.seal('a token')})`,
    );
    await tx.query(sql.unsafe`
      INSERT INTO oauth_attempts (tenant_id, id, state_hash, expires_at, code, code_verifier, access_token)
      VALUES (${tenantId}, ${randomUUID()}, 'h', now(), ${old.seal('code')}, ${old.seal('verifier')}, ${old.seal('candidate')})`);
    await tx.query(sql.unsafe`
      INSERT INTO credentials (tenant_id, provider, category, secret, last_four) VALUES (${tenantId}, 'ycloud', 'api_key', ${old.seal('key')}, '1234')`);
    const pages = Array.from({ length: 600 }, (_, i) => [tenantId, String(1000 + i), 'Aurora', old.seal(`page ${i}`)]);
    await tx.query(sql.unsafe`
      INSERT INTO pages (tenant_id, page_id, name, access_token)
      SELECT * FROM ${sql.unnest(pages, ['int4', 'text', 'text', 'text'])}`);
  });
  return tenantId;
}

const ofInstallation = () =>
  asAdmin(db.adminUrl, async (client) => {
    await client.query(
      "INSERT INTO credentials (tenant_id, provider, category, secret, last_four) VALUES (NULL, 'ycloud', 'api_key', $1, '1234')",
      [old.seal('global')],
    );
    await client.query("INSERT INTO deletion_requests (confirmation_code, meta_user_id) VALUES ('a-code', $1)", [
      old.seal('7001'),
    ]);
  });

/** Every Fernet text of the whole database, wherever it stands. */
const sealedTexts = () =>
  asAdmin(db.adminUrl, async (client) => {
    const { rows: columns } = await client.query<{ table_name: string; column_name: string }>(`
      SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND data_type IN ('text', 'character varying')`);
    const texts: string[] = [];
    for (const { table_name, column_name } of columns) {
      const { rows } = await client.query<{ text: string }>(
        `SELECT DISTINCT ${column_name} AS text FROM ${table_name} WHERE ${column_name} LIKE 'gAAAA%'`,
      );
      texts.push(...rows.map(({ text }) => text));
    }
    return texts;
  });
const rotate = (keys = [NEW, OLD]) => rotateSealed(db.database, owner, createReseal(keys));

describe('Rotating the keys of the Vault', () => {
  it('leaves no text anywhere that the old key is needed for, of any tenant or of none', async () => {
    for (const _ of [1, 2]) await aTenantWithSecrets();
    await ofInstallation();
    expect(await rotate()).toEqual({ resealed: 2 * 605 + 2, current: 0, unreadable: [] });
    const texts = await sealedTexts();
    expect(texts).toHaveLength(2 * 605 + 2);
    for (const text of texts) expect(() => fresh.open(text)).not.toThrow();
  });

  it('goes on where it was stopped, and does nothing twice', async () => {
    await aTenantWithSecrets();
    const reseal = createReseal([NEW, OLD]);
    let left = 550;
    const dies = rotateSealed(db.database, owner, (sealed) => {
      if (left-- === 0) throw Object.assign(new Error('killed'), { killed: true });
      return reseal(sealed);
    });
    await dies; // a text that cannot be opened does not stop the others
    const { resealed, current } = await rotate();
    expect([resealed, current]).toEqual([1, 604]);
    expect(await rotate()).toEqual({ resealed: 0, current: 605, unreadable: [] });
  });

  it('does not overwrite a token that was renewed meanwhile', async () => {
    const tenantId = await aTenantWithSecrets();
    const renewed = fresh.seal('renewed');
    await asAdmin(db.adminUrl, async (client) => {
      await client.query('BEGIN');
      await client.query('UPDATE meta_tokens SET access_token = $1 WHERE tenant_id = $2', [renewed, tenantId]);
      const rotating = rotate();
      await vi.waitFor(async () => {
        const { rowCount } = await client.query("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
        expect(rowCount).toBeGreaterThan(0);
      }, 20_000);
      await client.query('COMMIT');
      await rotating;
    });
    expect(await sealedTexts()).toContain(renewed);
  });

  it('names what no key opens, and leaves it as it is', async () => {
    await aTenantWithSecrets();
    const { unreadable, resealed } = await rotate([NEW]);
    expect(resealed).toBe(0);
    expect(unreadable).toHaveLength(605);
    expect(unreadable).toContain('pages/1000');
  });

  it('is written into each tenant’s audit trail', async () => {
    const tenantId = await aTenantWithSecrets();
    await rotate();
    const { rows } = await asAdmin(db.adminUrl, (client) =>
      client.query("SELECT details FROM system_events WHERE tenant_id = $1 AND name = 'vault.rotated'", [tenantId]),
    );
    expect(rows).toEqual([{ details: { count: 605 } }]);
  });
});

import { sql } from 'slonik';
import { randomSecret, sha256 } from '../web/secrets.ts';
import type { TestDatabase } from './database.ts';

/** A living key of the tenant, as a program would hold it. */
export async function anApiKey(
  { database }: TestDatabase,
  tenantId: number,
  kind: 'admin' | 'api' = 'admin',
  { isRevoked = false } = {},
): Promise<string> {
  const key = randomSecret();
  await database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`
      INSERT INTO api_keys (tenant_id, kind, name, key_hash, last_four, revoked_at)
      VALUES (${tenantId}, ${kind}, 'test', ${sql.binary(sha256(key))}, ${key.slice(-4)}, ${isRevoked ? sql.fragment`now()` : null})`),
  );
  return key;
}

import { sql } from 'slonik';
import { z } from 'zod';
import type { Database } from './pool.ts';

const keyRow = z.object({ api_key_id: z.string(), tenant_id: z.number(), kind: z.enum(['admin', 'api']) });
export type ApiKeyRow = z.output<typeof keyRow>;

/** Keys of programs. Only their hash is stored. */
export function createApiKeys({ pool }: Pick<Database, 'pool'>) {
  return {
    /** Across tenants, by hash; null when it is unknown or revoked. */
    maybeByHash: (keyHash: Buffer): Promise<ApiKeyRow | null> =>
      pool.maybeOne(sql.type(keyRow)`SELECT api_key_id, tenant_id, kind FROM api_key_by_hash(${sql.binary(keyHash)})`),
  };
}
export type ApiKeys = ReturnType<typeof createApiKeys>;

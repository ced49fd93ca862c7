import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { z } from 'zod';
import type { TestDatabase } from './database.ts';

interface RowGiven {
  state: string;
  provider: 'meta' | 'ycloud';
  kind: string;
  key: string;
  pageId: string | null;
  payload: string;
  attempts: number;
  error: string | null;
}

/** One row of the inbox; of nobody with tenant null. Gives its id, except for an orphan, which its writer cannot see. */
export async function anInboxRow(
  { database }: Pick<TestDatabase, 'database'>,
  tenantId: number | null,
  given: Partial<RowGiven> = {},
): Promise<number> {
  const { state = 'parked', provider = 'meta', kind = 'leadgen', key = randomUUID(), pageId = '500' } = given;
  const { payload = '{"field":"leadgen"}', attempts = 20, error = 'unavailable' } = given;
  const insert = sql.type(z.object({ id: z.number() }))`
    INSERT INTO webhook_events (provider, dedupe_key, tenant_id, kind, subject, source_id, payload, state, attempts, error)
    VALUES (${provider}, ${key}, ${tenantId}, ${kind}, '733', ${pageId}, ${payload}, ${state}, ${attempts}, ${error})
    RETURNING id`;
  return database.inTenant(tenantId ?? 0, async (tx) => (await tx.one(insert)).id);
}

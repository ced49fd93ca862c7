import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { Database } from './pool.ts';

const gaugeRow = z.object({
  tenant_id: z.number(),
  token_expires_at: z.date().nullable(),
  last_synced_at: z.date().nullable(),
  inbox_pending: z.number(),
});

const idRow = z.object({ tenant_id: z.number() });
const NO_LIMIT = 2_147_483_647;

/** Every tenant, whatever it has, in the order of their ids. */
export const tenantIds = (connection: Pick<CommonQueryMethods, 'anyFirst'>): Promise<readonly number[]> =>
  connection.anyFirst(sql.type(idRow)`SELECT tenant_id FROM tenant_gauges(${NO_LIMIT}) ORDER BY tenant_id`);

/** What is measured per tenant at scrape. */
export function createGauges({ pool }: Pick<Database, 'pool'>) {
  return {
    ids: () => tenantIds(pool),
    /** At most `limit` tenants, those whose token ends soonest first. */
    tenants: (limit: number) =>
      pool.any(
        sql.type(
          gaugeRow,
        )`SELECT tenant_id, token_expires_at, last_synced_at, inbox_pending FROM tenant_gauges(${limit})`,
      ),
  };
}
export type Gauges = ReturnType<typeof createGauges>;

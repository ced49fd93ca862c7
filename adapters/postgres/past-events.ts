import { sql } from 'slonik';
import type { Database } from './pool.ts';

/** Few enough that nobody waits for a lock. */
const AT_ONCE = 2_000;

/** Webhooks that were applied, and are kept only for a while. */
export function createPastEvents({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Forgets some of those that are older than the tenant keeps them, or the people they tell of; what waits for somebody stays. Gives how many, 0 when none is left. */
    purgeSome: (tenantId: number): Promise<number> =>
      inTenant(tenantId, async (tx) => {
        const { rowCount } = await tx.query(sql.unsafe`
          DELETE FROM webhook_events WHERE id IN (
            SELECT e.id FROM webhook_events e JOIN tenants t ON t.id = e.tenant_id
            WHERE e.tenant_id = ${tenantId} AND e.state IN ('done', 'ignored') AND e.received_at < now() - least(t.event_days * interval '1 day', t.lead_months * interval '1 month')
            ORDER BY e.received_at LIMIT ${AT_ONCE})`);
        return rowCount;
      }),
  };
}
export type PastEvents = ReturnType<typeof createPastEvents>;

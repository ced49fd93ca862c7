import type { Logger } from '../adapters/log.ts';
import type { Gauges } from '../adapters/postgres/gauges.ts';
import type { PastEvents } from '../adapters/postgres/past-events.ts';

export interface HousekeepingDeps {
  gauges: Pick<Gauges, 'tenants'>;
  pastEvents: PastEvents;
  log: Logger;
}

const EVERY_TENANT = 100_000;

/** Forgets what each tenant need not keep any longer. Safe to repeat, and to run in several programs at once. */
export async function keepHouse({ gauges, pastEvents, log }: HousekeepingDeps): Promise<number> {
  let purged = 0;
  for (const { tenant_id: tenantId } of await gauges.tenants(EVERY_TENANT)) {
    try {
      purged += await pastEvents.purge(tenantId);
    } catch (error) {
      log.error({ err: error, tenantId }, 'past webhooks were not purged');
    }
  }
  if (purged > 0) log.info({ count: purged }, 'past webhooks purged');
  return purged;
}

import { heartbeat } from '@temporalio/activity';
import type { Logger } from '../adapters/log.ts';
import type { Metrics } from '../adapters/metrics.ts';
import type { Gauges } from '../adapters/postgres/gauges.ts';
import type { LeadRetention } from '../adapters/postgres/lead-retention.ts';
import type { PastEvents } from '../adapters/postgres/past-events.ts';
import { type ArchiveDeps, archivableMonths, archiveMonth } from './archive.ts';

export interface HousekeepingDeps {
  gauges: Pick<Gauges, 'ids'>;
  pastEvents: PastEvents;
  leadRetention: Pick<LeadRetention, 'eraseSome'>;
  /** Null where no `ARCHIVE_URL` names a place. */
  archive: ArchiveDeps | null;
  log: Logger;
  metrics: Pick<Metrics, 'errors'>;
  now?: () => number;
}

/** Yields how many it let go of, after each step of some seconds. */
type Job = (tenantId: number) => AsyncGenerator<number>;

export type HousekeepingActivities = ReturnType<typeof createHousekeepingActivities>;

const WORK_MS = 60_000;
const FAILED = { where: 'housekeeping' };

/** What each tenant need not keep any longer, or not in the database. Every step may be repeated, and what fails is tried again the next night. */
export function createHousekeepingActivities(deps: HousekeepingDeps) {
  const { gauges, log, metrics, now = Date.now } = deps;
  metrics.errors.inc(FAILED, 0); // a first failure must be an increase
  const jobs = Object.entries(jobsOf(deps));
  return {
    /** Works for about a minute through the tenants after this one, by their ids. Gives the tenant to go on after, or null when every one had its turn. */
    async keepHouse({ afterTenantId }: { afterTenantId: number }): Promise<{ afterTenantId: number | null }> {
      const until = now() + WORK_MS;
      const tenantIds = await gauges.ids();
      for (const tenantId of tenantIds.filter((id) => id > afterTenantId))
        for (const [what, job] of jobs)
          try {
            for await (const count of job(tenantId)) {
              log.info({ tenantId, what, count }, 'let go');
              heartbeat({ tenantId });
              if (now() > until) return { afterTenantId: tenantId - 1 };
            }
          } catch (error) {
            log.error({ err: error, tenantId, what }, 'could not let go');
            metrics.errors.inc(FAILED);
          }
      return { afterTenantId: null };
    },
  };
}

function jobsOf({ pastEvents, leadRetention, archive, now = Date.now }: HousekeepingDeps): Record<string, Job> {
  return {
    /** Webhooks that were applied and are older than the tenant keeps them. */
    webhooks: (tenantId) => untilNone(() => pastEvents.purgeSome(tenantId)),
    /** Leads of whom nothing was heard for as long as the tenant keeps them. */
    people: (tenantId) => untilNone(() => leadRetention.eraseSome(tenantId)),
    /** Detail by ad of months that ended a year ago. */
    async *monthsOfDetail(tenantId) {
      if (archive === null) return;
      for (const month of await archivableMonths(archive, tenantId, new Date(now())))
        if (await archiveMonth(archive, tenantId, month)) yield 1;
    },
  };
}

async function* untilNone(some: () => Promise<number>): AsyncGenerator<number> {
  for (let count = await some(); count > 0; count = await some()) yield count;
}

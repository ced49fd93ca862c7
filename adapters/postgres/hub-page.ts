import { connectionOfTenant } from './connections.ts';
import { firstStepsOf } from './first-steps.ts';
import { recentLeads } from './lead-pages.ts';
import type { Database } from './pool.ts';
import { latestRun, syncedSince } from './sync-runs.ts';

const RECENT_LEADS = 8;

/** What the hub shows beside its figures. */
export function createHubPage({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** One transaction for all of it: what a page costs is round trips, and each transaction has three of its own. */
    forTenant: (tenantId: number, { withSteps }: { withSteps: boolean }) =>
      inTenant(tenantId, async (tx) => ({
        connection: await connectionOfTenant(tx, tenantId),
        latest: await latestRun(tx, tenantId),
        syncedAt: await syncedSince(tx, tenantId),
        recent: await recentLeads(tx, tenantId, RECENT_LEADS),
        steps: withSteps ? await firstStepsOf(tx, tenantId) : null,
      })),
  };
}
export type HubPage = ReturnType<typeof createHubPage>;

import type { AdAccounts } from '../adapters/postgres/ad-accounts.ts';
import type { Campaigns } from '../adapters/postgres/campaigns.ts';
import type { Connections } from '../adapters/postgres/connections.ts';
import type { SyncRuns } from '../adapters/postgres/sync-runs.ts';
import { isLive } from '../domain/connection.ts';
import { dayIn } from '../domain/days.ts';
import { nextHistorySlice } from '../domain/history.ts';
import type { Slice } from '../domain/insights.ts';
import { copySlices, type SliceDeps } from './insight-slices.ts';

export interface BackfillDeps extends Omit<SliceDeps, 'adAccounts' | 'campaigns' | 'now'> {
  connections: Pick<Connections, 'byTenant' | 'withToken'>;
  adAccounts: AdAccounts;
  campaigns: Campaigns;
  syncRuns: Pick<SyncRuns, 'maybeLatest'>;
  /** Figures on screen are cached for 15 minutes; history makes them old. */
  cache: { invalidate(tenantId: number): Promise<void> };
  now?: () => Date;
}

interface OfAccount {
  tenantId: number;
  adAccountId: string;
}

/** What to do next: read a slice, wait for the regular sync, or nothing any more. */
export type BackfillPlan = { slice: Slice } | { waitMs: number } | null;

const WAIT_MS = 60_000;
/** A run that says `running` for longer than this was lost. */
const LOST_AFTER_MS = 3 * 60 * 60_000;
/** History belongs to no run of the regular sync. */
const NO_RUN = '00000000-0000-0000-0000-000000000000';

export type BackfillActivities = ReturnType<typeof createBackfillActivities>;

/** Reading the history of an account beyond its first 90 days, slice by slice: what was read stands in the table, so any repeat goes on there. */
export function createBackfillActivities(deps: BackfillDeps) {
  const { connections, adAccounts, campaigns, syncRuns, cache, live, now = () => new Date() } = deps;
  return {
    async planBackfill({ tenantId, adAccountId }: OfAccount): Promise<BackfillPlan> {
      if (!isLive((await connections.byTenant(tenantId)).status)) return null;
      const history = await adAccounts.historyOf(tenantId, adAccountId);
      if (history === null || history.wantedSince === null) return null;
      const latest = await syncRuns.maybeLatest(tenantId);
      const isSyncing = latest?.state === 'running' && now().getTime() - latest.startedAt.getTime() < LOST_AFTER_MS;
      // Never ahead of the regular sync, nor before it brought the newest days.
      if (isSyncing || !history.isSynced) return { waitMs: WAIT_MS };
      const today = dayIn(history.timeZone, now());
      const slice = nextHistorySlice(history.wantedSince, history.readSince ?? today, today);
      return slice === null ? null : { slice };
    },
    async readHistory({ tenantId, adAccountId, slice }: OfAccount & { slice: Slice }): Promise<{ rows: number }> {
      const { token } = await connections.withToken(tenantId);
      const of = { tenantId, runId: NO_RUN, adAccountId, slices: [slice], isHistory: true };
      const { rows } = await copySlices({ ...deps, now }, token, of);
      await adAccounts.historyRead(tenantId, adAccountId, slice.since);
      await campaigns.refreshTotals(tenantId, adAccountId, now());
      await cache.invalidate(tenantId);
      live.publish(tenantId, 'sync');
      return { rows };
    },
  };
}

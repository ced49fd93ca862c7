import type { Request, Response } from 'express';
import type { Connection, Connections } from '../adapters/postgres/connections.ts';
import type { SyncRun, SyncRuns } from '../adapters/postgres/sync-runs.ts';
import type { CampaignSyncs } from '../adapters/temporal/campaign-sync.ts';
import { isLive } from '../domain/connection.ts';
import { AppError } from '../domain/error.ts';
import { nextSyncAt } from '../domain/insights.ts';
import { renderFragment } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface SyncRoutesDeps {
  connections: Pick<Connections, 'byTenant'>;
  syncRuns: SyncRuns;
  syncs: CampaignSyncs;
}

/** Between two syncs that a person asks for. */
const COOLDOWN_MS = 60_000;
/** Older figures are called out. */
const STALE_MS = 8 * 60 * 60_000;

/** "Sync now", and where the copy of the campaigns stands. */
export const syncRoutes = (deps: SyncRoutesDeps): Route[] => [
  {
    method: 'post',
    path: '/api/v1/sync-runs',
    access: 'tenant',
    body: 'json',
    accessName: 'start_sync',
    limited: true,
    handler: async (req, res) => {
      res.status(202).json({ status: await syncNow(req, deps), cooldown_seconds: COOLDOWN_MS / 1000 });
    },
  },
  {
    method: 'post',
    path: '/crm/sync-runs',
    access: 'person',
    body: 'form',
    handler: (req, res) => press(req, res, deps),
  },
  { method: 'get', path: '/crm/marketing/sync-status', access: 'person', handler: (req, res) => show(req, res, deps) },
];

/**
 * Starts a sync, or says that one is running.
 * @throws AppError `rate_limited` in the cooldown, `conflict` while nothing is connected, `unavailable` while Temporal is down
 */
async function syncNow(req: Request, { connections, syncRuns, syncs }: SyncRoutesDeps): Promise<'started' | 'running'> {
  const { tenantId, actor } = callerOf(req);
  const { status } = await connections.byTenant(tenantId);
  if (status === 'reconnect_needed') throw new AppError('reconnect_required', 'sync asked for without a living token');
  if (!isLive(status))
    throw new AppError('conflict', 'sync asked for while nothing is connected', {
      problems: ['no Meta account is connected'],
    });
  refuseTooSoon(await syncRuns.cooldownLeftMs(tenantId, COOLDOWN_MS));
  if (await syncs.isRunning(tenantId)) return 'running';
  refuseTooSoon(await syncRuns.ask(tenantId, actor, COOLDOWN_MS));
  await syncs.start(tenantId);
  return 'started';
}

function refuseTooSoon(leftMs: number): void {
  if (leftMs > 0) throw new AppError('rate_limited', 'sync asked for again too soon', { retryAfterMs: leftMs });
}

/** The button: the region says what came of it. */
async function press(req: Request, res: Response, deps: SyncRoutesDeps): Promise<void> {
  const notice = await syncNow(req, deps).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'rate_limited') return 'cooldown' as const;
    throw error;
  });
  if (!req.get('hx-request')) return res.redirect(303, '/crm/marketing');
  renderFragment(req, res, 'sync/_status', await syncStatus(deps)(callerOf(req).tenantId, notice));
}

async function show(req: Request, res: Response, deps: SyncRoutesDeps): Promise<void> {
  renderFragment(req, res, 'sync/_status', await syncStatus(deps)(callerOf(req).tenantId));
}

const syncStatus =
  ({ connections, syncRuns }: Pick<SyncRoutesDeps, 'connections' | 'syncRuns'>) =>
  async (tenantId: number, notice?: Notice) => {
    const [connection, latest, syncedAt] = await Promise.all([
      connections.byTenant(tenantId),
      syncRuns.maybeLatest(tenantId),
      syncRuns.syncedSince(tenantId),
    ]);
    return syncProps(tenantId, { connection, latest, syncedAt }, notice);
  };

type Notice = 'started' | 'running' | 'cooldown';

/** The region's facts: running and how far, when the figures are from, when the next copy comes. */
export function syncProps(
  tenantId: number,
  { connection, latest, syncedAt }: { connection: Connection; latest: SyncRun | null; syncedAt: Date | null },
  notice?: Notice,
) {
  const now = new Date();
  const isRunning = notice === 'started' || notice === 'running' || latest?.state === 'running';
  return {
    sync: {
      isLive: isLive(connection.status),
      isRunning,
      isWaiting: isRunning && latest?.state !== 'running',
      isCoolingDown: notice === 'cooldown',
      accountsDone: latest?.accountsDone ?? 0,
      accountsTotal: latest?.accountsTotal ?? 0,
      rows: latest?.insightRows ?? 0,
      errorCode: latest?.state === 'failed' ? latest.errorCode : null,
      syncedAt,
      isStale: syncedAt !== null && now.getTime() - syncedAt.getTime() > STALE_MS,
      nextAt: nextSyncAt(tenantId, now),
    },
  };
}

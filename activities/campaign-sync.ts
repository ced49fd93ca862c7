import { heartbeat } from '@temporalio/activity';
import type { MetaClient } from '../adapters/meta/client.ts';
import type { Metrics } from '../adapters/metrics.ts';
import type { AdAccounts, SelectedAccount } from '../adapters/postgres/ad-accounts.ts';
import type { Campaigns } from '../adapters/postgres/campaigns.ts';
import type { Connections } from '../adapters/postgres/connections.ts';
import type { Restatements } from '../adapters/postgres/restatements.ts';
import type { SyncKind, SyncRuns } from '../adapters/postgres/sync-runs.ts';
import { isLive } from '../domain/connection.ts';
import { dayIn } from '../domain/days.ts';
import { AppError } from '../domain/error.ts';
import { changedSince, LEDGER_DAYS, type Slice, type SyncWindow, slicesOf, windowFor } from '../domain/insights.ts';
import { majorUnits } from '../domain/money.ts';
import { copySlices, type SliceDeps } from './insight-slices.ts';

export interface CampaignSyncDeps extends Omit<SliceDeps, 'meta' | 'adAccounts' | 'campaigns' | 'now'> {
  meta: SliceDeps['meta'] & Pick<MetaClient, 'servedVersion' | 'adAccount' | 'campaigns' | 'adsets' | 'ads'>;
  connections: Pick<Connections, 'byTenant' | 'withToken' | 'noteCall' | 'markReconnectNeeded'>;
  adAccounts: AdAccounts;
  campaigns: Campaigns;
  restatements: Pick<Restatements, 'purge'>;
  syncRuns: SyncRuns;
  /** Figures on screen are cached for 15 minutes; a sync makes them old. */
  cache: { invalidate(tenantId: number): Promise<void> };
  metrics: Pick<Metrics, 'syncDuration' | 'syncRows'>;
  now?: () => Date;
}

export interface AccountPlan {
  adAccountId: string;
  window: SyncWindow;
  /** Of its campaigns, ad sets and ads only those are read that changed since the last time. */
  changesOnly: boolean;
  /** Newest first. */
  slices: Slice[];
}

export interface SyncPlan {
  runId: string;
  kind: SyncKind;
  accounts: AccountPlan[];
}

interface OfAccount {
  tenantId: number;
  runId: string;
  adAccountId: string;
}

export type CampaignSyncActivities = ReturnType<typeof createCampaignSyncActivities>;

/** What a campaign sync has done for it: each reads pages from Meta and writes them; only counts come back. */
export function createCampaignSyncActivities(deps: CampaignSyncDeps) {
  const { connections, adAccounts, campaigns, syncRuns, cache, live, metrics, now = () => new Date() } = deps;
  return {
    /** Which accounts and days this run reads, and its row. Null while nothing is connected: then there is nothing to do. */
    async planSync({ tenantId, workflowRunId }: { tenantId: number; workflowRunId: string }): Promise<SyncPlan | null> {
      const { status } = await connections.byTenant(tenantId);
      if (!isLive(status)) return null;
      const accounts = await adAccounts.listSelected(tenantId);
      const kind = await kindOf(syncRuns, tenantId, accounts);
      const runId = await syncRuns.start(tenantId, { kind, workflowRunId, accountsTotal: accounts.length });
      live.publish(tenantId, 'sync');
      return { runId, kind, accounts: accounts.map((account) => planOf(account, kind, now())) };
    },
    /** An account's own facts, its campaigns, ad sets and ads; gives how many campaigns it has. */
    async syncObjects(of: OfAccount & { changesOnly?: boolean }): Promise<{ campaigns: number; calls: number }> {
      const counts = await withToken(deps, of.tenantId, (token) => copyObjects({ ...deps, now }, token, of));
      await syncRuns.addProgress(of.tenantId, of.runId, counts);
      live.publish(of.tenantId, 'sync');
      return counts;
    },
    /**
     * Books and detail of as many of these slices as fit into a minute; `slicesDone` says how many. After a crash the next try skips the slices that
     * were whole and reads the rest from the start: cursors are never kept.
     */
    async syncInsights(
      of: OfAccount & { slices: Slice[]; readFrom?: number },
    ): Promise<{ slicesDone: number; rows: number }> {
      const { rows, slicesDone } = await withToken(deps, of.tenantId, (token) =>
        copySlices({ ...deps, now }, token, of),
      );
      metrics.syncRows.inc(rows);
      live.publish(of.tenantId, 'sync');
      return { slicesDone, rows };
    },
    /** Adds the account's days up on its campaigns and marks it as synced when reading began: what is later may be missing. */
    async finishAccount({
      tenantId,
      runId,
      adAccountId,
      window,
      readFrom = now().getTime(),
    }: OfAccount & { window: SyncWindow; readFrom?: number }): Promise<void> {
      const asOf = new Date(readFrom);
      await campaigns.saveTotals(tenantId, adAccountId, { wide: window !== 'narrow', now: now(), asOf });
      await syncRuns.addProgress(tenantId, runId, { accounts: 1 });
      await cache.invalidate(tenantId);
      live.publish(tenantId, 'sync');
    },
    /** Ends the run: `errorCode` is the first account's failure, or null. */
    async finishSync({
      tenantId,
      runId,
      errorCode,
      startedAt,
    }: {
      tenantId: number;
      runId: string;
      errorCode: string | null;
      startedAt: number;
    }): Promise<void> {
      await syncRuns.finish(tenantId, runId, errorCode);
      if (errorCode === null) await connections.noteCall(tenantId, deps.meta.servedVersion());
      await deps.restatements.purge(tenantId, LEDGER_DAYS);
      await cache.invalidate(tenantId);
      metrics.syncDuration.observe(Math.max(0, now().getTime() - startedAt) / 1000);
      live.publish(tenantId, 'sync');
    },
  };
}

async function kindOf(syncRuns: SyncRuns, tenantId: number, accounts: readonly SelectedAccount[]): Promise<SyncKind> {
  if (accounts.every(({ lastSyncedAt }) => lastSyncedAt === null)) return 'first';
  return (await syncRuns.isAsked(tenantId)) ? 'manual' : 'scheduled';
}

/**
 * "Sync now" re-reads today and the two days before, at any hour; history that was never read comes first all the same. Of the objects a scheduled narrow
 * run reads what changed; whoever asks and the daily run get all, also what moved at Meta's without anybody changing it.
 */
function planOf(account: SelectedAccount, kind: SyncKind, now: Date): AccountPlan {
  const due = windowFor(account, now);
  const window = kind === 'manual' && due === 'wide' ? 'narrow' : due;
  return {
    adAccountId: account.adAccountId,
    window,
    changesOnly: kind === 'scheduled' && window === 'narrow',
    slices: slicesOf(window, dayIn(account.timeZone, now)),
  };
}

async function copyObjects(
  { meta, adAccounts, campaigns, now }: CampaignSyncDeps & { now: () => Date },
  token: string,
  { tenantId, adAccountId, changesOnly = false }: OfAccount & { changesOnly?: boolean },
): Promise<{ campaigns: number; calls: number }> {
  const beganAt = now();
  const facts = await meta.adAccount(token, adAccountId);
  await adAccounts.saveFacts(tenantId, facts);
  const account = { adAccountId, currency: facts.currency };
  // Asked before each edge: a status that moved on one makes the next to be read whole.
  const since = async () =>
    changesOnly ? changedSince((await adAccounts.byId(tenantId, adAccountId)).objectsReadAt) : null;
  let calls = 1;
  for await (const page of meta.campaigns(token, adAccountId, await since())) {
    await campaigns.saveCampaigns(tenantId, account, page.rows.map(inMajorUnits(facts.currency)));
    calls += page.calls;
    heartbeat({ edge: 'campaigns', calls });
  }
  for await (const page of meta.adsets(token, adAccountId, await since())) {
    await campaigns.saveAdsets(tenantId, account, page.rows.map(inMajorUnits(facts.currency)));
    calls += page.calls;
    heartbeat({ edge: 'adsets', calls });
  }
  for await (const page of meta.ads(token, adAccountId, await since())) {
    await campaigns.saveAds(tenantId, page.rows);
    calls += page.calls;
    heartbeat({ edge: 'ads', calls });
  }
  await adAccounts.objectsRead(tenantId, adAccountId, beganAt);
  return { campaigns: (await campaigns.countOf(tenantId, adAccountId)).campaigns, calls };
}

const inMajorUnits =
  (currency: string) =>
  <T extends { dailyBudget: string | null; lifetimeBudget: string | null }>(row: T): T => ({
    ...row,
    dailyBudget: row.dailyBudget === null ? null : majorUnits(row.dailyBudget, currency),
    lifetimeBudget: row.lifetimeBudget === null ? null : majorUnits(row.lifetimeBudget, currency),
  });

/** Names the token in a refusal, so that a refusal of an old one cannot end a connection that has a new one. */
async function withToken<T>(
  { connections }: CampaignSyncDeps,
  tenantId: number,
  work: (token: string) => Promise<T>,
): Promise<T> {
  const { token, version } = await connections.withToken(tenantId);
  try {
    return await work(token);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'reconnect_required') throw error;
    throw new AppError('reconnect_required', error.message, { details: { ...error.details, tokenVersion: version } });
  }
}

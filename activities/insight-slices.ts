import { activityInfo, heartbeat } from '@temporalio/activity';
import type { MetaClient } from '../adapters/meta/client.ts';
import type { AdDay, CampaignDay } from '../adapters/meta/insights.ts';
import type { AdAccounts, SelectedAccount } from '../adapters/postgres/ad-accounts.ts';
import type { AdInsights } from '../adapters/postgres/ad-insights.ts';
import type { Campaigns } from '../adapters/postgres/campaigns.ts';
import type { ControlTotals } from '../adapters/postgres/control-totals.ts';
import type { Insights } from '../adapters/postgres/insights.ts';
import { dayIn } from '../domain/days.ts';
import { controlledDays, leadsIn, overWhenRead, type Slice } from '../domain/insights.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { createReportedDays } from '../domain/reported-days.ts';
import { copyWindow, type LevelReader, type WindowDeps } from './insight-windows.ts';

export interface SliceDeps extends Omit<WindowDeps, 'meta'> {
  meta: WindowDeps['meta'] &
    Pick<MetaClient, 'campaignDays' | 'adDays' | 'accountTotal' | 'reportCampaignDays' | 'reportAdDays'>;
  adAccounts: Pick<AdAccounts, 'byId'>;
  campaigns: Pick<Campaigns, 'countOf'>;
  insights: Insights;
  adInsights: AdInsights;
  controlTotals: Pick<ControlTotals, 'save'>;
  live: LiveUpdates;
  /** An activity starts no further slice after this long. */
  workMs?: number;
}

/** The days of one account that one run reads. */
export interface SlicesOf {
  tenantId: number;
  runId: string;
  adAccountId: string;
  slices: Slice[];
  /** Days that were never read before: whatever they bring is no restatement. */
  isHistory?: boolean;
  /** When this run began to read the account; without it, now. */
  readFrom?: number;
}

/** What a heartbeat tells the next try. */
export interface SliceProgress {
  slicesDone: number;
  rows: number;
}

/**
 * Books and detail of as many slices as fit, newest first. A slice counts when it is whole and was compared with the account's own total, which happens
 * while the next one is read; a repeat skips those that count.
 */
export async function copySlices(deps: SliceDeps, token: string, of: SlicesOf): Promise<SliceProgress> {
  const account = await deps.adAccounts.byId(of.tenantId, of.adAccountId);
  const objects = await deps.campaigns.countOf(of.tenantId, of.adAccountId);
  const startedAt = Date.now();
  const progress: SliceProgress = { slicesDone: 0, rows: 0, ...earlierTry() };
  const close = async (copy: SliceCopy, rows: number) => {
    await compareTotal(deps, copy);
    await deps.insightReports.forget(of.tenantId, of.adAccountId, copy.slice);
    progress.rows += rows;
    progress.slicesDone += 1;
    heartbeat(progress);
  };
  let closing = Promise.resolve();
  try {
    for (const [n, slice] of of.slices.slice(progress.slicesDone).entries()) {
      if (n > 0 && Date.now() - startedAt >= (deps.workMs ?? 60_000)) break;
      const copy: SliceCopy = { ...of, account, objects, slice, token, alive: () => heartbeat(progress) };
      const rows = await copyBoth(deps, copy);
      await closing;
      closing = close(copy, rows);
      closing.catch(() => {}); // its failure is met where it is awaited
    }
  } finally {
    await closing;
  }
  return progress;
}

const earlierTry = (): Partial<SliceProgress> => (activityInfo().heartbeatDetails as SliceProgress | undefined) ?? {};

interface SliceCopy extends Pick<SlicesOf, 'tenantId' | 'runId' | 'adAccountId' | 'isHistory' | 'readFrom'> {
  account: SelectedAccount;
  objects: { campaigns: number; ads: number };
  slice: Slice;
  token: string;
  alive: () => void;
}

/**
 * Books and detail at the same time: neither waits for the other's pages or reports. When one fails, the other is finished and stays marked, so that a
 * repeat reads only what is missing. Gives the rows of the books.
 */
async function copyBoth(deps: SliceDeps, copy: SliceCopy): Promise<number> {
  const [books, detail] = await Promise.allSettled([copyBooks(deps, copy), copyDetail(deps, copy)]);
  if (books.status === 'rejected') throw books.reason;
  if (detail.status === 'rejected') throw detail.reason;
  return books.value;
}

async function copyBooks(deps: SliceDeps, copy: SliceCopy): Promise<number> {
  const { meta, insights, live, now } = deps;
  const { tenantId, runId, adAccountId, account, slice, token, alive } = copy;
  const seenOn = dayIn(account.timeZone, now());
  const isOver = overIn(copy);
  let reading = createReportedDays(slice.since);
  const reader: LevelReader<CampaignDay> = {
    level: 'campaign',
    objects: copy.objects.campaigns,
    pages: (days) => meta.campaignDays(token, adAccountId, days),
    reportPages: (reportRunId) => meta.reportCampaignDays(token, adAccountId, reportRunId),
    begin: ({ since }) => {
      reading = createReportedDays(since);
    },
    reported: () => reading,
    save: async ({ rows, calls }) => {
      for (const { campaignId, date } of rows) reading.add(campaignId, date);
      const days = rows.map(({ actions, ...day }) => ({
        ...day,
        leads: leadsIn(actions, account.leadActionType),
        wasOver: isOver(day.date),
      }));
      await insights.savePage(tenantId, runId, account, { rows: days, calls, seenOn });
      alive();
      live.publish(tenantId, 'sync');
    },
  };
  return copyWindow(deps, { tenantId, runId, account, token }, reader, slice);
}

/** Which days were over when they were last read; history never was. */
const overIn = ({ account, isHistory }: SliceCopy): ((day: string) => boolean) =>
  isHistory === true ? () => false : overWhenRead(account);

async function copyDetail(deps: SliceDeps, copy: SliceCopy): Promise<void> {
  const { meta, adInsights } = deps;
  const { tenantId, runId, adAccountId, account, slice, token, alive } = copy;
  const reader: LevelReader<AdDay> = {
    level: 'ad',
    objects: copy.objects.ads,
    pages: (days) => meta.adDays(token, adAccountId, days),
    reportPages: (reportRunId) => meta.reportAdDays(token, adAccountId, reportRunId),
    save: async ({ rows, calls }) => {
      const days = rows.map(({ actions, ...day }) => ({ ...day, leads: leadsIn(actions, account.leadActionType) }));
      await adInsights.savePage(tenantId, runId, account, { rows: days, calls });
      alive();
    },
  };
  await copyWindow(deps, { tenantId, runId, account, token }, reader, slice);
}

/**
 * Once a day, and for each part of the history: does the account spend more than its campaigns? Less means that Meta took days back which it
 * reported before: those leave the books, and the ledger says so.
 */
async function compareTotal({ meta, controlTotals, insights, now }: SliceDeps, copy: SliceCopy): Promise<void> {
  const { tenantId, runId, adAccountId, account, slice, token } = copy;
  // A day that ended while we read was read before its end: it counts as today still.
  const days = controlledDays(slice, dayIn(account.timeZone, new Date(copy.readFrom ?? now())));
  if (days === null) return;
  const total = await meta.accountTotal(token, adAccountId, days);
  const told = {
    spend: total?.spend ?? '0',
    impressions: total?.impressions ?? 0,
    clicks: total?.clicks ?? 0,
    leads: leadsIn(total?.actions ?? [], account.leadActionType),
  };
  await controlTotals.save(tenantId, runId, account, days, { ...told, calls: 1 });
  const isOver = overIn(copy);
  const seenOn = dayIn(account.timeZone, now());
  const dropped = await insights.dropUnreported(tenantId, runId, account, days, { slice, told, isOver, seenOn });
  if (dropped > 0) await controlTotals.save(tenantId, runId, account, days, { ...told, calls: 0 });
}

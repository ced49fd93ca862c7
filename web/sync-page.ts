import type { Request, Response } from 'express';
import type { AdAccounts, SelectedAccount } from '../adapters/postgres/ad-accounts.ts';
import type { ControlTotals } from '../adapters/postgres/control-totals.ts';
import type { Restatements } from '../adapters/postgres/restatements.ts';
import type { SyncRuns } from '../adapters/postgres/sync-runs.ts';
import type { Backfills } from '../adapters/temporal/backfill.ts';
import { dayIn } from '../domain/days.ts';
import { decimal, ZERO } from '../domain/decimal.ts';
import { AppError } from '../domain/error.ts';
import { HISTORY_MONTHS, historyStart } from '../domain/history.ts';
import { nextSyncAt } from '../domain/insights.ts';
import { type ScopeReading, SLOW_RATIO, STOP_RATIO } from '../domain/meta-usage.ts';
import { restatementLine } from './campaign-props.ts';
import { createFormat } from './format.ts';
import { localeOf, translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import { frameOf, renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface SyncPageDeps {
  syncRuns: Pick<SyncRuns, 'recent'>;
  controlTotals: Pick<ControlTotals, 'latest'>;
  restatements: Pick<Restatements, 'recent'>;
  adAccounts: Pick<AdAccounts, 'listSelected' | 'histories' | 'wantHistory'>;
  backfills: Backfills;
  /** How much of Meta's limits is used; null while Redis is away. */
  usageReadings: (scopes: readonly string[]) => Promise<readonly ScopeReading[] | null>;
}

/** What was copied when, whether it adds up to Meta's own totals, and what Meta corrected since. */
export const syncPageRoutes = (deps: SyncPageDeps): Route[] => [
  {
    method: 'get',
    path: '/crm/marketing/sync',
    access: 'person',
    accessName: 'get_sync_history',
    handler: (req, res) => show(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/marketing/history',
    access: 'person',
    body: 'form',
    handler: (req, res) => want(req, res, deps),
  },
];

const MONTHS = [3, 6, 12, 24, HISTORY_MONTHS];

/** How far back every copied account is wanted; reading goes on where it stopped, so asking again is harmless. */
async function want(req: Request, res: Response, { adAccounts, backfills }: SyncPageDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const months = Number(fields(req)['months']);
  if (!MONTHS.includes(months)) throw new AppError('invalid', 'no such history');
  for (const { adAccountId, timeZone } of await adAccounts.listSelected(tenantId)) {
    await adAccounts.wantHistory(tenantId, adAccountId, historyStart(dayIn(timeZone, new Date()), months), actor);
    await backfills.start({ tenantId, adAccountId });
  }
  res.redirect(303, '/crm/marketing/sync#history');
}

const RESTATEMENTS_SHOWN = 40;

async function show(
  req: Request,
  res: Response,
  { syncRuns, controlTotals, restatements, adAccounts, usageReadings }: SyncPageDeps,
) {
  const { tenantId } = callerOf(req);
  const words = { t: translator(req), format: createFormat(localeOf(req), frameOf(req).timeZone) };
  const [runs, totals, ledger] = await Promise.all([
    syncRuns.recent(tenantId),
    controlTotals.latest(tenantId),
    restatements.recent(tenantId, { limit: 500 }),
  ]);
  const histories = await adAccounts.histories(tenantId);
  const weather = await weatherOf(await adAccounts.listSelected(tenantId), usageReadings);
  const lines = ledger.map((row) => restatementLine(row, words));
  renderPage(req, res, 'sync/page', {
    title: words.t('sync:page.title'),
    section: 'hub',
    runs: runs.map((run) => ({
      ...run,
      tone: { done: 'ok', failed: 'warn', running: 'info' }[run.state],
      seconds: run.finishedAt === null ? null : Math.round((run.finishedAt.getTime() - run.startedAt.getTime()) / 1000),
    })),
    controls: totals.map((total) => ({
      accountId: total.ad_account_id,
      name: total.name,
      window: `${words.format.shortDay(total.since)} – ${words.format.shortDay(total.until)}`,
      meta: words.format.money(total.meta_spend, total.currency),
      books: words.format.money(total.books_spend, total.currency),
      apart: words.format.money(total.apart_spend, total.currency),
      isWhole: decimal(total.apart_spend) === ZERO && total.apart_leads === 0,
    })),
    histories: histories.map(({ name, readSince, wantedSince }) => ({
      name,
      since: readSince === null ? null : words.format.longDay(readSince),
      wanted:
        wantedSince === null || (readSince !== null && readSince <= wantedSince)
          ? null
          : words.format.longDay(wantedSince),
    })),
    months: MONTHS,
    weather,
    nextAt: nextSafeSync(tenantId, weather, new Date()),
    restatements: lines.slice(0, RESTATEMENTS_SHOWN),
    moreRestatements: Math.max(0, lines.length - RESTATEMENTS_SHOWN),
  });
}

interface Weather {
  name: string | null;
  percent: number | null;
  waitMs: number;
  tone: 'ok' | 'warn' | 'bad' | 'off';
}

const KINDS = ['ads', 'ads_insights', 'ads_management', 'unsaid'];

/** The fullest of each account's limits, and of the app's, which all accounts share; null while nobody knows. */
async function weatherOf(
  accounts: readonly SelectedAccount[],
  read: SyncPageDeps['usageReadings'],
): Promise<Weather[] | null> {
  const asked = [
    { name: null, scopes: ['app', 'app:insights'] },
    ...accounts.map(({ adAccountId, name }) => ({ name, scopes: KINDS.map((kind) => `${adAccountId}:${kind}`) })),
  ];
  const readings = await read(asked.flatMap(({ scopes }) => scopes));
  if (readings === null) return null;
  return asked.map(({ name, scopes }) => {
    const mine = readings.filter(({ scope }) => scopes.includes(scope));
    const ratios = mine.flatMap(({ ratio }) => ratio ?? []);
    const waitMs = Math.max(0, ...mine.map((each) => each.waitMs));
    const ratio = ratios.length === 0 ? null : Math.max(...ratios);
    return { name, percent: ratio === null ? null : Math.round(ratio * 100), waitMs, tone: toneOf(ratio, waitMs) };
  });
}

function toneOf(ratio: number | null, waitMs: number): Weather['tone'] {
  if (waitMs > 0 || (ratio !== null && ratio >= STOP_RATIO)) return 'bad';
  if (ratio === null) return 'off';
  return ratio >= SLOW_RATIO ? 'warn' : 'ok';
}

/** The next scheduled sync, or the moment Meta lets us in again when that is later. */
function nextSafeSync(tenantId: number, weather: readonly Weather[] | null, now: Date): Date {
  const free = now.getTime() + Math.max(0, ...(weather ?? []).map(({ waitMs }) => waitMs));
  return new Date(Math.max(free, nextSyncAt(tenantId, now).getTime()));
}

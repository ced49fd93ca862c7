import type { Request, Response } from 'express';
import type { ControlTotals } from '../adapters/postgres/control-totals.ts';
import type { Restatements } from '../adapters/postgres/restatements.ts';
import type { SyncRuns } from '../adapters/postgres/sync-runs.ts';
import { decimal, ZERO } from '../domain/decimal.ts';
import { restatementLine } from './campaign-props.ts';
import { createFormat } from './format.ts';
import { localeOf, translator } from './i18n.ts';
import { frameOf, renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface SyncPageDeps {
  syncRuns: Pick<SyncRuns, 'recent'>;
  controlTotals: Pick<ControlTotals, 'latest'>;
  restatements: Pick<Restatements, 'recent'>;
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
];

const RESTATEMENTS_SHOWN = 40;

async function show(req: Request, res: Response, { syncRuns, controlTotals, restatements }: SyncPageDeps) {
  const { tenantId } = callerOf(req);
  const words = { t: translator(req), format: createFormat(localeOf(req), frameOf(req).timeZone) };
  const [runs, totals, ledger] = await Promise.all([
    syncRuns.recent(tenantId),
    controlTotals.latest(tenantId),
    restatements.recent(tenantId, { limit: 500 }),
  ]);
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
    restatements: lines.slice(0, RESTATEMENTS_SHOWN),
    moreRestatements: Math.max(0, lines.length - RESTATEMENTS_SHOWN),
  });
}

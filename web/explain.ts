import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Restatements } from '../adapters/postgres/restatements.ts';
import type { StatsDetail } from '../adapters/postgres/stats-detail.ts';
import { AppError } from '../domain/error.ts';
import { EXPLAINED } from '../domain/explain.ts';
import { csvOf } from './csv.ts';
import { type ExplainQuery, explained } from './explain-props.ts';
import { explainRows } from './explain-rows.ts';
import { createFormat } from './format.ts';
import { localeOf, translator } from './i18n.ts';
import { frameOf, renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';
import { type StatsService, statsQuery } from './stats.ts';

export interface ExplainDeps {
  stats: Pick<StatsService, 'rowsFor'>;
  statsDetail: Pick<StatsDetail, 'leads' | 'names'>;
  restatements: Pick<Restatements, 'recent'>;
}

const explainQuery = statsQuery.extend({
  figure: z.enum(EXPLAINED),
  campaign: z
    .string()
    .regex(/^\d{1,30}$/)
    .optional(),
});

/** "Explain this number": one address opens the rows behind any figure of the screen, added up by the screen's own rules. */
export const explainRoutes = (deps: ExplainDeps): Route[] => [
  {
    method: 'get',
    path: '/crm/marketing/explain',
    access: 'person',
    accessName: 'explain_figure',
    handler: (req, res) => show(req, res, deps),
  },
  {
    method: 'get',
    path: '/crm/marketing/explain.csv',
    access: 'person',
    accessName: 'explain_figure',
    handler: (req, res) => download(req, res, deps),
  },
];

async function show(req: Request, res: Response, deps: ExplainDeps): Promise<void> {
  const query = queryOf(req);
  const words = { t: translator(req), format: createFormat(localeOf(req), frameOf(req).timeZone) };
  const behind = await explainRows(deps, callerOf(req).tenantId, query);
  renderPage(req, res, 'explain/page', {
    section: 'hub',
    csvPath: req.originalUrl.replace('/explain?', '/explain.csv?'),
    ...explained(behind, query, words),
  });
}

async function download(req: Request, res: Response, deps: ExplainDeps): Promise<void> {
  const query = queryOf(req);
  const { days, leads, outcomes, currency } = await explainRows(deps, callerOf(req).tenantId, query, { all: true });
  res.attachment(`${query.figure}.csv`).type('text/csv');
  res.send(
    csvOf(
      ['kind', 'day', 'id', 'campaign_id', 'amount', 'currency', 'counted', 'counted_currency'],
      [
        ...days.map((day) => [
          'spend',
          day.day,
          '',
          query.campaign ?? '',
          day.spendText,
          currency,
          day.spendText,
          currency,
        ]),
        ...leads.map((lead) => ['lead', lead.day, lead.id, lead.meta_campaign_id, '', '', '1', '']),
        ...outcomes.map((row) => [
          row.kind,
          row.at.toISOString(),
          row.id,
          row.campaignId ?? '',
          row.amountText,
          row.currency,
          row.convertedText ?? '',
          currency,
        ]),
      ],
    ),
  );
}

function queryOf(req: Request): ExplainQuery {
  const result = explainQuery.safeParse({ ...req.query });
  if (!result.success) throw new AppError('not_found', 'no figure of this name');
  return result.data;
}

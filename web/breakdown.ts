import type { Request, Response } from 'express';
import { aLine, BREAKDOWNS } from '../domain/breakdown.ts';
import { AppError } from '../domain/error.ts';
import { type BreakdownQuery, breakdownQuery, chosen, lineJson, orderOf, SORTS, type Sort } from './breakdown-lines.ts';
import { breakdownRows } from './breakdown-props.ts';
import { amountOf, type BreakdownService } from './breakdown-service.ts';
import { csvOf } from './csv.ts';
import { wantsJson } from './errors.ts';
import { createFormat } from './format.ts';
import { localeOf, translator } from './i18n.ts';
import { frameOf, renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';
import { ALL, mainCurrency, type StatsService } from './stats.ts';

export interface BreakdownPageDeps {
  stats: Pick<StatsService, 'remember' | 'read'>;
  breakdown: BreakdownService;
}

const PATH = '/crm/marketing/breakdown';
const LINES_A_PAGE = 25;

/** The figures by whatever one asks for: filter, sort, pages, CSV and JSON. */
export const breakdownRoutes = (deps: BreakdownPageDeps): Route[] => [
  {
    method: 'get',
    path: PATH,
    access: 'tenant',
    accessName: 'get_breakdown',
    handler: (req, res) => show(req, res, deps),
  },
  {
    method: 'get',
    path: `${PATH}.csv`,
    access: 'tenant',
    accessName: 'get_breakdown',
    handler: (req, res) => download(req, res, deps),
  },
];

async function show(req: Request, res: Response, deps: BreakdownPageDeps): Promise<void> {
  const { query, currency, currencies, found, lines } = await answerOf(req, deps);
  res.vary('Accept');
  if (callerOf(req).via !== 'session' || wantsJson(req))
    return void res.json({
      by: query.by,
      currency,
      period: { since: found.since, until: found.until },
      lines: lines.map((line) => lineJson(line, currency)),
      spend_beyond_ads: found.beyond,
    });
  const t = translator(req);
  const format = createFormat(localeOf(req), frameOf(req).timeZone);
  const from = (query.page - 1) * LINES_A_PAGE;
  renderPage(req, res, 'breakdown/page', {
    title: t(`breakdown:by.${query.by}`),
    section: 'hub',
    search: query,
    currency,
    currencies,
    kinds: BREAKDOWNS.map((by) => ({
      by,
      href: addressFor(query)({ by, sort: undefined, order: undefined, find: '', status: '' }),
    })),
    heads: headsOf(query),
    rows: breakdownRows(lines.slice(from, from + LINES_A_PAGE), query.by, currency, { t, format }),
    period: { since: format.longDay(found.since), until: format.longDay(found.until) },
    beyond: found.beyond === null ? null : format.money(found.beyond, currency),
    isWhole: amountOf(found.beyond) === 0n,
    isFiltered: query.find !== '' || query.status !== '',
    cleared: addressFor(query)({ find: '', status: '' }),
    csv: addressFor(query, `${PATH}.csv`)({}),
    from: lines.length === 0 ? 0 : from + 1,
    to: Math.min(lines.length, from + LINES_A_PAGE),
    total: lines.length,
    previous: query.page > 1 ? addressFor(query)({ page: query.page - 1 }) : undefined,
    following: from + LINES_A_PAGE < lines.length ? addressFor(query)({ page: query.page + 1 }) : undefined,
  });
}

async function download(req: Request, res: Response, deps: BreakdownPageDeps): Promise<void> {
  const { query, currency, lines } = await answerOf(req, deps);
  const rows = lines.map((line) => lineJson(line, currency));
  const header = Object.keys(lineJson({ ...aLine(''), spend: null, revenue: null }, currency));
  res.attachment(`${query.by}.csv`).type('text/csv');
  res.send(
    csvOf(
      [...header, 'currency'],
      rows.map((row) => [...Object.values(row).map((cell) => String(cell ?? '')), currency]),
    ),
  );
}

async function answerOf(req: Request, { stats, breakdown }: BreakdownPageDeps) {
  const { tenantId } = callerOf(req);
  const parsed = breakdownQuery.safeParse({ ...req.query });
  if (!parsed.success) throw new AppError('invalid', 'bad parameter');
  const query = parsed.data;
  const about = await stats.remember(tenantId, query, 'currencies', async () => {
    const { now, currency, reportingCurrency, currencies } = await stats.read(tenantId, query);
    return { own: mainCurrency(now.totals, currency), reportingCurrency, currencies };
  });
  const currency = query.currency === ALL ? about.reportingCurrency : (query.currency ?? about.own);
  const found = await breakdown.read(tenantId, query.by, query, currency);
  return { query, currency, currencies: about.currencies, found, lines: chosen(found.lines, query, currency) };
}

const addressFor =
  (query: BreakdownQuery, path = PATH) =>
  (given: Partial<Record<keyof BreakdownQuery, unknown>>): string => {
    const all = Object.entries({ ...query, page: undefined, ...given }).filter(
      ([, value]) => value !== undefined && value !== '',
    );
    return `${path}?${new URLSearchParams(all.map(([name, value]) => [name, String(value)] as [string, string]))}`;
  };

/** Each column's head: where it sorts to, and how it is sorted now. */
function headsOf(query: BreakdownQuery) {
  const now = orderOf(query);
  const columns: readonly Sort[] =
    query.by === 'channel' || query.by === 'form' ? ['name', 'leads', 'sales', 'revenue'] : SORTS;
  return columns.map((sort) => {
    const isNow = now.sort === sort;
    const first = sort === 'name' ? 'asc' : 'desc';
    const next = isNow ? (now.order === 'asc' ? 'desc' : 'asc') : first;
    return { sort, href: addressFor(query)({ sort, order: next }), order: isNow ? now.order : undefined };
  });
}

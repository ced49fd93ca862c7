import type { Request, Response } from 'express';
import { aLine, BREAKDOWNS, isGroupKind } from '../domain/breakdown.ts';
import { AppError } from '../domain/error.ts';
import type { LeadField } from '../domain/lead-fields.ts';
import {
  type BreakdownQuery,
  breakdownQuery,
  chosen,
  earlierOf,
  lineJson,
  lineRow,
  orderOf,
  sortsOf,
} from './breakdown-lines.ts';
import { breakdownRows } from './breakdown-props.ts';
import { amountOf, type BreakdownService, type Grouping } from './breakdown-service.ts';
import { csvOf } from './csv.ts';
import { wantsJson } from './errors.ts';
import { createFormat } from './format.ts';
import { localeOf, translator } from './i18n.ts';
import { type CampaignCostDeps, campaignCosts, costsOf, costWords } from './message-costs.ts';
import { choicesOf, pickersOf, shownCurrency } from './pickers.ts';
import { frameOf, renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';
import { type StatsService, searchOf } from './stats.ts';

export interface BreakdownPageDeps extends CampaignCostDeps {
  stats: Pick<StatsService, 'remember' | 'read' | 'rowsFor'>;
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
  const { query, currency, choices, fields, field, found, earlier, lines, costs } = await answerOf(req, deps);
  res.vary('Accept');
  if (callerOf(req).via !== 'session' || wantsJson(req))
    return void res.json({
      by: query.by,
      currency,
      period: { since: found.since, until: found.until },
      lines: lines.map((line) => ({
        ...lineJson(line, earlier.of(line.id), currency),
        message_costs: costsOf(line.id, costs),
      })),
      spend_beyond_ads: found.beyond,
      previous_period: earlier.period,
    });
  const t = translator(req);
  const format = createFormat(localeOf(req), frameOf(req).timeZone);
  const from = (query.page - 1) * LINES_A_PAGE;
  renderPage(req, res, 'breakdown/page', {
    title: t(`breakdown:by.${query.by}`, { question: field?.label }),
    section: 'hub',
    search: query,
    fields: fields.map(({ key, label }) => ({ key, label, isChosen: key === field?.key })),
    isGroup: isGroupKind(query.by),
    currency,
    rest: searchOf(query),
    pickers: pickersOf(query, choices, t),
    kinds: BREAKDOWNS.filter((by) => by !== 'field' || fields.length > 0).map((by) => ({
      by,
      href: addressFor(query)({ by, field: '', sort: undefined, order: undefined, find: '', status: '' }),
    })),
    heads: headsOf(query),
    rows: breakdownRows(
      lines.slice(from, from + LINES_A_PAGE),
      { by: query.by, currency, query, earlierOf: earlier.of },
      { t, format },
    ).map((row) => ({ ...row, messages: costWords(row.id, costs, query, format) })),
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
  const { query, currency, earlier, lines, costs } = await answerOf(req, deps);
  const nothing = { ...aLine(''), spend: null, revenue: null };
  const hasCosts = query.by === 'campaign';
  const rows = lines.map((line) => [
    ...Object.values(lineRow(line, earlier.of(line.id), currency)),
    ...(hasCosts ? [costsOf(line.id, costs).map(amountText).join(' + ')] : []),
  ]);
  res.attachment(`${query.by}.csv`).type('text/csv');
  res.send(
    csvOf(
      [...Object.keys(lineRow(nothing, nothing, currency)), ...(hasCosts ? ['message_costs'] : [])],
      rows.map((row) => row.map((cell) => String(cell ?? ''))),
    ),
  );
}

/** Several amounts stand in one cell, since what is in another currency is another amount. */
const amountText = ({ amount, currency }: { amount: string; currency: string }): string => `${amount} ${currency}`;

async function answerOf(req: Request, deps: BreakdownPageDeps) {
  const { stats, breakdown } = deps;
  const { tenantId } = callerOf(req);
  const parsed = breakdownQuery.safeParse({ ...req.query });
  if (!parsed.success) throw new AppError('invalid', 'bad parameter');
  const query = parsed.data;
  const choices = await stats.remember(tenantId, query, 'choices', async () =>
    choicesOf(await stats.read(tenantId, query)),
  );
  const currency = shownCurrency(query, choices);
  const fields = await breakdown.fields(tenantId);
  const grouping: Grouping = { by: query.by, field: query.by === 'field' ? fieldOf(query, fields) : undefined };
  const { now, before } = await breakdown.compared(tenantId, grouping, query, currency);
  const earlier = { of: earlierOf(before, query.by, currency), period: { since: before.since, until: before.until } };
  const lines = chosen(now.lines, query, currency);
  const costs = query.by === 'campaign' ? await campaignCosts(deps, tenantId, query) : [];
  return { query, currency, choices, fields, field: grouping.field, found: now, earlier, lines, costs };
}

/** The question that is asked for, else the one that most forms ask. @throws AppError `not_found` */
function fieldOf({ field }: BreakdownQuery, fields: readonly LeadField[]): LeadField {
  const found = field === '' ? fields[0] : fields.find(({ key }) => key === field);
  if (found === undefined) throw new AppError('not_found', 'no such question');
  return found;
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
  return sortsOf(query.by).map((sort) => {
    const isNow = now.sort === sort;
    const first = sort === 'name' ? 'asc' : 'desc';
    const next = isNow ? (now.order === 'asc' ? 'desc' : 'asc') : first;
    return { sort, href: addressFor(query)({ sort, order: next }), order: isNow ? now.order : undefined };
  });
}

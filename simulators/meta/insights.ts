import { dayIn } from './clock.ts';
import type { Context, GraphNode } from './context.ts';
import { requireScope } from './context.ts';
import { badParameter, GraphError } from './errors.ts';
import { type Filter, parseFilters, parseList, passes } from './filtering.ts';
import type { Params } from './http.ts';
import { type Span, spansOf } from './insights-range.ts';
import { finishRow, type Level, levels, metrics, subject } from './insights-rows.ts';
import { breakdownNames, type Part, splitBy, sumsOf } from './insights-sums.ts';
import { insightsFields } from './known-fields.ts';
import { deliveryInfo } from './listing.ts';
import { type Page, pageOf } from './paging.ts';
import { effectiveStatus } from './records.ts';
import { pollReport, type Report } from './reports.ts';
import type { Simulator } from './simulator.ts';
import { type Ad, type AdAccount, get } from './world-types.ts';

type Row = Record<string, unknown>;

const DEFAULT_FIELDS = ['impressions', 'spend'];
const GONE = ['DELETED', 'ARCHIVED'];

/** `GET /{account|campaign|adset|ad}/insights`. Throws 100/1487534 when there are too many rows for one answer. */
export function readInsights(context: Context): Page<Row> {
  requireScope(context.caller, 'ads_read', 'ads_management');
  const { sim, call, node } = context;
  const rows = insightRows(sim, node, call.params);
  if (rows.length > sim.settings.insightsMaxRows) {
    throw tooManyRows();
  }
  return withSummary(context, pageOf(call, sim.url, rows), node, call.params);
}

/** `POST /{act}/insights`: starts a report and gives its id. */
export function startReport({ sim, call, caller, node }: Context): Row {
  requireScope(caller, 'ads_read', 'ads_management');
  const account = accountOf(sim, node);
  spansOf(call.params, dayIn(account.timeZone, sim.clock.now()));
  const { access_token: _token, appsecret_proof: _proof, ...params } = call.params;
  const input = { nodeId: node.id, accountId: account.id, params, createdAt: sim.clock.seconds(), fault: call.fault };
  return { report_run_id: sim.reports.create(input).id };
}

/** `GET /{report}`: one more poll. */
export function readReport({ sim, node }: Context<Report>): Row {
  const state = pollReport(node, sim.settings.reportPolls, sim.clock.seconds());
  const account = get(sim.world, 'account', node.accountId);
  const spans = spansOf(node.params, dayIn(account.timeZone, node.createdAt * 1000));
  const dates = finishRow({}, [], { keys: {}, sums: emptySums }, wholeSpan(spans));
  return {
    ...state,
    ...dates,
    is_running: state['async_status'] !== 'Job Completed' && state['async_status'] !== 'Job Failed',
  };
}

/** `GET /{report}/insights`: the finished rows. Throws 100 while the job is not done. */
export function readReportRows(context: Context<Report>): Page<Row> {
  const { sim, call, node } = context;
  if (node.completedAt === undefined || node.fault?.kind.startsWith('report_failed')) {
    throw new GraphError(100, '(#100) Sorry, the report is not ready or has failed', {
      subcode: 1_487_194,
      transient: true,
    });
  }
  const subjectNode = sim.world.byId.get(node.nodeId);
  const rows = subjectNode === undefined ? [] : insightRows(sim, subjectNode, node.params);
  return pageOf(call, sim.url, rows);
}

/** All rows that the parameters ask for, before paging. One page after another is cut out of the same result, as Meta's cursors do. */
export function insightRows(sim: Simulator, node: GraphNode, params: Params): readonly Row[] {
  const {
    after: _after,
    before: _before,
    limit: _limit,
    access_token: _token,
    appsecret_proof: _proof,
    ...question
  } = params;
  const today = dayIn(accountOf(sim, node).timeZone, sim.clock.now());
  return sim.results.of(JSON.stringify([node.id, today, question]), () => reckonRows(sim, node, params));
}

function reckonRows(sim: Simulator, node: GraphNode, params: Params): Row[] {
  const account = accountOf(sim, node);
  const today = dayIn(account.timeZone, sim.clock.now());
  const level = levelOf(node, params);
  const fields = fieldsOf(params);
  const filters = parseFilters(params['filtering']);
  const breakdowns = breakdownsOf(params);
  const windows = parseList(params['action_attribution_windows']);
  const groups = groupsOf(sim, node, level, filters);
  const rows: Row[] = [];
  for (const span of spansOf(params, today)) {
    for (const ads of groups) {
      rows.push(...rowsOf({ sim, account, level, ads, span, today, fields, filters, breakdowns, windows }));
    }
  }
  return sorted(rows, params['sort']);
}

interface RowInput {
  readonly sim: Simulator;
  readonly account: AdAccount;
  readonly level: Level;
  readonly ads: readonly Ad[];
  readonly span: Span;
  readonly today: number;
  readonly fields: readonly string[];
  readonly filters: readonly Filter[];
  readonly breakdowns: readonly string[];
  readonly windows: readonly string[];
}

/** The rows of one group in one bucket: none without delivery, one per part of the breakdowns. */
function rowsOf(input: RowInput): Row[] {
  const { sim, account, level, ads, span, today, fields, filters, breakdowns, windows } = input;
  const [first] = ads;
  const sums = sumsOf(sim, account, ads, span, today);
  if (first === undefined || sums.impressions === 0) {
    return [];
  }
  return splitBy(sums, breakdowns)
    .filter((part) => part.sums.impressions > 0)
    .map((part) => ({
      part,
      full: { ...subject(sim, account, level, first), ...metrics(part.sums, account, windows) } as Row,
    }))
    .filter(({ full }) => filters.every((filter) => passesMetric(full, filter)))
    .map(({ part, full }) => finishRow(full, fields, part, span));
}

function passesMetric(full: Row, filter: Filter): boolean {
  return filter.field.includes('.') || passes(full[filter.field] ?? 0, filter);
}

/** Ads in the groups of the level. At ad level deleted and archived ads are left out unless a status filter asks for them. */
function groupsOf(sim: Simulator, node: GraphNode, level: Level, filters: readonly Filter[]): Ad[][] {
  const asksForGone = filters.some((filter) => /^ad\.(effective_status|delivery_info)$/.test(filter.field));
  const ads = sim.world.ads.filter(
    (ad) =>
      belongsTo(ad, node) &&
      (level !== 'ad' || asksForGone || node.kind === 'ad' || !GONE.includes(ad.status)) &&
      filters.every((filter) => passesObject(sim, ad, filter)),
  );
  const key = { account: 'accountId', campaign: 'campaignId', adset: 'adsetId', ad: 'id' } as const;
  return [...Map.groupBy(ads, (ad) => ad[key[level]]).values()];
}

function belongsTo(ad: Ad, node: GraphNode): boolean {
  switch (node.kind) {
    case 'account':
      return ad.accountId === node.id;
    case 'campaign':
      return ad.campaignId === node.id;
    case 'adset':
      return ad.adsetId === node.id;
    default:
      return ad.id === node.id;
  }
}

/** Applies a filter on an object above or at the row, such as `campaign.id`. Metrics have no dot and are left to the rows. */
function passesObject(sim: Simulator, ad: Ad, filter: Filter): boolean {
  const [kind, name] = filter.field.split('.');
  if (name === undefined) {
    return true;
  }
  const campaign = get(sim.world, 'campaign', ad.campaignId);
  const objects = { campaign, adset: get(sim.world, 'adset', ad.adsetId), ad };
  const object = kind === 'campaign' || kind === 'adset' || kind === 'ad' ? objects[kind] : undefined;
  const values =
    object && filterValues(object, object === campaign ? object.status : effectiveStatus(object.status, campaign));
  if (values === undefined || !(name in values)) {
    throw badParameter(`Filtering field ${filter.field} is invalid`);
  }
  return passes(values[name], filter);
}

function filterValues(object: { id: string; name: string; status: string }, effective: string): Row {
  const { id, name, status } = object;
  return { id, name, status, effective_status: effective, delivery_info: deliveryInfo(effective) };
}

function levelOf(node: GraphNode, params: Params): Level {
  const own = levels.find((level) => level === node.kind) ?? 'account';
  const asked = params['level'];
  if (asked === undefined || asked === '') {
    return own;
  }
  const level = levels.find((name) => name === asked);
  if (level === undefined || levels.indexOf(level) < levels.indexOf(own)) {
    throw badParameter('Param level must be one of {ad, adset, campaign, account}');
  }
  return level;
}

function fieldsOf(params: Params): string[] {
  const fields = parseList(params['fields']);
  const unknown = fields.find((name) => !insightsFields.has(name));
  if (unknown !== undefined) {
    throw badParameter(
      `${unknown} is not valid for fields param. please check https://developers.facebook.com/docs/marketing-api/reference/ads-insights/ for all valid values`,
    );
  }
  return fields.length > 0 ? fields : DEFAULT_FIELDS;
}

function breakdownsOf(params: Params): string[] {
  const breakdowns = parseList(params['breakdowns']);
  if (breakdowns.some((name) => !breakdownNames.includes(name))) {
    throw new GraphError(2, '(#2) Invalid combination of breakdowns', { subcode: 1_504_041 });
  }
  return breakdowns;
}

function sorted(rows: Row[], sort: string | undefined): Row[] {
  const [first] = parseList(sort);
  const match = /^(.+)_(ascending|descending)$/.exec(first ?? '');
  if (match === null) {
    return rows;
  }
  const [, name = '', direction] = match;
  const value = (row: Row) => Number(row[name] ?? 0);
  return rows.toSorted((a, b) => (direction === 'ascending' ? value(a) - value(b) : value(b) - value(a)));
}

function withSummary(context: Context, page: Page<Row>, node: GraphNode, params: Params): Page<Row> {
  const summary = params['summary'];
  const asked =
    summary === 'true' || params['default_summary'] === 'true'
      ? fieldsOf(params)
      : parseList(summary).filter((name) => insightsFields.has(name));
  if (asked.length === 0) {
    return page;
  }
  const account = accountOf(context.sim, node);
  const today = dayIn(account.timeZone, context.sim.clock.now());
  const ads = groupsOf(context.sim, node, 'account', parseFilters(params['filtering'])).flat();
  const span = wholeSpan(spansOf(params, today));
  const sums = sumsOf(context.sim, account, ads, span, today);
  return { ...page, summary: finishRow(metrics(sums, account, []), asked, { keys: {}, sums }, span) };
}

function wholeSpan(spans: readonly Span[]): Span {
  return { since: Math.min(...spans.map((span) => span.since)), until: Math.max(...spans.map((span) => span.until)) };
}

/** The account that figures of a node belong to. Throws 100 for nodes without figures. */
export function accountOf(sim: Simulator, node: GraphNode): AdAccount {
  if (node.kind === 'account') {
    return node;
  }
  if ('accountId' in node && node.kind !== 'page') {
    return get(sim.world, 'account', node.accountId);
  }
  throw badParameter('Tried accessing nonexisting field (insights)');
}

function tooManyRows(): GraphError {
  return new GraphError(100, 'Invalid parameter', {
    subcode: 1_487_534,
    transient: false,
    userTitle: 'Too many rows',
    userMessage: 'Please reduce the amount of data you are asking for, or use an asynchronous report.',
  });
}

const emptySums: Part['sums'] = {
  impressions: 0,
  clicks: 0,
  linkClicks: 0,
  spend: 0,
  formLeads: 0,
  viewLeads: 0,
  pixelLeads: 0,
  purchases: 0,
  purchaseValue: 0,
  reach: 0,
};

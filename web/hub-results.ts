import type { LeadSpeeds } from '../adapters/postgres/lead-speed.ts';
import type { MessageCosts } from '../adapters/postgres/message-costs.ts';
import { chosen } from './breakdown-lines.ts';
import { breakdownRows } from './breakdown-props.ts';
import type { BreakdownService } from './breakdown-service.ts';
import { createFormat } from './format.ts';
import { firstResponseKpi, hubFigures, type Kpi } from './hub-props.ts';
import { type Locale, translate } from './i18n.ts';
import { campaignCosts, costWords } from './message-costs.ts';
import { choicesOf, pickersOf, shownCurrency } from './pickers.ts';
import { renderedPart, viewsVersion } from './render.ts';
import { ALL, type StatsAnswer, type StatsQuery, type StatsService, searchOf } from './stats.ts';

/** For whom the results are put into words. */
export interface Reader {
  locale: Locale;
  timeZone: string;
}

const CAMPAIGNS_SHOWN = 10;
const CREATIVES_SHOWN = 5;

interface Deps {
  stats: StatsService;
  leadSpeed: Pick<LeadSpeeds, 'firstResponse'>;
  breakdown: BreakdownService;
  messageCosts: Pick<MessageCosts, 'byCampaign'>;
}

/** The hub's results as the page holds them, markup included, from the cache of the figures: they change when the figures do. */
export const hubResults = (deps: Deps, tenantId: number, query: StatsQuery, reader: Reader) =>
  deps.stats.view(tenantId, query, `hub:${viewsVersion}:${reader.locale}:${query.currency ?? ''}`, (answer) =>
    resultsOf(deps, tenantId, answer, query, reader),
  );

async function resultsOf(
  { stats, breakdown, leadSpeed, messageCosts }: Deps,
  tenantId: number,
  answer: StatsAnswer,
  query: StatsQuery,
  { locale, timeZone }: Reader,
) {
  const words = { t: translate(locale), format: createFormat(locale, timeZone) };
  const { period } = answer.now;
  const isAll = query.currency === ALL;
  const choices = choicesOf(answer);
  const currency = shownCurrency(query, choices);
  const figures = hubFigures(answer, currency, words);
  const shown = { ...query, currency, search: searchOf({ ...query, currency: isAll ? ALL : currency }) };
  const about = {
    query: shown,
    pickers: pickersOf(query, choices, words.t),
    period: { since: words.format.longDay(period.since), until: words.format.longDay(period.until) },
  };
  if (figures === undefined) return about;
  const part = (view: string, props: object) => renderedPart(view, locale, words.format, { ...props, query: shown });
  const { lines } = await breakdown.read(tenantId, { by: 'creative' }, query, currency);
  const creatives = chosen(lines, { by: 'creative', sort: 'revenue', order: 'desc', find: '', status: '' }, currency);
  const rows = breakdownRows(creatives.slice(0, CREATIVES_SHOWN), { by: 'creative', currency }, words);
  const [speed, earlier] = await Promise.all(
    [period, answer.before.period].map((each) =>
      leadSpeed.firstResponse(tenantId, each, isAll ? null : currency, query.account),
    ),
  );
  const kpis = withSpeed(figures.kpis, firstResponseKpi(speed?.p50 ?? null, earlier?.p50 ?? null, words));
  const costs = await campaignCosts({ stats, messageCosts }, tenantId, query);
  const rowsOfCampaigns = figures.campaigns
    .slice(0, CAMPAIGNS_SHOWN)
    .map((row) => ({ ...row, messages: costWords(row.campaignId, costs, query, words.format) }));
  const campaigns = { ...figures, campaigns: rowsOfCampaigns };
  return {
    ...about,
    rendered: {
      figures: part('hub/_figures', { figures: { ...figures, kpis } }),
      chart: part('hub/_chart', { charts: figures.charts }),
      campaigns: part('hub/_campaigns', { figures: campaigns, count: figures.campaigns.length }),
      creatives: part('hub/_creatives', { rows, count: creatives.length }),
    },
  };
}

/** Beside the cost of a lead; Meta's own count stands on each campaign's page. */
const withSpeed = (kpis: readonly Kpi[], speed: Kpi): Kpi[] =>
  kpis.flatMap((kpi) => (kpi.name === 'metaLeads' ? [] : kpi.name === 'costPerLead' ? [kpi, speed] : [kpi]));

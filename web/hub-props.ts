import { area, axisTop, bars, line } from '../domain/chart.ts';
import { decimal, digitsOf, ratio, toText, ZERO } from '../domain/decimal.ts';
import { knownSpend } from '../domain/figures.ts';
import { costPerLead, type Figures, knownRevenue, roas, roiPercentage, type StatsResult } from '../domain/stats.ts';
import type { Format } from './format.ts';
import type { Translate } from './i18n.ts';
import type { StatsAnswer } from './stats.ts';

interface Words {
  t: Translate;
  format: Format;
}

const scaled = (text: string | null): bigint | null => (text === null ? null : decimal(text));
type Money = (value: bigint | null) => string;

export interface Kpi {
  /** As the explanation knows it. */
  name: string;
  label: string;
  value: string;
  before: string;
  /** Whether it opens the rows behind it. */
  isExplained: boolean;
  trend: { direction: 'rise' | 'fall'; tone: 'ok' | 'bad' | undefined; text: string } | undefined;
}

/** Everything the hub shows of one currency, as words. The numbers are those of the API. */
export function hubFigures({ now, before, currency: own }: StatsAnswer, currency: string, words: Words) {
  const total = now.totals.find((each) => each.currency === currency);
  const earlier = before.totals.find((each) => each.currency === currency);
  if (!total || !earlier) return undefined;
  const text = (value: bigint | null) => (value === null ? null : toText(value, digitsOf(currency)));
  const money = (value: bigint | null) => words.format.money(text(value), currency);
  const round = (value: bigint | null) => words.format.roundMoney(text(value), currency);
  return {
    headline: headline(total, earlier, money, round),
    kpis: kpisOf(total, earlier, currency, round, words),
    charts: chartsOf(now, before, currency, money, words, [
      round(knownSpend(total)),
      words.format.number(total.leads),
      words.format.percent(roiPercentage(total)),
    ]),
    campaigns: now.campaigns
      .filter((campaign) => campaign.currency === currency)
      .map((campaign) => rowOf(campaign, currency, money, words)),
    total: rowOf({ ...total, campaignId: '', name: '', status: null }, currency, money, words),
    unattributed: { ...now.unattributed, revenue: money(knownRevenue(now.unattributed)) },
    strayShare: currency === own ? strayShare(total, now.unattributed, words.format) : undefined,
    missingRate: total.missingRate && {
      currency: total.missingRate.currency,
      day: words.format.longDay(total.missingRate.day),
      isoDay: total.missingRate.day,
    },
    otherCurrencies: now.totals
      .filter((each) => each.currency !== currency && each.spend !== ZERO)
      .map((each) => each.currency),
  };
}

/** The share of revenue without a campaign, once it is so large that the ROI misleads: above 20 %. */
function strayShare(total: Figures, { revenue, unconverted }: StatsResult['unattributed'], format: Format) {
  if (unconverted > 0 || total.unconverted > 0 || revenue <= ZERO) return undefined;
  const all = total.revenue + revenue;
  return all > ZERO && revenue * 5n > all ? format.percent(ratio(revenue, all, 100n)) : undefined;
}

function headline(now: Figures, before: Figures, money: Money, round: Money) {
  const [value, earlier] = [roas(now), roas(before)];
  const widest = now.spend > now.revenue ? now.spend : now.revenue;
  const width = (part: bigint) => (widest === ZERO ? 0 : Number((part * 462n) / widest));
  return {
    one: round(decimal('1.00')).replace(/[.,]00/, ''),
    value: value === null ? '—' : money(decimal(value)),
    before: earlier === null ? '—' : money(decimal(earlier)),
    spend: round(knownSpend(now)),
    revenue: round(knownRevenue(now)),
    spendWidth: width(knownSpend(now) ?? ZERO),
    revenueWidth: width(now.revenue > ZERO ? now.revenue : ZERO),
    sales: now.sales,
    leads: now.leads,
  };
}

export function kpisOf(now: Figures, before: Figures, currency: string, money: Money, { t, format }: Words): Kpi[] {
  const perLead = (figures: Figures) => scaled(costPerLead(figures, currency));
  const [revenue, revenueBefore] = [knownRevenue(now), knownRevenue(before)];
  const [spend, spendBefore] = [knownSpend(now), knownSpend(before)];
  const kpi = (name: string, value: string, earlier: string, trend: Kpi['trend']): Kpi => ({
    name,
    label: t(`hub:kpi.${name}`),
    value,
    before: earlier,
    isExplained: true,
    trend,
  });
  const count = (name: string, pick: (figures: Figures) => number) =>
    kpi(
      name,
      format.number(pick(now)),
      format.number(pick(before)),
      trendOf(BigInt(pick(now)), BigInt(pick(before)), 'up', format),
    );
  return [
    kpi('spend', money(spend), money(spendBefore), trendOf(spend, spendBefore, 'neutral', format)),
    count('leads', (figures) => figures.leads),
    kpi(
      'costPerLead',
      money(perLead(now)),
      money(perLead(before)),
      trendOf(perLead(now), perLead(before), 'down', format),
    ),
    count('opportunities', (figures) => figures.opportunities),
    count('sales', (figures) => figures.sales),
    kpi('revenue', money(revenue), money(revenueBefore), trendOf(revenue, revenueBefore, 'up', format)),
    kpi('roi', format.percent(roiPercentage(now)), format.percent(roiPercentage(before)), undefined),
    count('metaLeads', (figures) => figures.metaLeads),
  ];
}

/** How long the middle lead waited for its first message. Of messages and people, not of Meta's figures: nothing to explain row by row. */
export function firstResponseKpi(now: number | null, before: number | null, { t, format }: Words): Kpi {
  const big = (seconds: number | null) => (seconds === null ? null : BigInt(seconds));
  return {
    name: 'firstResponse',
    label: t('hub:kpi.firstResponse'),
    value: format.span(now),
    before: format.span(before),
    isExplained: false,
    trend: trendOf(big(now), big(before), 'down', format),
  };
}

/** 100 · (now − before) / before; none when there was nothing before. */
export function trendOf(
  now: bigint | null,
  before: bigint | null,
  good: 'up' | 'down' | 'neutral',
  format: Format,
): Kpi['trend'] {
  if (now === null || before === null || before === ZERO || now === before) return undefined;
  const change = ratio(now - before, before < ZERO ? -before : before, 100n);
  if (change === null) return undefined;
  const rose = now > before;
  const tone = good === 'neutral' ? undefined : rose === (good === 'up') ? 'ok' : 'bad';
  return { direction: rose ? 'rise' : 'fall', tone, text: format.percent(change.replace('-', '')) };
}

export function chartsOf(
  now: StatsResult,
  before: StatsResult,
  currency: string,
  money: Money,
  { t, format }: Words,
  [spendTotal, leadsTotal, roiTotal]: readonly [string, string, string],
) {
  const days = now.series.get(currency) ?? [];
  const earlier = before.series.get(currency) ?? [];
  const isPartial = days.some((day) => day.unconvertedSpend > 0); // a bar of a part of the money would mislead
  const spend = isPartial ? [] : days.map((day) => Number(day.spend / 1_000_000n));
  const leads = days.map((day) => day.leads);
  const spendBefore = earlier.map((day) => Number(day.spend / 1_000_000n));
  const leadsBefore = earlier.map((day) => day.leads);
  const roi = days.some((day) => day.unconverted + day.unconvertedSpend > 0) ? [] : cumulativeRoi(days);
  const [spendTop, leadsTop, roiTop] = [
    axisTop([...spend, ...spendBefore]),
    axisTop([...leads, ...leadsBefore]),
    axisTop(roi),
  ];
  const ticks = (top: number, unit = '') => [top, top / 2, 0].map((tick) => `${format.short(tick)}${unit}`);
  const range = (values: number[], name: string) =>
    t(`hub:chart.${name}`, { low: format.short(Math.min(...values, 0)), high: format.short(Math.max(...values, 0)) });
  return {
    from: format.shortDay(now.period.since),
    until: format.shortDay(now.period.until),
    figures: [
      {
        name: t('hub:kpi.spend'),
        total: spendTotal,
        ticks: ticks(spendTop),
        bars: bars(spend, spendTop),
        earlier: line(spendBefore, spendTop),
        label: range(spend, 'spend'),
      },
      {
        name: t('hub:kpi.leads'),
        total: leadsTotal,
        ticks: ticks(leadsTop),
        bars: bars(leads, leadsTop),
        earlier: line(leadsBefore, leadsTop),
        label: range(leads, 'leads'),
      },
      {
        name: t('hub:chart.roiName'),
        total: roiTotal,
        ticks: ticks(roiTop, '\u00a0%'),
        area: area(roi, roiTop),
        line: line(roi, roiTop),
        label: range(roi, 'roi'),
      },
    ],
    rows: days.map((day, i) => ({
      day: format.shortDay(day.day),
      spend: money(day.spend),
      leads: format.number(day.leads),
      roi: roi[i] === undefined ? '—' : `${format.number(Math.round(roi[i]))}\u00a0%`,
    })),
  };
}

/** For the picture only: percent, from the period's first day on. */
function cumulativeRoi(days: readonly Figures[]): number[] {
  let spend = ZERO;
  let revenue = ZERO;
  return days.map((day) => {
    spend += day.spend;
    revenue += day.revenue;
    return spend === ZERO ? 0 : Number(((revenue - spend) * 100n) / spend);
  });
}

function rowOf(
  row: Figures & { campaignId: string; name: string; status: string | null },
  currency: string,
  money: Money,
  { t, format }: Words,
) {
  const active = row.status === 'ACTIVE';
  return {
    campaignId: row.campaignId,
    name: row.name,
    status: row.status === null ? '' : t(`hub:status.${row.status}`, { defaultValue: row.status }),
    tone: active ? 'ok' : 'off',
    spend: money(knownSpend(row)),
    impressions: format.number(row.impressions),
    clicks: format.number(row.clicks),
    leads: format.number(row.leads),
    metaLeads: format.number(row.metaLeads),
    costPerLead: money(scaled(costPerLead(row, currency))),
    sales: format.number(row.sales),
    revenue: money(knownRevenue(row)),
    roi: format.percent(roiPercentage(row)),
  };
}

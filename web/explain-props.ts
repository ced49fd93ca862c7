import { addDays } from '../domain/days.ts';
import { digitsOf, toText, ZERO } from '../domain/decimal.ts';
import { type ExplainedFigure, ROWS_BEHIND } from '../domain/explain.ts';
import { costPerLead, type Figures, knownRevenue, knownSpend, roas, roiPercentage } from '../domain/figures.ts';
import { SETTLED_AFTER_DAYS } from '../domain/insights.ts';
import type { Behind, Day, Sold } from './explain-rows.ts';
import { ROWS_SHOWN } from './explain-rows.ts';
import { apartOf, rulesOf } from './explain-rules.ts';
import type { Format } from './format.ts';
import type { Translate } from './i18n.ts';
import { ALL, type StatsQuery, searchOf } from './stats.ts';

export interface ExplainQuery extends StatsQuery {
  figure: ExplainedFigure;
  campaign?: string | undefined;
}

export interface Words {
  t: Translate;
  format: Format;
}

/** One term of the calculation: what it is called, its value, and the sign that follows it. */
interface Term {
  label: string;
  value: string;
  sign?: string;
}

/** The page of one figure, in words. */
export function explained(behind: Behind, query: ExplainQuery, words: Words) {
  const { t, format } = words;
  const { currency, total } = behind;
  const money = (value: bigint | null) =>
    format.money(value === null ? null : toText(value, digitsOf(currency)), currency);
  const figure =
    query.figure === 'roas' ? t('explain:roas', { one: oneOf(currency, format) }) : t(`hub:kpi.${query.figure}`);
  return {
    title: t('explain:of', { figure }),
    figure,
    backPath: backPathOf(query),
    scope: scopeOf(behind, query, t),
    period: t('explain:period', {
      since: format.longDay(behind.result.period.since),
      until: format.longDay(behind.result.period.until),
    }),
    formula: formulaOf(query.figure, total, currency, money, words),
    unknown: unknownOf(query.figure, total, currency, words),
    perOne: perOneOf(query.figure, total, currency, words),
    days: daysOf(behind, query.figure, money, words),
    leads: leadsOf(behind, words),
    sold: (['sales', 'opportunities'] as const).flatMap((kind) => soldOf(behind, query.figure, kind, money, words)),
    rules: rulesOf(behind, query, words),
    apart: apartOf(behind, words),
    isNothing: behind.days.length + behind.leads.length + behind.outcomes.length === 0,
  };
}

const oneOf = (currency: string, format: Format): string => format.money('1.00', currency).replace(/[.,]00/, '');

const backPathOf = (query: ExplainQuery): string =>
  `/crm/marketing${query.campaign === undefined ? '' : `/campaigns/${query.campaign}`}?${searchOf(query)}`;

function scopeOf({ campaignName, accountName, currency }: Behind, query: ExplainQuery, t: Translate): string {
  if (campaignName !== null) return campaignName;
  if (accountName !== null) return t('explain:account', { name: accountName, currency });
  return t(query.currency === ALL ? 'explain:allAccounts' : 'explain:all', { currency });
}

/** The formula of figures.md with its values put in. */
function formulaOf(
  figure: ExplainedFigure,
  total: Figures,
  currency: string,
  money: (value: bigint | null) => string,
  { t, format }: Words,
): Term[] {
  const label = (name: string) => t(`hub:kpi.${name}`);
  const spend = { label: label('spend'), value: money(knownSpend(total)) };
  const revenue = { label: label('revenue'), value: money(knownRevenue(total)) };
  const perLead = costPerLead(total, currency);
  const ratio = roas(total);
  const gain = knownRevenue(total) === null || knownSpend(total) === null ? null : total.revenue - total.spend;
  switch (figure) {
    case 'costPerLead':
      return [
        { ...spend, sign: '÷' },
        { label: label('leads'), value: format.number(total.leads), sign: '=' },
        { label: label('costPerLead'), value: format.money(perLead, currency) },
      ];
    case 'roi':
      return [
        { ...revenue, sign: '−' },
        { ...spend, sign: '=' },
        { label: t('explain:gain'), value: money(gain), sign: '÷' },
        { ...spend, sign: '=' },
        { label: label('roi'), value: format.percent(roiPercentage(total)) },
      ];
    case 'roas':
      return [
        { ...revenue, sign: '÷' },
        { ...spend, sign: '=' },
        {
          label: t('explain:roas', { one: oneOf(currency, format) }),
          value: ratio === null ? '—' : format.money(ratio, currency),
        },
      ];
    case 'spend':
      return [spend];
    case 'revenue':
      return [revenue];
    default:
      return [{ label: label(figure), value: format.number(total[figure]) }];
  }
}

/** Why there is a dash: a rate is missing, or the divisor is zero. */
function unknownOf(figure: ExplainedFigure, total: Figures, currency: string, { t, format }: Words): string | null {
  const { missingRate } = total;
  const spendLacks = total.unconvertedSpend > 0 && ['spend', 'costPerLead', 'roi', 'roas'].includes(figure);
  const revenueLacks = total.unconverted > 0 && ['revenue', 'roi', 'roas'].includes(figure);
  if (missingRate !== null && (spendLacks || revenueLacks)) {
    const day = format.longDay(missingRate.day);
    return t('explain:unknown', { why: t('explain:noRate', { currency: missingRate.currency, day }) });
  }
  const isRatio = figure === 'costPerLead' || figure === 'roi' || figure === 'roas';
  const value = figure === 'costPerLead' ? costPerLead(total, currency) : roas(total);
  return isRatio && value === null ? t('explain:unknown', { why: t('explain:zero') }) : null;
}

function perOneOf(figure: ExplainedFigure, total: Figures, currency: string, { t, format }: Words): string | null {
  const value = roas(total);
  if (figure !== 'roi' || value === null) return null;
  return t('explain:perOne', { one: oneOf(currency, format), value: format.money(value, currency) });
}

function daysOf(behind: Behind, figure: ExplainedFigure, money: (value: bigint) => string, { t, format }: Words) {
  if (behind.days.length === 0) return null;
  const firstOpen = addDays(behind.result.period.until, 1 - SETTLED_AFTER_DAYS);
  const columns = figure === 'impressions' || figure === 'clicks' || figure === 'metaLeads' ? [figure] : ['spend'];
  const cellOf = (day: Figures, column: string) =>
    column === 'spend'
      ? day.unconvertedSpend > 0
        ? '—'
        : money(day.spend)
      : format.number(day[column as 'impressions' | 'clicks' | 'metaLeads']);
  return {
    columns: columns.map((column) => t(`hub:kpi.${column}`)),
    rows: behind.days.map((day: Day) => ({
      day: day.day,
      shown: format.longDay(day.day),
      cells: columns.map((column) => cellOf(day, column)),
      isRestated: behind.restatedDays.has(day.day),
      isFirstOpen: day.day === firstOpen,
    })),
    sums: columns.map((column) => cellOf(behind.total, column)),
  };
}

function leadsOf({ leads, total }: Behind, { t, format }: Words) {
  if (leads.length === 0) return null;
  return {
    count: total.leads,
    rows: leads.slice(0, ROWS_SHOWN).map((lead) => ({
      id: lead.id,
      name: lead.full_name,
      campaign: lead.campaign_name,
      arrived: format.dateTime(lead.arrived_at),
      status: t(`leads:chip.${lead.status}`),
    })),
    more: total.leads > ROWS_SHOWN ? t('explain:more', { shown: ROWS_SHOWN, count: total.leads }) : null,
  };
}

function soldOf(
  { outcomes, currency, total }: Behind,
  figure: ExplainedFigure,
  kind: 'sales' | 'opportunities',
  money: (value: bigint | null) => string,
  { t, format }: Words,
) {
  if (!ROWS_BEHIND[figure].includes(kind) || outcomes.length === 0) return [];
  const lineOf = (row: Sold) => ({
    id: row.id,
    leadId: row.leadId,
    person: row.person,
    sold: format.dateTime(row.at),
    arrived: format.dateTime(row.arrivedAt),
    campaign: row.campaign,
    amount: row.convertedText === null ? '—' : format.money(row.convertedText, currency),
    notes: notesOf(row, currency, { t, format }),
  });
  const count = kind === 'sales' ? total.sales : total.opportunities;
  return [
    {
      kind,
      count,
      rows: outcomes.slice(0, ROWS_SHOWN).map(lineOf),
      sum: kind === 'sales' ? money(knownRevenue(total)) : money(sumOf(outcomes)),
      more: outcomes.length > ROWS_SHOWN ? t('explain:more', { shown: ROWS_SHOWN, count: outcomes.length }) : null,
    },
  ];
}

const sumOf = (rows: readonly Sold[]): bigint | null =>
  rows.some(({ converted }) => converted === null)
    ? null
    : rows.reduce((sum, row) => sum + (row.converted ?? ZERO), ZERO);

function notesOf(row: Sold, currency: string, { t, format }: Words): string[] {
  const notes: string[] = [];
  if (row.amount < ZERO) notes.push(t('explain:sales.refund'));
  if (row.amount !== row.whole)
    notes.push(
      t('explain:sales.share', {
        part: format.money(row.amountText, row.currency),
        whole: format.money(row.wholeText, row.currency),
      }),
    );
  else if (row.currency !== currency)
    notes.push(t('explain:sales.converted', { amount: format.money(row.amountText, row.currency) }));
  if (row.converted === null) notes.push(t('explain:sales.notCounted'));
  return notes;
}

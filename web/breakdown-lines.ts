import { z } from 'zod';
import { aLine, BREAKDOWNS, type BreakdownKind, isGroupKind } from '../domain/breakdown.ts';
import { digitsOf, quotient, ratio, toText, ZERO } from '../domain/decimal.ts';
import { amountOf, type TextBreakdown, type TextLine } from './breakdown-service.ts';
import { statsQuery } from './stats.ts';

export const SORTS = [
  'name',
  'spend',
  'impressions',
  'clicks',
  'leads',
  'costPerLead',
  'opportunities',
  'sales',
  'conversion',
  'revenue',
  'roas',
] as const;
export type Sort = (typeof SORTS)[number];
export type Measure = Exclude<Sort, 'name'>;
/** Of people there is no cost to tell. */
export const sortsOf = (by: BreakdownKind): readonly Sort[] =>
  isGroupKind(by) ? ['name', 'leads', 'opportunities', 'sales', 'conversion', 'revenue'] : SORTS;

export const breakdownQuery = statsQuery.extend({
  by: z.enum(BREAKDOWNS).default('campaign'),
  /** Of `field`: which question's answers, by its key. */
  field: z.string().max(500).default(''),
  sort: z.enum(SORTS).optional(),
  order: z.enum(['asc', 'desc']).optional(),
  find: z.string().trim().max(100).default(''),
  status: z.enum(['', 'active', 'other']).default(''),
  page: z.coerce.number().int().min(1).max(10_000).default(1),
});
export type BreakdownQuery = z.output<typeof breakdownQuery>;

/** Those that are asked for, in the order that is asked for; what is not known comes last either way. */
export function chosen(
  lines: readonly TextLine[],
  query: Pick<BreakdownQuery, 'by' | 'sort' | 'order' | 'find' | 'status'>,
  currency: string,
): TextLine[] {
  const wanted = query.find.toLocaleLowerCase();
  const { sort, order } = orderOf(query);
  const way = order === 'asc' ? 1 : -1;
  return lines
    .filter(({ name, parent, status }) => {
      const isActive = status === 'ACTIVE';
      const isOfStatus = query.status === '' || (query.status === 'active') === isActive;
      return isOfStatus && (wanted === '' || `${name ?? ''} ${parent ?? ''}`.toLocaleLowerCase().includes(wanted));
    })
    .map((line) => ({
      line,
      value: sort === 'name' ? (line.name?.toLocaleLowerCase() ?? null) : measureOf(line, sort, currency),
    }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
      if (a.value !== b.value) return a.value < b.value ? -way : way;
      return a.line.id < b.line.id ? -1 : 1;
    })
    .map(({ line }) => line);
}

/** Where nothing costs anything, by people; else by money. */
export const orderOf = ({ by, sort, order }: Pick<BreakdownQuery, 'by' | 'sort' | 'order'>) => {
  const given = sort ?? (isGroupKind(by) ? 'leads' : 'spend');
  return { sort: given, order: order ?? (given === 'name' ? 'asc' : 'desc') };
};

/** As an integer of whatever scale it has: to be compared with the same of another line. */
export function measureOf(line: TextLine, measure: Measure, currency: string): bigint | null {
  if (measure === 'costPerLead') return amountOf(costPerLeadOf(line, currency));
  if (measure === 'roas') return amountOf(roasOf(line));
  if (measure === 'conversion') return amountOf(rateOf(line.sales, line.leads));
  if (measure === 'spend' || measure === 'revenue') return amountOf(line[measure]);
  const count = line[measure];
  return count === null ? null : BigInt(count);
}

export const costPerLeadOf = ({ spend, leads }: TextLine, currency: string): string | null =>
  spend === null ? null : quotient(amountOf(spend) ?? 0n, BigInt(leads), digitsOf(currency));

export function roasOf({ spend, revenue }: TextLine): string | null {
  const [cost, back] = [amountOf(spend), amountOf(revenue)];
  return cost === null || back === null ? null : ratio(back, cost);
}

/** Percent; null of nothing. */
export const rateOf = (part: number, whole: number): string | null => ratio(BigInt(part), BigInt(whole), 100n);

function roiOf({ spend, revenue }: TextLine): string | null {
  const [cost, back] = [amountOf(spend), amountOf(revenue)];
  return cost === null || back === null ? null : ratio(back - cost, cost, 100n);
}

/** What a line was in the period before; of what was not there then nothing, as far as it can be told at all. */
export function earlierOf({ lines }: TextBreakdown, by: BreakdownKind, currency: string): (id: string) => TextLine {
  const nothing = toText(ZERO, digitsOf(currency));
  const known = new Map(lines.map((line) => [line.id, line]));
  const untold = isGroupKind(by)
    ? { spend: null, impressions: null, clicks: null, metaLeads: null }
    : { spend: nothing };
  return (id) => known.get(id) ?? { ...aLine(id), revenue: nothing, ...untold };
}

/** One line for programs. */
export const lineJson = (line: TextLine, earlier: TextLine, currency: string) => ({
  id: line.id,
  name: line.name,
  parent: line.parent,
  status: line.status,
  ...figuresJson(line, currency),
  ...conversionJson(line),
  previous: { ...figuresJson(earlier, currency), ...conversionJson(earlier) },
});

/** The same for a file; whatever reads the first columns by their place goes on to. */
export function lineRow(line: TextLine, earlier: TextLine, currency: string): Record<string, string | number | null> {
  const { id, name, parent, status } = line;
  const before = { ...figuresJson(earlier, currency), ...conversionJson(earlier) };
  return {
    ...{ id, name, parent, status, ...figuresJson(line, currency), currency, ...conversionJson(line) },
    ...Object.fromEntries(Object.entries(before).map(([figure, value]) => [`previous_${figure}`, value])),
  };
}

const conversionJson = ({ leads, opportunities, sales }: TextLine) => ({
  lead_to_opportunity_percentage: rateOf(opportunities, leads),
  opportunity_to_sale_percentage: rateOf(sales, opportunities),
  lead_to_sale_percentage: rateOf(sales, leads),
});

const figuresJson = (line: TextLine, currency: string) => ({
  spend: line.spend,
  impressions: line.impressions,
  clicks: line.clicks,
  leads: line.leads,
  meta_leads: line.metaLeads,
  cost_per_lead: costPerLeadOf(line, currency),
  opportunities: line.opportunities,
  sales: line.sales,
  revenue: line.revenue,
  roi_percentage: roiOf(line),
  roas: roasOf(line),
});

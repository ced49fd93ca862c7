import { z } from 'zod';
import { BREAKDOWNS } from '../domain/breakdown.ts';
import { digitsOf, quotient, ratio } from '../domain/decimal.ts';
import { amountOf, type TextLine } from './breakdown-service.ts';
import { statsQuery } from './stats.ts';

export const SORTS = [
  'name',
  'spend',
  'impressions',
  'clicks',
  'leads',
  'costPerLead',
  'sales',
  'revenue',
  'roas',
] as const;
export type Sort = (typeof SORTS)[number];

export const breakdownQuery = statsQuery.extend({
  by: z.enum(BREAKDOWNS).default('campaign'),
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
    .map((line) => ({ line, value: measureOf(line, sort, currency) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
      if (a.value !== b.value) return a.value < b.value ? -way : way;
      return a.line.id < b.line.id ? -1 : 1;
    })
    .map(({ line }) => line);
}

/** Where nothing costs anything, by people; else by money. */
export const orderOf = ({ by, sort, order }: Pick<BreakdownQuery, 'by' | 'sort' | 'order'>) => {
  const given = sort ?? (by === 'channel' || by === 'form' ? 'leads' : 'spend');
  return { sort: given, order: order ?? (given === 'name' ? 'asc' : 'desc') };
};

function measureOf(line: TextLine, sort: Sort, currency: string): bigint | string | null {
  if (sort === 'name') return line.name?.toLocaleLowerCase() ?? null;
  if (sort === 'costPerLead') return amountOf(costPerLeadOf(line, currency));
  if (sort === 'roas') return amountOf(roasOf(line));
  if (sort === 'spend' || sort === 'revenue') return amountOf(line[sort]);
  const count = line[sort];
  return count === null ? null : BigInt(count);
}

export const costPerLeadOf = ({ spend, leads }: TextLine, currency: string): string | null =>
  spend === null ? null : quotient(amountOf(spend) ?? 0n, BigInt(leads), digitsOf(currency));

export function roasOf({ spend, revenue }: TextLine): string | null {
  const [cost, back] = [amountOf(spend), amountOf(revenue)];
  return cost === null || back === null ? null : ratio(back, cost);
}

function roiOf({ spend, revenue }: TextLine): string | null {
  const [cost, back] = [amountOf(spend), amountOf(revenue)];
  return cost === null || back === null ? null : ratio(back - cost, cost, 100n);
}

/** One line for programs, and for a file. */
export const lineJson = (line: TextLine, currency: string) => ({
  id: line.id,
  name: line.name,
  parent: line.parent,
  status: line.status,
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

import { z } from 'zod';
import type { Stats, StatsRows } from '../adapters/postgres/stats.ts';
import type { Cache } from '../adapters/redis/cache.ts';
import { AppError } from '../domain/error.ts';
import { addUp, periodsOf, type StatsQuestion, type StatsResult } from '../domain/stats.ts';
import { statsJson } from './stats-json.ts';

const CACHE_S = 15 * 60;

/** The `currency` that means all accounts together, in the tenant's reporting currency. */
export const ALL = 'all';

/** The question of a stats address. Anything unknown is refused, never guessed. */
export const statsQuery = z.object({
  days: z.coerce.number().int().min(1).max(1126).default(30), // 37 months, as long as Meta keeps
  view: z.enum(['date', 'cohort']).default('date'),
  model: z.enum(['last', 'first', 'linear']).default('last'),
  account: z
    .string()
    .regex(/^(?:(?:act_)?\d{1,30})?$/)
    .transform((id) => id.replace('act_', '') || undefined) // a form sends nothing for all of them
    .optional()
    .describe('One ad account alone, by its number; what has no campaign belongs to none'),
  /** A currency only chooses what a page shows; `all` converts everything at each day's rate. */
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .or(z.literal(ALL))
    .optional(),
});
export type StatsQuery = z.output<typeof statsQuery>;

export interface StatsAnswer {
  now: StatsResult;
  before: StatsResult;
  /** The tenant's own, and the one for all accounts together. */
  currency: string;
  reportingCurrency: string;
  /** The copied accounts, whichever of them is asked about. */
  accounts: readonly AccountChoice[];
}

export interface AccountChoice {
  id: string;
  name: string;
  currency: string;
}

interface RowsFor {
  rows: StatsRows;
  question: StatsQuestion;
  /** All copied accounts. */
  accounts: StatsRows['accounts'];
}

export type StatsService = ReturnType<typeof createStatsService>;

/** The mission's `get_marketing_stats`, behind page and API alike. */
export function createStatsService(stats: Stats, cache: Cache, clock: () => Date) {
  const read = async (tenantId: number, query: StatsQuery): Promise<StatsAnswer> => {
    const { rows, question, accounts } = await rowsFor(tenantId, query);
    const { currency, reportingCurrency } = rows.tenant;
    return {
      now: addUp(rows, question),
      before: addUp(rows, question, true),
      currency,
      reportingCurrency,
      accounts: accounts.map(({ ad_account_id: id, name, currency: own }) => ({ id, name, currency: own })),
    };
  };
  /** What the figures are made of: an explanation adds up the very rows that the screen adds up. @throws AppError `not_found` for an unknown account */
  const rowsFor = async (tenantId: number, { days, view, model, account, currency }: StatsQuery): Promise<RowsFor> => {
    const { tenant, accounts } = await stats.zones(tenantId);
    const reportIn = currency === ALL ? tenant.reportingCurrency : undefined;
    const question: StatsQuestion = { days, view, model, now: clock(), reportIn, account };
    const asked = accounts.filter(({ ad_account_id: id }) => account === undefined || id === account);
    if (account !== undefined && asked.length === 0) throw new AppError('not_found', 'no such ad account');
    const { span } = periodsOf({ tenant, accounts: asked }, question, false);
    return { rows: await stats.rows(tenantId, span, account), question, accounts };
  };
  const keyOf = ({ days, view, model, account, currency }: StatsQuery) =>
    `${days}:${view}:${model}:${account ?? ''}${currency === ALL ? ':all' : ''}`;
  return {
    read,
    rowsFor,
    /** For 15 minutes the same reply, until a sync, a lead, a sale or a rate changes it. */
    json: (tenantId: number, query: StatsQuery) =>
      cache.remember(tenantId, `stats:${keyOf(query)}`, CACHE_S, async () =>
        statsJson(tenantId, await read(tenantId, query), query.currency === ALL),
      ),
    /** A view of the answer, cached the same way: what a page shows costs one look-up. `key` names everything the view depends on beside the query. */
    view: <T>(
      tenantId: number,
      query: StatsQuery,
      key: string,
      make: (answer: StatsAnswer) => T | Promise<T>,
    ): Promise<T> =>
      cache.remember(tenantId, `view:${key}:${keyOf(query)}`, CACHE_S, async () => make(await read(tenantId, query))),
    /** Whatever else is made of the same rows, cached the same way. */
    remember: <T>(tenantId: number, query: StatsQuery, key: string, make: () => Promise<T>): Promise<T> =>
      cache.remember(tenantId, `${key}:${keyOf(query)}`, CACHE_S, make),
    invalidate: (tenantId: number) => cache.invalidate(tenantId),
  };
}

/** The question as an address asks it. */
export function searchOf({ days, view, model, account, currency }: StatsQuery): string {
  const search = new URLSearchParams({ days: String(days), view, model });
  if (account !== undefined) search.set('account', account);
  if (currency !== undefined) search.set('currency', currency);
  return search.toString();
}

/** The one that a page shows first: the tenant's own, or the one that money is spent in. */
export function mainCurrency(totals: readonly { currency: string; spend: bigint }[], own: string): string {
  const spending = totals.filter((total) => total.spend > 0n).map((total) => total.currency);
  return spending.includes(own) ? own : (spending[0] ?? own);
}

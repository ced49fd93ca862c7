import { z } from 'zod';
import type { Stats } from '../adapters/postgres/stats.ts';
import type { Cache } from '../adapters/redis/cache.ts';
import { addUp, periodsOf, type StatsInput, type StatsQuestion, type StatsResult } from '../domain/stats.ts';
import { statsJson } from './stats-json.ts';

const CACHE_S = 15 * 60;

/** The question of a stats address. Anything unknown is refused, never guessed. */
export const statsQuery = z.object({
  days: z.coerce.number().int().min(1).max(1126).default(30), // 37 months, as long as Meta keeps
  view: z.enum(['date', 'cohort']).default('date'),
  model: z.enum(['last', 'first', 'linear']).default('last'),
});
export type StatsQuery = z.output<typeof statsQuery>;

export interface StatsAnswer {
  now: StatsResult;
  before: StatsResult;
  currency: string;
}

export type StatsService = ReturnType<typeof createStatsService>;

/** The mission's `get_marketing_stats`, behind page and API alike. */
export function createStatsService(stats: Stats, cache: Cache, clock: () => Date) {
  const read = async (tenantId: number, query: StatsQuery): Promise<StatsAnswer> => {
    const question: StatsQuestion = { ...query, now: clock() };
    const zones = await stats.zones(tenantId);
    const rows: StatsInput = await stats.rows(tenantId, periodsOf(zones, question, false).span);
    return { now: addUp(rows, question), before: addUp(rows, question, true), currency: rows.tenant.currency };
  };
  return {
    read,
    /** For 15 minutes the same reply, until a sync, a lead or a sale changes it. */
    json: (tenantId: number, query: StatsQuery) =>
      cache.remember(tenantId, `stats:${query.days}:${query.view}:${query.model}`, CACHE_S, async () => {
        const { now, before, currency } = await read(tenantId, query);
        return statsJson(tenantId, currency, now, before);
      }),
    /** A view of the answer, cached the same way: what a page shows costs one look-up. `key` names everything the view depends on beside the query. */
    view: <T>(tenantId: number, query: StatsQuery, key: string, make: (answer: StatsAnswer) => T): Promise<T> =>
      cache.remember(tenantId, `view:${key}:${query.days}:${query.view}:${query.model}`, CACHE_S, async () =>
        make(await read(tenantId, query)),
      ),
    invalidate: (tenantId: number) => cache.invalidate(tenantId),
  };
}

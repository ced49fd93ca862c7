import { z } from 'zod';
import { AppError } from '../../domain/error.ts';
import type { Graph, GraphCall } from './graph.ts';

/** One page of an edge. `pages` is how many calls it took: more than one when Meta asked for less data. */
export interface Page<T> {
  rows: readonly T[];
  calls: number;
}

const SMALLEST_LIMIT = 10;
const TOO_MANY_ROWS = 1_487_534;
const paging = z
  .object({
    cursors: z.object({ after: z.string().optional() }).optional(),
    next: z.string().optional(),
  })
  .optional();

/**
 * Every page of an edge, one after another. Takes `after` into our own request: the `next` address holds the token. Halves the page when Meta
 * asks to reduce the amount of data.
 */
export async function* pagesOf<T>(
  graph: Pick<Graph, 'call'>,
  request: Omit<GraphCall<unknown>, 'schema'> & { row: z.ZodType<T>; limit: number },
): AsyncGenerator<Page<T>> {
  const { row, ...call } = request;
  const schema = z.object({ data: z.array(row), paging });
  let { limit } = request;
  let calls = 0;
  let after: string | undefined;
  for (;;) {
    calls += 1;
    const params = { ...call.params, limit: String(limit), ...(after === undefined ? {} : { after }) };
    const page = await orHalf(() => graph.call({ ...call, params, schema }), limit);
    if (page === 'halve') {
      limit = Math.floor(limit / 2);
      continue;
    }
    yield { rows: page.data, calls };
    calls = 0;
    const next = page.paging?.next === undefined ? undefined : page.paging.cursors?.after;
    if (next === undefined) return; // `after` stands on the last page too: only a missing `next` is the end
    if (next === after) throw new AppError('unavailable', `Graph ${call.endpoint}: the cursor does not move`);
    after = next;
  }
}

/** All rows of a short edge. */
export async function allRows<T>(...args: Parameters<typeof pagesOf<T>>): Promise<T[]> {
  const rows: T[] = [];
  for await (const page of pagesOf(...args)) rows.push(...page.rows);
  return rows;
}

async function orHalf<T>(read: () => Promise<T>, limit: number): Promise<T | 'halve'> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'too_much_data') throw error;
    // Too many rows in all: smaller pages of them would be refused too.
    if (error.details['subcode'] === TOO_MANY_ROWS || limit / 2 < SMALLEST_LIMIT) throw error;
    return 'halve';
  }
}

/** An id as text, whichever way Meta wrote it. */
export const metaId = z.union([z.string(), z.number()]).transform(String);

/** Meta's times (`2026-01-02T03:04:05-0300`, an offset without colon) and unix seconds as Date. */
export const metaTime = z.union([z.string(), z.number()]).transform((value, context) => {
  const date =
    typeof value === 'number' ? new Date(value * 1000) : new Date(value.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
  if (!Number.isNaN(date.getTime())) return date;
  context.addIssue({ code: 'custom', message: 'not a time' });
  return z.NEVER;
});

import { invalid } from './errors.ts';

/** A list in YCloud's page shape; `offset` as a parameter is ignored. Throws Refusal `PARAM_INVALID`. */
export function paged<T>(items: readonly T[], query: URLSearchParams): object {
  const [page, limit] = [numberIn(query, 'page', 1), numberIn(query, 'limit', 10)];
  return pageFrom(items, query, (page - 1) * limit, limit);
}

/** The same with a cursor beside it: unsubscribers and contacts only. The last page has a cursor without `after`. */
export function cursorPaged<T>(items: readonly T[], query: URLSearchParams): object {
  const pageAfter = query.get('pageAfter');
  const limit = numberIn(query, 'limit', 10);
  if (pageAfter !== null && !/^\d{1,9}$/.test(pageAfter)) throw invalid('pageAfter', 'pageAfter is not a cursor');
  const offset = pageAfter === null ? (numberIn(query, 'page', 1) - 1) * limit : Number(pageAfter);
  const end = offset + limit;
  return { ...pageFrom(items, query, offset, limit), cursor: end < items.length ? { after: String(end) } : {} };
}

function pageFrom<T>(items: readonly T[], query: URLSearchParams, offset: number, limit: number) {
  const slice = items.slice(offset, offset + limit);
  const total = query.get('includeTotal') === 'true' ? { total: items.length } : {};
  return { offset, limit, length: slice.length, ...total, items: slice };
}

/** Keeps the rows that match a literal `filter.<name>`, which may be a comma list. */
export function filtered<T extends object>(
  items: readonly T[],
  query: URLSearchParams,
  names: readonly (keyof T & string)[],
): T[] {
  const wanted = names.flatMap((name) => {
    const given = query.get(`filter.${name}`);
    return given === null ? [] : [{ name, values: new Set(given.split(',')) }];
  });
  return items.filter((item) => wanted.every(({ name, values }) => values.has(String(item[name]))));
}

function numberIn(query: URLSearchParams, name: string, otherwise: number): number {
  const value = Number(query.get(name) ?? otherwise);
  if (!Number.isInteger(value) || value < 1 || value > 100) throw invalid(name, `${name} is 1 to 100`);
  return value;
}

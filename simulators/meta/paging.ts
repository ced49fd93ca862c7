import { badParameter } from './errors.ts';
import type { GraphCall } from './http.ts';

const DEFAULT_LIMIT = 25;
const MAXIMUM_LIMIT = 500;

/** A page of an edge as Graph shapes it: `next` is absent at the end, `after` is always there. */
export interface Page<T> {
  readonly data: readonly T[];
  readonly paging: {
    readonly cursors?: { readonly before: string; readonly after: string };
    readonly next?: string;
    readonly previous?: string;
  };
  readonly summary?: unknown;
}

/**
 * Cuts the asked-for page out of a list. Throws 100 on a cursor of another shape.
 * With the fault `empty_page` the data is empty while `next` goes on from the same place, which Graph allows itself.
 */
export function pageOf<T>(call: GraphCall, baseUrl: string, items: readonly T[]): Page<T> {
  const limit = limitOf(call);
  const { after, before } = call.params;
  const start = after !== undefined && after !== '' ? fromCursor(after) : startBefore(before, limit);
  if (call.fault?.kind === 'empty_page') {
    return {
      data: [],
      paging: { cursors: cursors(start, start), next: pageUrl(call, baseUrl, { after: toCursor(start) }) },
    };
  }
  const end = Math.min(start + limit, items.length);
  const data = items.slice(start, end);
  if (data.length === 0) {
    return { data, paging: {} };
  }
  return {
    data,
    paging: {
      cursors: cursors(start, end),
      ...(end < items.length ? { next: pageUrl(call, baseUrl, { after: toCursor(end) }) } : {}),
      ...(start > 0 ? { previous: pageUrl(call, baseUrl, { before: toCursor(start) }) } : {}),
    },
  };
}

function limitOf(call: GraphCall): number {
  const text = call.params['limit'];
  if (text === undefined || text === '') {
    return DEFAULT_LIMIT;
  }
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 0) {
    throw badParameter('Param limit must be an integer greater than or equal to 0');
  }
  return Math.min(Math.max(limit, 1), MAXIMUM_LIMIT);
}

function startBefore(before: string | undefined, limit: number): number {
  return before === undefined || before === '' ? 0 : Math.max(0, fromCursor(before) - limit);
}

function cursors(start: number, end: number): { before: string; after: string } {
  return { before: toCursor(start), after: toCursor(end) };
}

/** Opaque to callers: Meta's own look like this too. */
function toCursor(position: number): string {
  return `QVFI${Buffer.from(`p:${position}`).toString('base64url')}ZD`;
}

function fromCursor(cursor: string): number {
  const text = Buffer.from(cursor.slice(4, -2), 'base64url').toString('utf8');
  const position = /^p:(\d+)$/.exec(text)?.[1];
  if (position === undefined || !cursor.startsWith('QVFI')) {
    throw badParameter('Invalid cursors values');
  }
  return Number(position);
}

/** The address of a neighbour page; like Meta's own it contains the access token. */
function pageUrl(call: GraphCall, baseUrl: string, cursor: Readonly<Record<string, string>>): string {
  const { after: _after, before: _before, ...rest } = call.params;
  const token = call.token === undefined ? {} : { access_token: call.token };
  const query = new URLSearchParams({ ...token, ...rest, ...cursor });
  return `${baseUrl}/${call.version === '' ? 'v26.0' : call.version}/${call.path}?${query}`;
}

/** A reply of Graph as it may be looked at, by the debug switches: no token, no person. */
export interface MetaReply {
  endpoint: string;
  /** The ad account or page it was asked of. */
  assetId: string | null;
  /** HTTP status. */
  status: number;
  /** ISO 8601. */
  at: string;
  reply: unknown;
}

/** What these answer is about campaigns and figures; everything else may be about people or hold a key, and shows its shape alone. */
const SHOWN: ReadonlySet<string> = new Set([
  'ad_account',
  'ad_accounts',
  'campaigns',
  'adsets',
  'ads',
  'insights',
  'insights_report',
]);
// Addresses of further pages carry the token; a cursor is of no use to a reader.
const HIDDEN: ReadonlySet<string> = new Set(['access_token', 'paging', 'thumbnail_url', 'image_url']);
const MOST_ROWS = 20;
const MOST_TEXT = 500;
const DEEPEST = 8;

/** @returns the reply with what must not be seen left out, lists cut at 20 rows and texts at 500 characters */
export const shownReply = (endpoint: string, reply: unknown): unknown =>
  SHOWN.has(endpoint) ? shown(reply, (text) => text.slice(0, MOST_TEXT)) : shown(reply, () => '…');

function shown(value: unknown, textOf: (text: string) => string, depth = 0): unknown {
  if (typeof value === 'string') return textOf(value);
  if (typeof value === 'number' && textOf('-') !== '-') return 0;
  if (value === null || typeof value !== 'object') return value;
  if (depth === DEEPEST) return '…';
  if (Array.isArray(value)) {
    const rows = value.slice(0, MOST_ROWS).map((row) => shown(row, textOf, depth + 1));
    return value.length > MOST_ROWS ? [...rows, `… ${value.length - MOST_ROWS} more`] : rows;
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !HIDDEN.has(name))
      .map(([name, each]) => [name, shown(each, textOf, depth + 1)]),
  );
}

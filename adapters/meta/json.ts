/**
 * Parses JSON without losing digits: a whole number beyond 2^53 (Meta's ids) comes back as its text. What PostgreSQL holds in no text is left out of
 * strings: NUL, and the half of an emoji that was cut in two, which becomes the sign for a character that cannot be shown. Throws SyntaxError.
 */
export function parseLossless(text: string): unknown {
  // Looking at every value costs more than all the rest of a page; most pages write their ids as text.
  return LONG_NUMBER.test(text) || UNSTORABLE.test(text) ? JSON.parse(text, storable) : JSON.parse(text);
}

/**
 * Sixteen digits after what may stand before a number: not those within an address, and every page that is not the last names the next one with the account's
 * id in it. A text that holds such ones costs time and nothing else.
 */
const LONG_NUMBER = /(?:^|[:,[\s-])\d{16}/;
/** NUL, the first half of a pair without its second, or the second without its first. */
const UNSTORABLE = /\\u0000|\\ud[89ab][\da-f]{2}(?!\\ud[c-f][\da-f]{2})|(?<!\\ud[89ab][\da-f]{2})\\ud[c-f][\da-f]{2}/i;

function storable(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', '').toWellFormed();
  const isUnsafe = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
  return isUnsafe && context?.source !== undefined ? context.source : value;
}

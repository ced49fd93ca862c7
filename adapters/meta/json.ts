/** Parses JSON without losing digits: a whole number beyond 2^53 (Meta's ids) comes back as its text. Throws SyntaxError. */
export function parseLossless(text: string): unknown {
  // Looking at every value costs more than all the rest of a page; most pages write their ids as text.
  return LONG_NUMBER.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
}

/**
 * Sixteen digits after what may stand before a number: not those within an address, and every page that is not the last names the next one with the account's
 * id in it. A text that holds such ones costs time and nothing else.
 */
const LONG_NUMBER = /(?:^|[:,[\s-])\d{16}/;

function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  const isUnsafe = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
  return isUnsafe && context?.source !== undefined ? context.source : value;
}

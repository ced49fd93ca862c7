/** Parses JSON without losing digits: a whole number beyond 2^53 (Meta's ids) comes back as its text. Throws SyntaxError. */
export function parseLossless(text: string): unknown {
  // Looking at every value costs more than all the rest of a page; most pages write their ids as text.
  return LONG_NUMBER.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
}

/** Sixteen digits that no quotation mark precedes. A text that holds such ones costs time and nothing else. */
const LONG_NUMBER = /(?:^|[^"\d])\d{16}/;

function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  const isUnsafe = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
  return isUnsafe && context?.source !== undefined ? context.source : value;
}

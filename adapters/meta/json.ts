/** Parses JSON without losing digits: a whole number beyond 2^53 (Meta's ids) comes back as its text. Throws SyntaxError. */
export function parseLossless(text: string): unknown {
  return JSON.parse(text, keepDigits);
}

function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  const isUnsafe = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
  return isUnsafe && context?.source !== undefined ? context.source : value;
}

import { digitsOf } from './decimal.ts';

const MOST_DIGITS = 13;

/**
 * A typed amount as decimal text, or null when it cannot be read without guessing. Spanish writes 280.000,50, English 280,000.50; an input that fits
 * only the other language's habit is read that way, one that fits both is read in the person's own.
 */
export function parseAmount(typed: string, locale: 'es' | 'en', currency: string): string | null {
  const text = typed.trim().replace(/^\$\s*/, '');
  const own = locale === 'es' ? { group: '.', decimal: ',' } : { group: ',', decimal: '.' };
  const other = { group: own.decimal, decimal: own.group };
  return read(text, own, currency) ?? read(text, other, currency);
}

function read(text: string, { group, decimal }: { group: string; decimal: string }, currency: string): string | null {
  const g = `\\${group}`;
  const d = `\\${decimal}`;
  const match = new RegExp(`^(-?)(\\d{1,3}(?:${g}\\d{3})+|\\d+)(?:${d}(\\d{1,2}))?$`).exec(text);
  if (!match) return null;
  const [, sign = '', whole = '', fraction = ''] = match;
  const digits = whole.replaceAll(group, '').replace(/^0+(?=\d)/, '');
  if (digits.length > MOST_DIGITS) return null;
  if (digitsOf(currency) === 0 && !/^0*$/.test(fraction)) return null;
  return fraction === '' ? `${sign}${digits}` : `${sign}${digits}.${fraction.padEnd(2, '0')}`;
}

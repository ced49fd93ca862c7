/** Values as people and spreadsheets type them. */

const HABITS = {
  es: { group: '.', decimal: ',' },
  en: { group: ',', decimal: '.' },
} as const;

/** A positive rate of at most ten places, in the person's own writing, else in the other; null when it cannot be read without guessing. */
export function parseRate(typed: string, locale: 'es' | 'en'): string | null {
  const text = typed.trim();
  const rate = readRate(text, HABITS[locale]) ?? readRate(text, HABITS[locale === 'es' ? 'en' : 'es']);
  return rate === null || /^0*(\.0*)?$/.test(rate) ? null : rate;
}

function readRate(text: string, { group, decimal }: { group: string; decimal: string }): string | null {
  const [g, d] = [`\\${group}`, `\\${decimal}`];
  const match = new RegExp(`^([1-9]\\d{0,2}(?:${g}\\d{3})+|\\d{1,9})(?:${d}(\\d{1,10}))?$`).exec(text);
  if (!match) return null;
  const [, whole = '', places] = match;
  const digits = whole.replaceAll(group, '');
  if (digits.length > 9) return null;
  return places === undefined ? digits : `${digits}.${places}`;
}

/** A day as `2026-11-24` or `24/11/2026`; null for what the calendar does not have. */
export function parseDay(typed: string): string | null {
  const text = typed.trim();
  const [, d = '', m = '', y = ''] = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(text) ?? [];
  const day = y === '' ? text : `${y}-${m.padStart(2, '0')}-${d.padStart(2, '0')}`;
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) return null;
  const at = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day) ? day : null;
}

/** Three capital letters, as ISO 4217 has them. */
export const parseCurrency = (typed: string): string | null => {
  const code = typed.trim().toUpperCase();
  return /^[A-Z]{3}$/.test(code) ? code : null;
};

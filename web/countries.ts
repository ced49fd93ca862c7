import type { Locale } from './i18n.ts';

/** Regions that CLDR names and that are no country, or part of one that is listed. */
const NO_COUNTRY = new Set(['AC', 'CP', 'CQ', 'DG', 'EA', 'EU', 'EZ', 'IC', 'QO', 'TA', 'UN', 'XA', 'XB', 'ZZ']);
const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
const lists = new Map<Locale, readonly Country[]>();

export interface Country {
  code: string;
  name: string;
}

/** Every country, by its name in this language. */
export function countryNames(locale: Locale): readonly Country[] {
  const known = lists.get(locale) ?? named(locale);
  lists.set(locale, known);
  return known;
}

function named(locale: Locale): readonly Country[] {
  const names = new Intl.DisplayNames(locale, { type: 'region', fallback: 'none' });
  return letters
    .flatMap((first) => letters.map((second) => first + second))
    .filter((code) => !NO_COUNTRY.has(code) && new Intl.Locale(`und-${code}`).region === code)
    .map((code) => ({ code, name: names.of(code) ?? '' }))
    .filter(({ name }) => name !== '')
    .sort((a, b) => a.name.localeCompare(b.name, locale));
}

import { readdirSync, readFileSync } from 'node:fs';
import type { Request } from 'express';
import { createInstance, type i18n, type TFunction, type TOptions } from 'i18next';

export type Locale = 'es' | 'en';
export const locales: readonly Locale[] = ['es', 'en'];
export const LOCALE_COOKIE = 'hub_locale';

const folder = new URL('../views/locales/', import.meta.url);

/** All words, by language and namespace (= file name): `t('leads:title')`. */
export function loadWords(): Record<Locale, Record<string, object>> {
  const wordsOf = (locale: Locale) => {
    const files = readdirSync(new URL(`${locale}/`, folder)).filter((name) => name.endsWith('.json'));
    return Object.fromEntries(
      files.map((name) => [
        name.slice(0, -5),
        JSON.parse(readFileSync(new URL(`${locale}/${name}`, folder), 'utf8')) as object,
      ]),
    );
  };
  return { es: wordsOf('es'), en: wordsOf('en') };
}

const words = loadWords();
const instance: i18n = createInstance();
await instance.init({
  resources: words as never,
  fallbackLng: false,
  ns: Object.keys(words.es),
  defaultNS: 'common',
  interpolation: { escapeValue: false }, // Eta escapes
  returnNull: false,
});

export type Translate = TFunction;

/** A language's words. Those without a gap to fill are looked up once: i18next takes longer over a page's words than the page over all the rest. */
function plainOnce(t: TFunction): TFunction {
  const known = new Map<string, string>();
  const translated = (key: string, options?: TOptions): string => {
    if (options !== undefined) return t(key, options);
    const text = known.get(key) ?? t(key);
    known.set(key, text);
    return text;
  };
  return translated as unknown as TFunction; // its other signatures are used nowhere
}
const translators: Record<Locale, TFunction> = {
  es: plainOnce(instance.getFixedT('es')),
  en: plainOnce(instance.getFixedT('en')),
};
export const translate = (locale: Locale): Translate => translators[locale];

const chosen = new WeakMap<Request, Locale>();

/** A signed-in person's own language wins over the browser's; set by the access middleware. */
export const setLocale = (req: Request, locale: Locale): void => void chosen.set(req, locale);

/** The person's language, else the one picked on this browser, else the browser's, else Spanish. */
export function localeOf(req: Request): Locale {
  const own = chosen.get(req);
  if (own) return own;
  const cookie = cookieOf(req, LOCALE_COOKIE);
  if (cookie === 'es' || cookie === 'en') return cookie;
  const accepted = req.acceptsLanguages('es', 'en');
  return accepted === 'en' ? 'en' : 'es';
}

export const translator = (req: Request): Translate => translate(localeOf(req));

/** A cookie's value as the browser sent it. */
export function cookieOf(req: Request, name: string): string | undefined {
  for (const part of (req.get('cookie') ?? '').split(';')) {
    const at = part.indexOf('=');
    if (part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}

import { digitsOf } from '../domain/decimal.ts';
import type { Locale } from './i18n.ts';

export type Format = ReturnType<typeof makeFormat>;

const formats = new Map<string, Format>();
/** The formats of a language and zone, made once: Intl's constructors cost more than a page. */
export function createFormat(locale: Locale, timeZone: string): Format {
  const key = `${locale} ${timeZone}`;
  const format = formats.get(key) ?? makeFormat(locale, timeZone, () => new Date());
  formats.set(key, format);
  return format;
}

const NONE = '—';
const languageTag: Readonly<Record<Locale, string>> = { es: 'es-AR', en: 'en-US' };
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const moneyFormats = new Map<string, Intl.NumberFormat>();
// Making one costs a hundred times what using one does.
type Sign = 'narrowSymbol' | 'symbol' | 'code';
function moneyFormat(tag: string, currency: string, digits: number, sign: Sign = 'narrowSymbol'): Intl.NumberFormat {
  const key = `${tag} ${currency} ${digits} ${sign}`;
  const known = moneyFormats.get(key);
  if (known) return known;
  const format = new Intl.NumberFormat(tag, {
    style: 'currency',
    currency,
    currencyDisplay: sign,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    roundingMode: 'halfEven',
  });
  moneyFormats.set(key, format);
  return format;
}

/** Numbers, money and times as a person reads them. Money and ratios are decimal text and stay exact; null prints as a dash. */
export function makeFormat(locale: Locale, timeZone: string, now: () => Date) {
  const tag = languageTag[locale];
  const number = new Intl.NumberFormat(tag);
  const short = new Intl.NumberFormat(tag, { notation: 'compact', maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(tag, {
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
    roundingMode: 'halfEven',
  });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
  const dateTime = new Intl.DateTimeFormat(tag, {
    timeZone,
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const time = new Intl.DateTimeFormat(tag, { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const longDay = new Intl.DateTimeFormat(tag, { timeZone: 'UTC', day: 'numeric', month: 'long', year: 'numeric' });
  const shortDay = new Intl.DateTimeFormat(tag, { timeZone: 'UTC', day: 'numeric', month: 'short' });
  const dayOf = new Intl.DateTimeFormat(tag, { timeZone, day: 'numeric', month: 'short' });

  return {
    number: (value: number | string | null) => (value === null ? NONE : number.format(value as number)),
    short: (value: number) => short.format(value),
    /** Decimal text in major units, to the currency's last digit. */
    money: (value: string | null, currency: string): string =>
      value === null ? NONE : moneyFormat(tag, currency, digitsOf(currency)).format(value as `${number}`),
    /** Where amounts of several currencies stand side by side: tells pesos from dollars, which share a sign. */
    namedMoney(value: string | null, currency: string, digits = digitsOf(currency)): string {
      if (value === null) return NONE;
      // English calls dollars "$" alone, as a page in pesos calls its pesos.
      const sign = locale === 'en' && currency === 'USD' ? 'code' : 'symbol';
      return moneyFormat(tag, currency, digits, sign).format(value as `${number}`);
    },
    /** For headlines: amounts of 1,000 and more without cents. */
    roundMoney(value: string | null, currency: string): string {
      if (value === null || Math.abs(Number(value)) < 1000) return this.money(value, currency);
      return moneyFormat(tag, currency, 0).format(value as `${number}`);
    },
    /** A percentage already multiplied by 100, as decimal text. */
    percent: (value: string | null) => (value === null ? NONE : `${percent.format(value as `${number}`)}\u00a0%`),
    dateTime: (date: Date | null) => (date === null ? NONE : dateTime.format(date)),
    time: (date: Date) => time.format(date),
    longDay: (day: string) => longDay.format(new Date(`${day}T00:00:00Z`)),
    shortDay: (day: string) => shortDay.format(new Date(`${day}T00:00:00Z`)),
    /** A length of time in the two largest units that matter: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`. Units are those of the SI, alike in both languages. */
    span(seconds: number | null): string {
      if (seconds === null) return NONE;
      const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
      const text = (value: number, unit: string) => `${number.format(value)}\u00a0${unit}`;
      if (seconds < 60) return text(seconds, 's');
      if (minutes < 60) return text(minutes, 'min');
      if (hours < 24) return minutes % 60 === 0 ? text(hours, 'h') : `${text(hours, 'h')} ${text(minutes % 60, 'min')}`;
      return hours % 24 === 0 ? text(hours / 24, 'd') : `${text(Math.floor(hours / 24), 'd')} ${text(hours % 24, 'h')}`;
    },
    /** Under a day "2 h ago", after that the date. */
    relative(date: Date): string {
      const agoMs = now().getTime() - date.getTime();
      if (agoMs < MINUTE_MS) return relative.format(0, 'minute');
      if (agoMs < HOUR_MS) return relative.format(-Math.floor(agoMs / MINUTE_MS), 'minute');
      if (agoMs < DAY_MS) return relative.format(-Math.floor(agoMs / HOUR_MS), 'hour');
      return dayOf.format(date);
    },
  };
}

/** Calendar days of a time zone, as `2026-11-24`. */

/** The day in `timeZone` at `at`. */
export function dayIn(timeZone: string, at: Date): string {
  return formatOf(dayFormats, { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(at);
}

/** The day of the week in `timeZone`, 1 = Monday to 7 = Sunday. */
export const weekdayIn = (timeZone: string, at: Date): number => new Date(dayIn(timeZone, at)).getUTCDay() || 7;

/** A date and time as a person of the zone says it: "jueves, 26 de noviembre, 18:30". */
export function dateWords(at: Date, locale: 'es' | 'en', timeZone: string): string {
  const key = `${locale} ${timeZone}`;
  const format =
    wordFormats.get(key) ?? new Intl.DateTimeFormat(locale === 'es' ? 'es-AR' : 'en-US', inWords(locale, timeZone));
  wordFormats.set(key, format);
  return format.format(at).replaceAll(/\s/g, ' ');
}

const inWords = (locale: 'es' | 'en', timeZone: string): Intl.DateTimeFormatOptions => ({
  ...{ timeZone, weekday: 'long', day: 'numeric', month: 'long', minute: '2-digit' },
  ...(locale === 'es' ? { hour: '2-digit', hourCycle: 'h23' } : { hour: 'numeric' }),
});

/** Minutes of the day in `timeZone`: 0 to 1439. */
export function minutesIn(timeZone: string, at: Date): number {
  const options = { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  return minutesOf(formatOf(timeFormats, options).format(at));
}

/** Of `HH:MM`. */
export function minutesOf(time: string): number {
  const [hours = '0', minutes = '0'] = time.split(':');
  return Number(hours) * 60 + Number(minutes);
}

/** `days` later (or earlier, when negative). Plain calendar arithmetic: no clock change can shorten a day. */
export function addDays(day: string, days: number): string {
  const at = new Date(`${day}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}

/** The days from `since` to `until`, both included. */
export function daysOf({ since, until }: Period): string[] {
  const days: string[] = [];
  for (let day = since; day <= until; day = addDays(day, 1)) days.push(day);
  return days;
}

/** Whole days, both included. */
export interface Period {
  since: string;
  until: string;
}

/** The `days` days ending today in the zone, today included. */
export function lastDays(timeZone: string, now: Date, days: number): Period {
  const until = dayIn(timeZone, now);
  return { since: addDays(until, 1 - days), until };
}

/** The period of the same length right before. */
export function previousOf({ since, until }: Period): Period {
  const length = Math.round((Date.parse(until) - Date.parse(since)) / 86_400_000) + 1;
  return { since: addDays(since, -length), until: addDays(since, -1) };
}

const dayFormats = new Map<string, Intl.DateTimeFormat>();
const timeFormats = new Map<string, Intl.DateTimeFormat>();
const wordFormats = new Map<string, Intl.DateTimeFormat>();

/** Made once a zone: one of these holds a tenth of a MiB outside of the heap, where no collection is in a hurry. */
function formatOf(known: Map<string, Intl.DateTimeFormat>, options: Intl.DateTimeFormatOptions & { timeZone: string }) {
  const format = known.get(options.timeZone) ?? new Intl.DateTimeFormat('en-CA', options);
  known.set(options.timeZone, format);
  return format;
}

/** Calendar days of a time zone, as `2026-11-24`. */

/** The day in `timeZone` at `at`. */
export function dayIn(timeZone: string, at: Date): string {
  return formatOf(timeZone).format(at);
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

const formats = new Map<string, Intl.DateTimeFormat>();
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  formats.set(timeZone, format);
  return format;
}

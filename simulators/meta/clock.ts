export const DAY_MS = 86_400_000;

/** The simulator's own time: the machine's, plus whatever `/_control/clock` has added. */
export interface Clock {
  now(): number;
  seconds(): number;
  advance(seconds: number): void;
  reset(): void;
}

/** A clock that starts at the machine's time; tests may give another source of milliseconds. */
export function createClock(source: () => number = Date.now): Clock {
  let offsetMs = 0;
  const now = () => source() + offsetMs;
  return {
    now,
    seconds: () => Math.floor(now() / 1000),
    advance: (seconds) => {
      offsetMs += seconds * 1000;
    },
    reset: () => {
      offsetMs = 0;
    },
  };
}

/** `2026-11-24` as a count of days, so that ranges are plain integers. NaN when it is not a date. */
export function dayNumber(date: string): number {
  return /^\d{4}-\d{2}-\d{2}$/.test(date) ? Date.parse(`${date}T00:00:00Z`) / DAY_MS : Number.NaN;
}

/** The date of a day number. */
export function dayText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** Which day it is in a time zone. */
export function dayIn(timeZone: string, ms: number): number {
  return dayNumber(wallClock(timeZone, ms).slice(0, 10));
}

/** Meta's time text: `2026-01-02T03:04:05-0300`, the offset without a colon. */
export function graphTime(ms: number, timeZone = 'UTC'): string {
  const wall = wallClock(timeZone, ms);
  const minutes = Math.round((Date.parse(`${wall}Z`) - Math.floor(ms / 1000) * 1000) / 60_000);
  const size = Math.abs(minutes);
  const hours = String(Math.floor(size / 60)).padStart(2, '0');
  return `${wall}${minutes < 0 ? '-' : '+'}${hours}${String(size % 60).padStart(2, '0')}`;
}

/** The zone's present distance from UTC in hours, as `timezone_offset_hours_utc` gives it. */
export function offsetHours(timeZone: string, ms: number): number {
  const wall = Date.parse(`${wallClock(timeZone, ms)}Z`);
  return Math.round((wall - Math.floor(ms / 1000) * 1000) / 60_000) / 60;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function wallClock(timeZone: string, ms: number): string {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
    formats.set(timeZone, format);
  }
  return format.format(ms).replace(' ', 'T');
}

import { minutesIn, minutesOf, weekdayIn } from './days.ts';

/** A tenant's hours of rest, `HH:MM` in its zone; `from` later than `until` spans midnight. */
export interface QuietHours {
  from: string;
  until: string;
  timeZone: string;
  /** Whole days of rest, 1 = Monday to 7 = Sunday. */
  days?: readonly number[];
}

const MINUTES_A_DAY = 24 * 60;

/** When the rest that holds `at` ends, or null when `at` is not quiet. Local clock changes shift the end by the change. */
export function quietUntil(quiet: QuietHours, at: Date): Date | null {
  let end = at;
  // A quiet night leads into a quiet day and out of it again; six days of rest are the most a week may have.
  for (let step = 0; step < 16; step++) {
    const minutes = quietMinutesLeft(quiet, end);
    if (minutes === 0) break;
    end = new Date(end.getTime() - (end.getTime() % 60_000) + minutes * 60_000);
  }
  return end === at ? null : end;
}

function quietMinutesLeft({ from, until, timeZone, days = [] }: QuietHours, at: Date): number {
  const [start, end, now] = [minutesOf(from), minutesOf(until), minutesIn(timeZone, at)];
  if (days.includes(weekdayIn(timeZone, at))) return MINUTES_A_DAY - now;
  if (start === end) return 0;
  const isQuiet = start < end ? now >= start && now < end : now >= start || now < end;
  return isQuiet ? (end - now + MINUTES_A_DAY) % MINUTES_A_DAY : 0;
}

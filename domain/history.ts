import { addDays } from './days.ts';
import type { Slice } from './insights.ts';

/** Meta keeps figures for so many months; a day earlier is refused (error 3018). */
export const HISTORY_MONTHS = 37;
const SLICE_DAYS = 31;

/** The first day of a history of so many months, never one that Meta would refuse while we ask. */
export function historyStart(today: string, months: number): string {
  const wanted = monthsBefore(today, Math.min(months, HISTORY_MONTHS));
  const oldest = addDays(monthsBefore(today, HISTORY_MONTHS), 1);
  return wanted < oldest ? oldest : wanted;
}

/** The next slice back in time, or null once everything wanted was read. `readSince` is the oldest day that was. */
export function nextHistorySlice(wantedSince: string, readSince: string, today: string): Slice | null {
  const since = wantedSince < historyStart(today, HISTORY_MONTHS) ? historyStart(today, HISTORY_MONTHS) : wantedSince;
  const until = addDays(readSince, -1);
  if (until < since) return null;
  const start = addDays(until, 1 - SLICE_DAYS);
  return { since: start < since ? since : start, until };
}

// A 31st in a month of 30 days becomes the 1st of the next: later, so never refused.
function monthsBefore(day: string, months: number): string {
  const at = new Date(`${day}T00:00:00Z`);
  at.setUTCMonth(at.getUTCMonth() - months);
  return at.toISOString().slice(0, 10);
}

import { addDays } from './days.ts';
import type { Slice } from './insights.ts';

/** What Meta says of an asynchronous report; null right after it was made, when Meta may not find it yet. */
export interface ReportStatus {
  status: string;
  percent: number;
}

/** A report that was asked for. */
export interface AskedReport {
  askedAt: Date;
  /** How often it was asked after. */
  polls: number;
  /** Which report of this window it is. */
  attempts: number;
}

export type ReportStep = { step: 'read' } | { step: 'wait'; ms: number } | { step: 'again' } | { step: 'split' };

const FIRST_POLL_MS = 10_000;
const SLOWEST_POLL_MS = 5 * 60_000;
/** A job may take an hour (reference/meta.md 3.3): only then is it stuck. Restarting sooner feeds the throttle. */
const STUCK_AFTER_MS = 60 * 60_000;
const MOST_ATTEMPTS = 3;
const ENDED: readonly string[] = ['Job Failed', 'Job Skipped'];

/** What to do about a report. Done is only `Job Completed` at 100 per cent: a failed one may say 100 too, a completed one less. */
export function reportStep(report: AskedReport, told: ReportStatus | null, now: Date): ReportStep {
  if (told !== null && told.status === 'Job Completed' && told.percent >= 100) return { step: 'read' };
  const isStuck = now.getTime() - report.askedAt.getTime() >= STUCK_AFTER_MS;
  if (isStuck || (told !== null && ENDED.includes(told.status)))
    return report.attempts < MOST_ATTEMPTS ? { step: 'again' } : { step: 'split' };
  return { step: 'wait', ms: Math.min(SLOWEST_POLL_MS, FIRST_POLL_MS * 2 ** Math.min(report.polls, 10)) };
}

/** The halves of a window, the newer first; null for a single day, which has none. */
export function halvesOf({ since, until }: Slice): [Slice, Slice] | null {
  const days = Math.round((Date.parse(until) - Date.parse(since)) / 86_400_000) + 1;
  if (days < 2) return null;
  const middle = addDays(since, Math.floor(days / 2));
  return [
    { since: middle, until },
    { since, until: addDays(middle, -1) },
  ];
}

/** More rows than this are asked for as a report from the start: sixty pages. */
export const REPORT_FROM_ROWS = 30_000;

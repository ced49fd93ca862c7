/** Meta counts a form's leads; so do we. What the two numbers say, and what is read because of them. Without zod: workflows may use it. */

/** `recent`: the last week. `deep`: as far back as Meta keeps leads. */
export type Depth = 'recent' | 'deep';

export interface FormCounts {
  /** Meta's figure. */
  leadsCount: number;
  /** Captured here, test leads aside: Meta does not count them either. */
  here: number;
  /** Counted by Meta but too old to be read. */
  unreachable: number;
  /** When its leads were last read, epoch milliseconds. */
  readAt: number | null;
  /** Null also when the last reading of a week left a difference: what is missing is older. */
  deepReadAt: number | null;
}

const DAY_MS = 24 * 60 * 60_000;
const DEPTH_MS = { recent: 7 * DAY_MS, deep: 90 * DAY_MS } as const;
// Leads are listed by the time they were submitted: this covers two clocks that differ.
const OVERLAP_MS = 10 * 60_000;

/** How many leads Meta has that are not here; below zero, Meta forgot some that are. */
export const missingOf = ({ leadsCount, here, unreachable }: Omit<FormCounts, 'readAt' | 'deepReadAt'>): number =>
  leadsCount - unreachable - here;

/** Which reading a form needs now: none while the figures agree and it was read within a day. */
export function readingOf(form: FormCounts, now: number): Depth | null {
  if (form.readAt === null || form.deepReadAt === null) return 'deep';
  return missingOf(form) !== 0 || now - form.readAt >= DAY_MS ? 'recent' : null;
}

/** Leads submitted from here on are read. */
export const readSince = (depth: Depth, now: number): Date => new Date(now - DEPTH_MS[depth] - OVERLAP_MS);

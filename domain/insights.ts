/** What Meta's figures mean for us (reference/figures.md). */

import { addDays, dayIn, minutesIn } from './days.ts';

/** One of Meta's action types; they overlap, so exactly one counts as "leads" and they are never summed. */
export const LEAD_ACTION_TYPES = [
  'onsite_conversion.lead_grouped',
  'lead',
  'offsite_conversion.fb_pixel_lead',
] as const;
export type LeadActionType = (typeof LEAD_ACTION_TYPES)[number];

/** Instant forms, the usual case. */
export const DEFAULT_LEAD_ACTION: LeadActionType = 'onsite_conversion.lead_grouped';

export interface CountedAction {
  type: string;
  value: number;
}

/** How many leads Meta counts: the value of the account's one action type, 0 when Meta left it out. */
export const leadsIn = (actions: readonly CountedAction[], leadActionType: string): number =>
  actions.find(({ type }) => type === leadActionType)?.value ?? 0;

/** Whole days of an account's zone, both included, as `2026-11-24`. */
export interface Slice {
  since: string;
  until: string;
}

/** Which days a sync reads of one account. */
export type SyncWindow = 'first' | 'wide' | 'narrow';

const HISTORY_DAYS = 90;
const WIDE_DAYS = 28;
const NARROW_DAYS = 3;
const SLICE_DAYS = 31;

/** The slices of a window ending `today`, newest first: the first sync shows the last 28 days before it fetches the rest of its 90. */
export function slicesOf(window: SyncWindow, today: string): Slice[] {
  if (window === 'narrow') return [sliceOf(today, 0, NARROW_DAYS)];
  const slices = [sliceOf(today, 0, WIDE_DAYS)];
  if (window === 'wide') return slices;
  for (let from = WIDE_DAYS; from < HISTORY_DAYS; from += SLICE_DAYS) {
    slices.push(sliceOf(today, from, Math.min(SLICE_DAYS, HISTORY_DAYS - from)));
  }
  return slices;
}

const HOUR_MS = 60 * 60_000;
const NIGHT_HOURS: readonly number[] = [1, 2, 3, 4];

/**
 * Which window an account needs now. Meta restates for 28 days, so those are re-read once a day: in the account's night, or at any hour when a
 * night was missed.
 */
export function windowFor(
  account: { timeZone: string; lastSyncedAt: Date | null; wideSyncedAt: Date | null },
  now: Date,
): SyncWindow {
  if (account.lastSyncedAt === null || account.wideSyncedAt === null) return 'first';
  const sinceWideMs = now.getTime() - account.wideSyncedAt.getTime();
  if (sinceWideMs >= 28 * HOUR_MS) return 'wide';
  const isNight = NIGHT_HOURS.includes(Math.floor(minutesIn(account.timeZone, now) / 60));
  return isNight && sinceWideMs >= 20 * HOUR_MS ? 'wide' : 'narrow';
}

/** More than Meta's clock and ours differ, and than a change takes to show. */
const OVERLAP_MS = HOUR_MS;

/** Since when an object must have changed to be worth reading, after all were read at `readAt`. */
export const changedSince = (readAt: Date | null): Date | null =>
  readAt === null ? null : new Date(readAt.getTime() - OVERLAP_MS);

/**
 * Whether our last reading of a day came after the day was over: only then is a different figure a restatement and not simply more of the day.
 * A day that leaves the three of a narrow run is read again by the next wide one only.
 */
export function overWhenRead(account: {
  timeZone: string;
  lastSyncedAt: Date | null;
  wideSyncedAt: Date | null;
}): (day: string) => boolean {
  const { timeZone, lastSyncedAt, wideSyncedAt } = account;
  if (lastSyncedAt === null || wideSyncedAt === null) return () => false; // its history was never read whole
  const [last, wide] = [dayIn(timeZone, lastSyncedAt), dayIn(timeZone, wideSyncedAt)];
  const narrowSince = addDays(last, 1 - NARROW_DAYS);
  return (day) => day < (day >= narrowSince ? last : wide);
}

/**
 * The days of a slice whose sum is compared with Meta's own total of the account: of slices of 28 days and more, and without today, which grows
 * between two calls. Null for the short ones.
 */
export function controlledDays({ since, until }: Slice, today: string): Slice | null {
  if (since > addDays(until, 1 - WIDE_DAYS)) return null;
  return { since, until: until < today ? until : addDays(today, -1) };
}

/** For this many days what Meta restated stays on record. */
export const LEDGER_DAYS = 90;
/** So many days after it, Meta changes a day no more. */
export const SETTLED_AFTER_DAYS = WIDE_DAYS;

function sliceOf(today: string, daysBack: number, length: number): Slice {
  return { since: addDays(today, 1 - daysBack - length), until: addDays(today, -daysBack) };
}

/** Every tenant's campaigns are copied this often. */
export const SYNC_EVERY_MS = 4 * HOUR_MS;

/** Where in the four hours a tenant's turn comes, in milliseconds: spread by a hash, so that not all call Meta at once. */
export function syncOffsetMs(tenantId: number): number {
  // Knuth's multiplicative hash: neighbouring ids land far apart.
  const spread = Math.imul(tenantId, 2_654_435_761) >>> 0;
  return Math.floor((spread / 2 ** 32) * (SYNC_EVERY_MS / 1000)) * 1000;
}

/** When the tenant's next scheduled sync starts: intervals count from the epoch, as Temporal's do. */
export function nextSyncAt(tenantId: number, now: Date): Date {
  const offset = syncOffsetMs(tenantId);
  const turns = Math.floor((now.getTime() - offset) / SYNC_EVERY_MS) + 1;
  return new Date(turns * SYNC_EVERY_MS + offset);
}

/** Decisions about a tenant's Meta connection. Used by workflows: no zod, no clock, no randomness. */

export type ConnectionStatus =
  | 'not_connected'
  | 'connecting'
  | 'connected'
  | 'refreshing'
  | 'reconnect_needed'
  | 'disconnected';

/** Which status may follow which. A second sign-in while connected is a side track and moves nothing until it is confirmed. */
export const CONNECTION_MOVES: Readonly<Record<ConnectionStatus, readonly ConnectionStatus[]>> = {
  not_connected: ['connecting'],
  connecting: ['connected', 'not_connected', 'disconnected'],
  connected: ['connected', 'refreshing', 'reconnect_needed', 'disconnected'],
  refreshing: ['connected', 'reconnect_needed', 'disconnected'],
  reconnect_needed: ['connected', 'disconnected'],
  disconnected: ['connecting'],
};

export const canMove = (from: ConnectionStatus, to: ConnectionStatus): boolean => CONNECTION_MOVES[from].includes(to);

/** Whether campaigns and leads can be read now. */
export const isLive = (status: ConnectionStatus): boolean => status === 'connected' || status === 'refreshing';

/** The steps of one sign-in. `failed` and `superseded` are ends, as is `confirmed`. */
export type AttemptStep =
  | 'started'
  | 'returned'
  | 'exchanged'
  | 'business_selected'
  | 'assets_selected'
  | 'confirmed'
  | 'failed'
  | 'superseded';

export type AttemptAction = 'selectBusiness' | 'selectAssets' | 'confirm';

/** At which steps each choice may be made: going back and choosing again is allowed until the end. */
export const ATTEMPT_ACTIONS: Readonly<Record<AttemptAction, readonly AttemptStep[]>> = {
  selectBusiness: ['exchanged', 'business_selected', 'assets_selected'],
  selectAssets: ['business_selected', 'assets_selected'],
  confirm: ['assets_selected'],
};

export const mayAct = (step: AttemptStep, action: AttemptAction): boolean => ATTEMPT_ACTIONS[action].includes(step);

/** The person has this long at Meta's page; `state` lives no longer. */
export const STATE_LIFE_MS = 10 * 60_000;
/** And this long for the whole wizard; then the candidate token is erased. */
export const ATTEMPT_LIFE_MS = 60 * 60_000;

const DAY_MS = 24 * 60 * 60_000;
/** Renewal starts this long before the token ends. */
export const RENEWAL_MARGIN_MS = 7 * DAY_MS;
const RENEWAL_JITTER_MS = DAY_MS / 2;
const AFTER_UNMOVED_MS = DAY_MS;
const AFTER_FAILED_MS = DAY_MS / 3;

/** Both ends of a token, in epoch milliseconds; null = never. */
export interface TokenEnds {
  expiresAt: number | null;
  dataAccessExpiresAt: number | null;
}

/** Both ends as they are stored and as Meta gives them. */
export interface TokenDates {
  expiresAt: Date | null;
  dataAccessExpiresAt: Date | null;
}

export const endsOf = ({ expiresAt, dataAccessExpiresAt }: TokenDates): TokenEnds => ({
  expiresAt: expiresAt?.getTime() ?? null,
  dataAccessExpiresAt: dataAccessExpiresAt?.getTime() ?? null,
});

/** The earlier of the two as a date; null when neither comes. */
export function endDateOf(dates: TokenDates): Date | null {
  const end = tokenEnd(endsOf(dates));
  return end === null ? null : new Date(end);
}

/** When the token stops being useful: the earlier of its two ends, or null when neither comes. */
export function tokenEnd({ expiresAt, dataAccessExpiresAt }: TokenEnds): number | null {
  const ends = [expiresAt, dataAccessExpiresAt].filter((end) => end !== null);
  return ends.length === 0 ? null : Math.min(...ends);
}

/** What became of the last renewal, and when. */
export interface RenewalTry {
  at: number;
  outcome: 'moved' | 'unmoved' | 'failed';
}

/**
 * When to act next, in epoch milliseconds: the renewal (7 days and up to 12 hours before the end, `jitter` 0 to 1), the next try after one that
 * brought nothing (a day, or 8 hours when Meta did not answer), or the end itself. Null = never.
 */
export function nextRenewal(ends: TokenEnds, lastTry: RenewalTry | null, jitter: number): number | null {
  const end = tokenEnd(ends);
  if (end === null) return null;
  const planned = end - RENEWAL_MARGIN_MS - Math.round(jitter * RENEWAL_JITTER_MS);
  if (lastTry === null || planned > lastTry.at) return planned;
  return Math.min(end, lastTry.at + (lastTry.outcome === 'failed' ? AFTER_FAILED_MS : AFTER_UNMOVED_MS));
}

/** On which days before the end a person is reminded, once a renewal brought nothing. */
export const REMINDER_DAYS = [7, 3, 1] as const;

/** What a reminder tells; the words are the reader's language. */
export interface ReminderFacts {
  days: number;
  endsAt: Date;
  businessName: string | null;
}

/**
 * The reminder that is due or comes next: `at` in epoch milliseconds, of the `days` before the end; null while renewing works. Of several that are
 * due, after an outage, only the latest. `reminded` = days of the last one given for this end.
 */
export function nextReminder(
  ends: TokenEnds,
  lastTry: RenewalTry | null,
  reminded: number | null,
  now: number,
): { at: number; days: number } | null {
  const end = tokenEnd(ends);
  if (end === null || lastTry === null || lastTry.outcome === 'moved') return null;
  const open = REMINDER_DAYS.filter((days) => days < (reminded ?? Number.POSITIVE_INFINITY));
  const days = open.findLast((each) => end - each * DAY_MS <= now) ?? open[0];
  return days === undefined ? null : { at: end - days * DAY_MS, days };
}

/**
 * Whether a renewal did its work: the end moved (by an hour at least, since Meta's clock and ours differ) or lies well ahead anyway, as after
 * "Renew now" on a young token.
 */
export function isRenewed(before: TokenEnds, after: TokenEnds, now: number): boolean {
  const [from, to] = [tokenEnd(before), tokenEnd(after)];
  if (to === null) return true;
  return (from !== null && to - from >= 60 * 60_000) || to - now > 2 * RENEWAL_MARGIN_MS;
}

/** What we ask of the person at Meta, in the order the dialog shows it (reference/meta.md 1.2). */
export const REQUIRED_SCOPES = [
  'ads_read',
  'business_management',
  'leads_retrieval',
  'pages_show_list',
  'pages_read_engagement',
  'pages_manage_ads',
  'pages_manage_metadata',
] as const;

export const missingScopes = (granted: readonly string[]): string[] =>
  REQUIRED_SCOPES.filter((scope) => !granted.includes(scope));

/** To subscribe a page and read its leads the person needs to manage it or advertise for it. */
export const PAGE_TASKS = ['MANAGE', 'ADVERTISE'] as const;

export type PageProblem = 'task_missing' | 'token_missing';

/** Subcode of error 190 for a page's own token whose person has no role on the page any more (reference/meta.md section 6). */
export const PAGE_ROLE_LOST = 492;

/** Why a connected page gives no leads, found when it was asked for them. */
export type PageTrouble = 'page_role_lost' | 'leads_access_missing' | 'token_missing' | 'app_removed';

/** What a refusal `permission_missing` says of the page it was asked of. */
export function pageTrouble({ subcode, reason }: Readonly<Record<string, unknown>>): PageTrouble {
  if (reason === 'token_missing') return 'token_missing';
  return subcode === PAGE_ROLE_LOST ? 'page_role_lost' : 'leads_access_missing';
}

/** Why a page cannot deliver leads for this person, or null. */
export function pageProblem(page: { tasks: readonly string[]; hasToken: boolean }): PageProblem | null {
  if (!PAGE_TASKS.some((task) => page.tasks.includes(task))) return 'task_missing';
  return page.hasToken ? null : 'token_missing';
}

/** Meta's `account_status` as we speak of it (reference/meta.md section 2). */
export type AdAccountState = 'active' | 'disabled' | 'unsettled' | 'in_review' | 'closed' | 'other';

export function adAccountState(status: number): AdAccountState {
  if (status === 1) return 'active';
  if (status === 2) return 'disabled';
  if (status === 3 || status === 8 || status === 9) return 'unsettled';
  if (status === 7) return 'in_review';
  return status === 100 || status === 101 ? 'closed' : 'other';
}

/** Why Meta refused a token, from the subcode of error 190 (reference/meta.md section 6). */
export type RejectionReason =
  | 'app_removed'
  | 'checkpoint'
  | 'password_changed'
  | 'expired'
  | 'unconfirmed_user'
  | 'invalidated'
  | 'page_role_lost'
  | 'data_access_ended'
  | 'invalid';

const REASONS: Readonly<Record<number, RejectionReason>> = {
  458: 'app_removed',
  459: 'checkpoint',
  460: 'password_changed',
  463: 'expired',
  464: 'unconfirmed_user',
  467: 'invalidated',
  492: 'page_role_lost',
};

export const rejectionReason = (subcode: number | null): RejectionReason =>
  (subcode === null ? undefined : REASONS[subcode]) ?? 'invalid';

/** Which end of a token has come, as the reason why a person must sign in again. */
export const endReason = ({ expiresAt }: TokenEnds, now: number): RejectionReason =>
  expiresAt !== null && expiresAt <= now ? 'expired' : 'data_access_ended';

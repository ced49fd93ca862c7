import { adAccountState, missingScopes, PAGE_TASKS, rejectionReason, type TokenEnds, tokenEnd } from './connection.ts';

/** The check-up of a connection, in the order in which one thing depends on the one before. */
export const CHECKS = [
  'token',
  'expiry',
  'scopes',
  'ad_accounts',
  'page_roles',
  'leads_access',
  'subscriptions',
  'webhook',
  'app_live',
  'last_lead',
  'usage',
  'version',
] as const;
export type Check = (typeof CHECKS)[number];

/** `unknown`: it could not be asked, or Meta does not tell. */
export type Verdict = 'ok' | 'warn' | 'bad' | 'unknown';

/** What one check found. `reason` names the sentence and its fix; `subjects` are what it is about: names of scopes, accounts or pages. */
export interface Finding {
  check: Check;
  verdict: Verdict;
  reason: string;
  subjects: readonly string[];
}

export const finding = (check: Check, verdict: Verdict, reason: string, subjects: readonly string[] = []): Finding => ({
  check,
  verdict,
  reason,
  subjects,
});

const DAY_MS = 24 * 60 * 60_000;

export function checkToken({ isValid, subcode }: { isValid: boolean; subcode: number | null }): Finding {
  return isValid ? finding('token', 'ok', 'valid') : finding('token', 'bad', rejectionReason(subcode));
}

/** Renewal begins 7 days before the end: later than that it should not come. */
export function checkExpiry(ends: TokenEnds, now: number): Finding {
  const end = tokenEnd(ends);
  if (end === null) return finding('expiry', 'ok', 'never');
  const days = Math.ceil((end - now) / DAY_MS);
  if (days <= 1) return finding('expiry', 'bad', 'ends_today');
  return days < 7
    ? finding('expiry', 'warn', 'ends_soon', [String(days)])
    : finding('expiry', 'ok', 'ends_later', [String(days)]);
}

export function checkScopes(granted: readonly string[]): Finding {
  const missing = missingScopes(granted);
  return missing.length === 0 ? finding('scopes', 'ok', 'complete') : finding('scopes', 'bad', 'missing', missing);
}

/** The chosen accounts against those that the token reaches now. */
export function checkAdAccounts(
  chosen: readonly { adAccountId: string; name: string }[],
  reached: readonly { adAccountId: string; status: number }[],
): Finding {
  if (chosen.length === 0) return finding('ad_accounts', 'bad', 'none');
  const stateOf = new Map(reached.map(({ adAccountId, status }) => [adAccountId, adAccountState(status)]));
  const namesOf = (match: (state: string | undefined) => boolean) =>
    chosen.filter(({ adAccountId }) => match(stateOf.get(adAccountId))).map(({ name }) => name);
  const lost = namesOf((state) => state === undefined);
  if (lost.length > 0) return finding('ad_accounts', 'bad', 'unreachable', lost);
  const stopped = namesOf((state) => state === 'disabled' || state === 'closed');
  if (stopped.length > 0) return finding('ad_accounts', 'bad', 'disabled', stopped);
  const uneasy = namesOf((state) => state !== 'active');
  return uneasy.length > 0
    ? finding('ad_accounts', 'warn', 'unsettled', uneasy)
    : finding(
        'ad_accounts',
        'ok',
        'active',
        chosen.map(({ name }) => name),
      );
}

/** Whether the person may still act for each chosen page. */
export function checkPageRoles(
  chosen: readonly { pageId: string; name: string }[],
  held: readonly { pageId: string; tasks: readonly string[] }[],
): Finding {
  if (chosen.length === 0) return finding('page_roles', 'warn', 'none');
  const tasksOf = new Map(held.map(({ pageId, tasks }) => [pageId, tasks]));
  const lost = chosen.filter(({ pageId }) => !PAGE_TASKS.some((task) => tasksOf.get(pageId)?.includes(task)));
  return lost.length > 0
    ? finding(
        'page_roles',
        'bad',
        'task_missing',
        lost.map(({ name }) => name),
      )
    : finding(
        'page_roles',
        'ok',
        'held',
        chosen.map(({ name }) => name),
      );
}

/** A question asked of each page: the names of those that refused it or answered no. */
export function checkPages(
  check: 'leads_access' | 'subscriptions',
  answers: readonly { name: string; isFine: boolean }[],
): Finding {
  if (answers.length === 0) return finding(check, 'unknown', 'no_page');
  const refused = answers.filter(({ isFine }) => !isFine).map(({ name }) => name);
  return refused.length > 0 ? finding(check, 'bad', 'refused', refused) : finding(check, 'ok', 'fine');
}

/** The app's one callback for pages against the address we answer at. */
export function checkWebhook(
  subscriptions: readonly { object: string; callbackUrl: string; isActive: boolean; fields: readonly string[] }[],
  ourUrl: string,
): Finding {
  const page = subscriptions.find(({ object }) => object === 'page');
  if (page === undefined) return finding('webhook', 'bad', 'none', [ourUrl]);
  if (page.callbackUrl !== ourUrl) return finding('webhook', 'bad', 'elsewhere', [ourUrl]);
  if (!page.isActive) return finding('webhook', 'bad', 'inactive', [ourUrl]);
  return page.fields.includes('leadgen')
    ? finding('webhook', 'ok', 'ours')
    : finding('webhook', 'bad', 'no_leadgen', [ourUrl]);
}

/** The newest lead of a page, and how it came. */
export interface LastLead {
  receivedAt: number;
  isTest: boolean;
  /** A comparison brought it: no webhook told of it. */
  isRecovered: boolean;
}

const RECENT_MS = 30 * DAY_MS;

/** Meta does not tell the app's mode. In development mode only people with a role on the app make webhooks, so a stranger's lead is the proof. */
export function checkAppLive(lastByWebhook: LastLead | null, now: number): Finding {
  const isProof = lastByWebhook !== null && !lastByWebhook.isTest && now - lastByWebhook.receivedAt < RECENT_MS;
  return isProof ? finding('app_live', 'ok', 'leads_come') : finding('app_live', 'unknown', 'not_told');
}

/** Whether the newest lead came the way it should. */
export function checkLastLead(last: LastLead | null): Finding {
  if (last === null) return finding('last_lead', 'unknown', 'none');
  return last.isRecovered ? finding('last_lead', 'warn', 'recovered') : finding('last_lead', 'ok', 'by_webhook');
}

/** `ratio` 0 to 1 of the fullest of Meta's limits, as the last replies said; null before the first. */
export function checkUsage(ratio: number | null): Finding {
  if (ratio === null) return finding('usage', 'unknown', 'not_told');
  const percent = [String(Math.round(ratio * 100))];
  if (ratio >= 0.95) return finding('usage', 'bad', 'stopped', percent);
  return ratio >= 0.8 ? finding('usage', 'warn', 'slow', percent) : finding('usage', 'ok', 'free', percent);
}

/** Graph does not refuse a version that ended: it serves another one. */
export const differsFrom = (configured: string, served: string | null): boolean =>
  served !== null && served !== configured;

export const checkVersion = (served: string | null, configured: string): Finding =>
  differsFrom(configured, served)
    ? finding('version', 'warn', 'differs', [configured])
    : finding('version', 'ok', 'same', [configured]);

const ORDER: Readonly<Record<Verdict, number>> = { bad: 0, warn: 1, unknown: 2, ok: 3 };

/** What needs a person first; within that, in the order of dependence. */
export const byUrgency = (findings: readonly Finding[]): Finding[] =>
  findings.toSorted((one, other) => ORDER[one.verdict] - ORDER[other.verdict]);

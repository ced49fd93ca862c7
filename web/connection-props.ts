import type { SelectedAccount } from '../adapters/postgres/ad-accounts.ts';
import type { CheckUp } from '../adapters/postgres/connection-checks.ts';
import type { Connection } from '../adapters/postgres/connections.ts';
import type { Attempt } from '../adapters/postgres/oauth-attempts.ts';
import type { TenantPage } from '../adapters/postgres/pages.ts';
import {
  adAccountState,
  endDateOf,
  isLive,
  missingScopes,
  pageProblem,
  RENEWAL_MARGIN_MS,
  REQUIRED_SCOPES,
} from '../domain/connection.ts';
import { byUrgency, differsFrom, type Verdict } from '../domain/connection-checks.ts';

const DAY_MS = 24 * 60 * 60_000;

export type BannerKind = 'none' | 'connected' | 'renews_soon' | 'renewal_failed' | 'reconnect_soon' | 'reconnect';

/** What the banner says: nothing to do, or one thing. */
export function bannerProps(connection: Connection, now: Date) {
  const end = endDateOf(connection);
  const daysLeft = end === null ? null : Math.max(0, Math.ceil((end.getTime() - now.getTime()) / DAY_MS));
  return {
    connection: {
      status: connection.status,
      isConnected: isLive(connection.status),
      kind: bannerKind(connection, daysLeft),
      reason: connection.reason,
      since: connection.connectedAt,
      endsAt: end,
      daysLeft,
    },
  };
}

function bannerKind({ status, reason }: Connection, daysLeft: number | null): BannerKind {
  if (status === 'reconnect_needed') return 'reconnect';
  if (!isLive(status)) return 'none';
  if (reason === 'not_renewed') return 'reconnect_soon';
  if (reason !== null) return 'renewal_failed';
  return daysLeft !== null && daysLeft <= 7 ? 'renews_soon' : 'connected';
}

/** The same facts for programs. */
export function tokenStatus(tenantId: number, connection: Connection, now: Date) {
  const { kind, daysLeft, endsAt } = bannerProps(connection, now).connection;
  return {
    tenant_id: tenantId,
    connected: isLive(connection.status),
    status: connection.status,
    reason: connection.reason,
    needs_attention: kind === 'reconnect' || kind === 'reconnect_soon' || kind === 'renewal_failed',
    expires_at: connection.expiresAt,
    data_access_expires_at: connection.dataAccessExpiresAt,
    ends_at: endsAt,
    days_left: daysLeft,
    business: connection.businessId === null ? null : { id: connection.businessId, name: connection.businessName },
    scopes: connection.scopes,
    missing_scopes: isLive(connection.status) ? missingScopes(connection.scopes) : [],
    last_call_at: connection.lastCallAt,
  };
}

const LIFE_WIDTH = 600;

/** The token's life as the picture shows it: 0 to 600 from issue to end. Null for a token that never ends. */
export function lifeLine(connection: Connection, now: Date) {
  const issuedAt = connection.refreshedAt ?? connection.issuedAt;
  const end = endDateOf(connection);
  if (issuedAt === null || end === null || end <= issuedAt) return null;
  const renewalAt = new Date(end.getTime() - RENEWAL_MARGIN_MS);
  const x = (at: Date) => {
    const share = (at.getTime() - issuedAt.getTime()) / (end.getTime() - issuedAt.getTime());
    return Math.round(LIFE_WIDTH * Math.min(1, Math.max(0, share)));
  };
  const days = (from: Date, to: Date) => Math.max(0, Math.round((to.getTime() - from.getTime()) / DAY_MS));
  return {
    issuedAt,
    renewalAt,
    end,
    today: now,
    dates: [
      ['firstIssued', connection.issuedAt],
      ['refreshed', connection.refreshedAt],
      ['expires', connection.expiresAt],
      ['dataAccess', connection.dataAccessExpiresAt],
    ] as const,
    x: { renewal: x(renewalAt), today: x(now), width: LIFE_WIDTH },
    day: days(issuedAt, now),
    days: days(issuedAt, end),
    renewalDay: days(issuedAt, renewalAt),
  };
}

/** The health page's facts beside the banner. */
export function healthProps(
  connection: Connection,
  accounts: readonly SelectedAccount[],
  pages: readonly TenantPage[],
  now: Date,
) {
  return {
    businessName: connection.businessName,
    connectedAt: connection.connectedAt,
    lastCallAt: connection.lastCallAt,
    isLive: isLive(connection.status),
    canDisconnect: isLive(connection.status) || connection.status === 'reconnect_needed',
    never: isLive(connection.status) && endDateOf(connection) === null,
    life: isLive(connection.status) ? lifeLine(connection, now) : null,
    scopes: REQUIRED_SCOPES.map((name) => ({ name, isHeld: connection.scopes.includes(name) })),
    accounts: accounts.map((account) => ({ ...account, state: adAccountState(account.status) })),
    pages,
    pagesRefusing: pages.filter(({ problem }) => problem !== null).length,
  };
}

/** The last check-up of this very connection, what needs a person first. `checkedAt` null: there was none. */
export function checkUpProps(given: CheckUp | null, { status, connectedAt }: Connection) {
  const isThere = isLive(status) || status === 'reconnect_needed';
  const checkUp = isThere && given !== null && (connectedAt === null || given.checkedAt >= connectedAt) ? given : null;
  const findings = byUrgency(checkUp?.findings ?? []);
  const count = (verdict: Verdict) => findings.filter((each) => each.verdict === verdict).length;
  return { checkedAt: checkUp?.checkedAt ?? null, findings, failing: count('bad'), uneasy: count('warn') };
}

/** Set when Graph served the last call with another version than the configured one. */
export const versionProps = ({ servedVersion }: Connection, configured: string) => ({
  otherVersion: differsFrom(configured, servedVersion) ? { served: servedVersion, configured } : null,
});

export type WizardStep = 'waiting' | 'business' | 'assets' | 'confirm' | 'ended';

/** Where the person is in the wizard; `wanted` lets them go back to a step that is behind them. */
export function wizardStep({ status }: Pick<Attempt, 'status'>, wanted: string | undefined): WizardStep {
  if (status === 'started' || status === 'returned') return 'waiting';
  if (status === 'failed' || status === 'superseded' || status === 'confirmed') return 'ended';
  if (status === 'exchanged' || wanted === 'business') return 'business';
  return status === 'business_selected' || wanted === 'assets' ? 'assets' : 'confirm';
}

/** A step's facts, with what was chosen before, or all that can be chosen where nothing was. */
export function wizardProps(attempt: Attempt, step: WizardStep) {
  const pages = attempt.pages.map((page) => ({ ...page, problem: pageProblem(page) }));
  const accounts = attempt.adAccounts.map((account) => ({ ...account, state: adAccountState(account.status) }));
  const isFirstLook = attempt.adAccountIds.length === 0;
  return {
    attempt: { id: attempt.id, status: attempt.status, error: attempt.error, missingScopes: attempt.missingScopes },
    step,
    number: { waiting: 1, business: 2, assets: 3, confirm: 4, ended: 4 }[step],
    isReturned: attempt.status === 'returned',
    businesses: attempt.businesses,
    businessId: attempt.businessId,
    businessName: attempt.businesses.find(({ businessId }) => businessId === attempt.businessId)?.name ?? null,
    accounts: accounts.map((account) => ({
      ...account,
      isChosen: isFirstLook ? account.state === 'active' : attempt.adAccountIds.includes(account.adAccountId),
    })),
    pages: pages.map((page) => ({
      ...page,
      isChosen: page.problem === null && (isFirstLook || attempt.pageIds.includes(page.pageId)),
    })),
  };
}

import type { MetaClient } from '../adapters/meta/client.ts';
import type { Connections } from '../adapters/postgres/connections.ts';
import type { MetaUsers } from '../adapters/postgres/meta-users.ts';
import type { Attempt, OauthAttempts } from '../adapters/postgres/oauth-attempts.ts';
import type { Pages, PageToConnect } from '../adapters/postgres/pages.ts';
import { type Actor, system } from '../domain/actor.ts';
import {
  endsOf,
  isRenewed,
  missingScopes,
  pageProblem,
  rejectionReason,
  STATE_LIFE_MS,
  type TokenEnds,
} from '../domain/connection.ts';
import { AppError } from '../domain/error.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { revokeAlone, unsubscribeAlone } from './leaving-meta.ts';

/** The Schedules a living connection needs, as adapters/temporal/schedules.ts makes them. */
export interface SyncSchedules {
  /** Makes or updates the tenant's Schedule and starts a sync now. Safe to repeat. */
  startCampaignSync(tenantId: number): Promise<void>;
  /** Removes it; not being there is success. */
  stopCampaignSync(tenantId: number): Promise<void>;
  /** The hourly comparison of leads, beginning now. Safe to repeat. */
  startLeadReconciliation(tenantId: number): Promise<void>;
  stopLeadReconciliation(tenantId: number): Promise<void>;
}

export interface ConnectionDeps {
  meta: Pick<
    MetaClient,
    | 'exchangeCode'
    | 'extend'
    | 'inspect'
    | 'grantedScopes'
    | 'businesses'
    | 'adAccounts'
    | 'pages'
    | 'subscribe'
    | 'unsubscribe'
    | 'revoke'
    | 'servedVersion'
  >;
  connections: Connections;
  attempts: OauthAttempts;
  pages: Pages;
  metaUsers: Pick<MetaUsers, 'sharersOf'>;
  schedules: SyncSchedules;
  live: LiveUpdates;
  now?: () => number;
}

interface OfAttempt {
  tenantId: number;
  attemptId: string;
}

export type ConnectionActivities = ReturnType<typeof createConnectionActivities>;

/** What the connection's workflow has done for it. Tokens and codes live here for the length of one call and are never returned. */
export function createConnectionActivities(deps: ConnectionDeps) {
  const { meta, connections, attempts, pages, schedules, live, now = Date.now } = deps;
  const changed = (tenantId: number) => live.publish(tenantId, 'connection');
  return {
    /** A sign-in begins: older open ones end. */
    async beginAttempt({ tenantId, attemptId }: OfAttempt): Promise<void> {
      await connections.begin(tenantId, attemptId);
      changed(tenantId);
    },
    /** The parked code becomes a long-lived token, its scopes and businesses are read. `failed`: the attempt's row says why. */
    async exchangeCode({ tenantId, attemptId }: OfAttempt): Promise<{ outcome: 'exchanged' | 'failed' }> {
      const { status } = await attempts.byId(tenantId, attemptId);
      if (status === 'failed') return { outcome: 'failed' };
      if (status !== 'returned') return { outcome: 'exchanged' }; // done by an earlier try
      const missing = await exchange(deps, tenantId, attemptId);
      if (missing.length > 0) await attempts.fail(tenantId, attemptId, 'scopes_missing');
      changed(tenantId);
      return { outcome: missing.length > 0 ? 'failed' : 'exchanged' };
    },
    /** Ends an attempt with the code of what went wrong, and a first connection with it. */
    async failAttempt({ tenantId, attemptId, error }: OfAttempt & { error: string }): Promise<void> {
      await attempts.fail(tenantId, attemptId, error);
      await connections.abandon(tenantId);
      changed(tenantId);
    },
    /** Whether the person came back but the news of it has not reached the workflow yet: then time is not up. */
    async isReturnUndelivered({ tenantId, attemptId }: OfAttempt): Promise<boolean> {
      const { returnedAt, deliveredAt } = await attempts.byId(tenantId, attemptId);
      return returnedAt !== null && deliveredAt === null;
    },
    /** Reads the chosen business's ad accounts and the person's pages. `invalid` when the person has no such business. */
    async listAssets({
      tenantId,
      attemptId,
      businessId,
    }: OfAttempt & { businessId: string | null }): Promise<{ adAccounts: number; pages: number }> {
      const { businesses } = await attempts.byId(tenantId, attemptId);
      if (businessId !== null && !businesses.some((business) => business.businessId === businessId))
        throw new AppError('invalid', 'not a business of this person', { details: { reason: 'business_unknown' } });
      const { accessToken } = await attempts.candidateOf(tenantId, attemptId);
      const [adAccounts, found] = await Promise.all([
        meta.adAccounts(accessToken, businessId),
        meta.pages(accessToken),
      ]);
      const kept = found.map(({ pageId, name, tasks, accessToken: token }) => ({
        pageId,
        name,
        tasks,
        hasToken: token !== null,
      }));
      await attempts.saveBusiness(tenantId, attemptId, { businessId, adAccounts, pages: kept });
      return { adAccounts: adAccounts.length, pages: kept.length };
    },
    /** Notes the chosen accounts and pages. `invalid` (details.reason) when nothing, something unknown or an unusable page is chosen. */
    async chooseAssets({
      tenantId,
      attemptId,
      adAccountIds,
      pageIds,
    }: OfAttempt & { adAccountIds: string[]; pageIds: string[] }): Promise<void> {
      checkChoice(await attempts.byId(tenantId, attemptId), adAccountIds, pageIds);
      await attempts.saveAssets(tenantId, attemptId, { adAccountIds, pageIds });
    },
    /**
     * Subscribes the pages, then makes the candidate token the tenant's and saves accounts and pages in one transaction. Safe to repeat.
     * @throws AppError `permission_missing` (details.assetId = the page), `reconnect_required`, `rate_limited`, `unavailable`
     */
    async confirmConnection({ tenantId, attemptId }: OfAttempt): Promise<TokenEnds> {
      const attempt = await attempts.byId(tenantId, attemptId);
      if (attempt.status !== 'confirmed') await confirm(deps, tenantId, attempt);
      changed(tenantId);
      return endsOf(await connections.byTenant(tenantId));
    },
    /** The tenant's campaigns are copied and its leads compared from now on, beginning at once. */
    async startSyncing({ tenantId }: { tenantId: number }): Promise<void> {
      await schedules.startCampaignSync(tenantId);
      await schedules.startLeadReconciliation(tenantId);
    },
    /**
     * Exchanges the token for a fresh one and asks Meta whether its end really moved. The old one serves until the new one is stored.
     * @throws AppError `reconnect_required` (details.subcode) when the token is dead, `rate_limited`, `unavailable`
     */
    async refreshToken({ tenantId }: { tenantId: number }): Promise<TokenEnds & { moved: boolean }> {
      await connections.markRefreshing(tenantId);
      const old = await connections.withToken(tenantId);
      // One that never expires has nothing to extend; only the person's consent may have been given anew.
      const accessToken = old.expiresAt === null ? old.token : (await meta.extend(old.token)).accessToken;
      const state = await meta.inspect(accessToken);
      if (!state.isValid) throw deadToken(state.subcode);
      const moved = isRenewed(endsOf(old), endsOf(state), now());
      const { expiresAt, dataAccessExpiresAt } = state;
      await connections.saveRenewal(tenantId, { token: accessToken, expiresAt, dataAccessExpiresAt }, moved);
      changed(tenantId);
      return { ...endsOf(state), moved };
    },
    /** Meta's own word on the token in use. `reconnect_required` when there is none. */
    async testToken({ tenantId }: { tenantId: number }) {
      const { token, version } = await connections.withToken(tenantId);
      const { isValid, subcode, scopes } = await meta.inspect(token);
      if (isValid) await connections.noteCall(tenantId, meta.servedVersion());
      return { isValid, subcode, tokenVersion: version, missingScopes: isValid ? missingScopes(scopes) : [] };
    },
    /** A renewal brought nothing: the banner says so, the old token stays in use. */
    async noteRefreshFailed({ tenantId, code }: { tenantId: number; code: string }): Promise<void> {
      await connections.noteRefreshFailed(tenantId, code);
      changed(tenantId);
    },
    /** Meta refused the token: a person must sign in again. False when that is known already, or was said of an older token. */
    async markReconnectNeeded({
      tenantId,
      reason,
      tokenVersion,
    }: {
      tenantId: number;
      reason: string;
      tokenVersion: number | null;
    }): Promise<boolean> {
      const marked = await connections.markReconnectNeeded(tenantId, reason, tokenVersion);
      changed(tenantId);
      return marked;
    },
    /**
     * Stops syncing, takes the app off pages that no other tenant uses, gives permissions back unless another tenant lives on them,
     * erases the tokens; figures stay.
     */
    async disconnectMeta({ tenantId, userId }: { tenantId: number; userId: string | null }): Promise<void> {
      const actor: Actor = userId === null ? system('connection') : { type: 'user', id: userId };
      await schedules.stopCampaignSync(tenantId);
      await schedules.stopLeadReconciliation(tenantId);
      await unsubscribeAlone(deps, tenantId, await pages.subscribedTokens(tenantId));
      await connections.disconnect(tenantId, actor, await revokeAlone(deps, tenantId));
      changed(tenantId);
    },
  };
}

/** Returns the scopes that are missing. */
async function exchange({ meta, attempts }: ConnectionDeps, tenantId: number, attemptId: string): Promise<string[]> {
  const { code, codeVerifier } = await attempts.codeOf(tenantId, attemptId, STATE_LIFE_MS);
  const short = await meta.exchangeCode(code, { codeVerifier });
  const first = await meta.inspect(short.accessToken);
  // A business integration's system user has a token that never ends and nothing to extend.
  const lasts = first.expiresAt === null;
  const { accessToken } = lasts ? short : await meta.extend(short.accessToken);
  const state = lasts ? first : await meta.inspect(accessToken);
  if (!state.isValid) throw deadToken(state.subcode);
  const scopes = state.kind === 'SYSTEM_USER' ? state.scopes : await meta.grantedScopes(accessToken);
  const missing = missingScopes(scopes);
  const businesses = scopes.includes('business_management') ? await meta.businesses(accessToken) : [];
  const { expiresAt, dataAccessExpiresAt, metaUserId } = state;
  await attempts.saveExchanged(tenantId, attemptId, {
    accessToken,
    expiresAt,
    dataAccessExpiresAt,
    metaUserId,
    scopes,
    missingScopes: missing,
    businesses,
  });
  return missing;
}

function checkChoice(attempt: Attempt, adAccountIds: readonly string[], pageIds: readonly string[]): void {
  const refuse = (reason: string) =>
    new AppError('invalid', `choice refused: ${reason}`, { details: { reason, attemptId: attempt.id } });
  if (adAccountIds.length === 0) throw refuse('no_ad_account');
  const known = new Set(attempt.adAccounts.map(({ adAccountId }) => adAccountId));
  if (!adAccountIds.every((id) => known.has(id))) throw refuse('ad_account_unknown');
  const usable = new Set(attempt.pages.filter((page) => pageProblem(page) === null).map(({ pageId }) => pageId));
  if (!pageIds.every((id) => usable.has(id))) throw refuse('page_unusable');
}

async function confirm(deps: ConnectionDeps, tenantId: number, attempt: Attempt): Promise<void> {
  const { meta, attempts, connections, pages } = deps;
  const token = await attempts.candidateOf(tenantId, attempt.id);
  const before = await pages.subscribedTokens(tenantId);
  const chosen = await chosenPages(deps, token.accessToken, attempt);
  for (const page of chosen) await meta.subscribe(page.accessToken, page.pageId);
  const business = attempt.businesses.find(({ businessId }) => businessId === attempt.businessId);
  await connections.confirm(tenantId, {
    attempt,
    token,
    business: { id: attempt.businessId, name: business?.name ?? null },
    accounts: attempt.adAccounts.filter(({ adAccountId }) => attempt.adAccountIds.includes(adAccountId)),
    pages: chosen,
  });
  await unsubscribeAlone(
    deps,
    tenantId,
    before.filter(({ pageId }) => !attempt.pageIds.includes(pageId)),
  );
}

// Page tokens are read anew rather than kept while a person chooses.
async function chosenPages({ meta }: ConnectionDeps, token: string, attempt: Attempt): Promise<PageToConnect[]> {
  if (attempt.pageIds.length === 0) return [];
  const found = new Map((await meta.pages(token)).map((page) => [page.pageId, page]));
  return attempt.pageIds.map((pageId) => {
    const page = found.get(pageId);
    if (page?.accessToken == null)
      throw new AppError('permission_missing', `page ${pageId} gives no token`, { details: { assetId: pageId } });
    return { pageId, name: page.name, tasks: page.tasks, accessToken: page.accessToken };
  });
}

const deadToken = (subcode: number | null): AppError =>
  new AppError('reconnect_required', `Meta says the token is dead: ${rejectionReason(subcode)}`, {
    details: subcode === null ? {} : { subcode },
  });

import type { MetaClient } from '../adapters/meta/client.ts';
import type { AdAccounts } from '../adapters/postgres/ad-accounts.ts';
import type { ConnectionChecks } from '../adapters/postgres/connection-checks.ts';
import type { Connections, LivingToken } from '../adapters/postgres/connections.ts';
import type { Pages } from '../adapters/postgres/pages.ts';
import { endsOf } from '../domain/connection.ts';
import {
  type Check,
  checkAdAccounts,
  checkAppLive,
  checkExpiry,
  checkLastLead,
  checkPageRoles,
  checkPages,
  checkScopes,
  checkToken,
  checkUsage,
  checkVersion,
  checkWebhook,
  type Finding,
  finding,
} from '../domain/connection-checks.ts';
import { AppError } from '../domain/error.ts';
import type { LiveUpdates } from '../domain/live.ts';

export interface ConnectionCheckDeps {
  meta: Pick<
    MetaClient,
    'inspect' | 'adAccounts' | 'pages' | 'leadForms' | 'subscriptions' | 'appSubscriptions' | 'servedVersion'
  >;
  connections: Pick<Connections, 'byTenant' | 'withToken' | 'noteCall'>;
  adAccounts: Pick<AdAccounts, 'listSelected'>;
  pages: Pick<Pages, 'listForTenant' | 'maybeToken'>;
  connectionChecks: ConnectionChecks;
  live: LiveUpdates;
  appId: string;
  /** Where Meta must send leads to. */
  webhookUrl: string;
  version: string;
  /** The fullest of Graph's limits, 0 to 1, as its last replies to this process said; null before the first. */
  fullestLimit: () => Promise<number | null>;
  now?: () => number;
}

export type ConnectionCheckActivities = ReturnType<typeof createConnectionCheckActivities>;

/** The check-up of a connection: questions only, nothing is changed at Meta. */
export function createConnectionCheckActivities(deps: ConnectionCheckDeps) {
  const { connections, connectionChecks, live } = deps;
  return {
    /** Asks everything, keeps what was found for the screen, and tells when Meta says that the token is dead. */
    async examineConnection({ tenantId }: { tenantId: number }): Promise<{
      isValid: boolean;
      subcode: number | null;
      tokenVersion: number;
    }> {
      const living = await connections.withToken(tenantId);
      const { isValid, subcode, findings } = await ofToken(deps, living);
      if (isValid) await connections.noteCall(tenantId, deps.meta.servedVersion());
      const others = isValid ? await ofAssets(deps, tenantId, living.token) : [];
      await connectionChecks.save(tenantId, [...findings, ...others, ...(await ofApp(deps, tenantId))]);
      live.publish(tenantId, 'connection');
      return { isValid, subcode, tokenVersion: living.version };
    },
  };
}

async function ofToken({ meta, now = Date.now }: ConnectionCheckDeps, { token }: LivingToken) {
  const state = await meta.inspect(token);
  const findings = state.isValid
    ? [checkToken(state), checkExpiry(endsOf(state), now()), checkScopes(state.scopes)]
    : [checkToken(state)];
  return { isValid: state.isValid, subcode: state.subcode, findings };
}

async function ofAssets(deps: ConnectionCheckDeps, tenantId: number, token: string): Promise<Finding[]> {
  const { meta, connections, adAccounts, pages } = deps;
  const chosenPages = await pages.listForTenant(tenantId);
  const { businessId } = await connections.byTenant(tenantId);
  const chosenAccounts = await adAccounts.listSelected(tenantId);
  return Promise.all([
    asked('ad_accounts', async () => checkAdAccounts(chosenAccounts, await meta.adAccounts(token, businessId))),
    asked('page_roles', async () => checkPageRoles(chosenPages, await meta.pages(token))),
    asked('leads_access', () => askPages(deps, tenantId, 'leads_access')),
    asked('subscriptions', () => askPages(deps, tenantId, 'subscriptions')),
  ]);
}

/** Each page answers with its own token; a refusal is an answer. */
async function askPages(
  { meta, pages, appId }: ConnectionCheckDeps,
  tenantId: number,
  check: 'leads_access' | 'subscriptions',
): Promise<Finding> {
  const question = {
    leads_access: async (token: string, pageId: string) => {
      for await (const _ of meta.leadForms(token, pageId)) break;
      return true;
    },
    subscriptions: async (token: string, pageId: string) =>
      (await meta.subscriptions(token, pageId)).some((app) => app.appId === appId && app.fields.includes('leadgen')),
  }[check];
  const answers: { name: string; isFine: boolean }[] = [];
  for (const { pageId, name } of await pages.listForTenant(tenantId)) {
    const token = await pages.maybeToken(tenantId, pageId);
    const isFine = token !== null && (await question(token, pageId).catch(noWhenRefused));
    answers.push({ name, isFine });
  }
  return checkPages(check, answers);
}

async function ofApp(deps: ConnectionCheckDeps, tenantId: number): Promise<Finding[]> {
  const { meta, connectionChecks, webhookUrl, version, fullestLimit, now = Date.now } = deps;
  const webhook = await asked('webhook', async () => checkWebhook(await meta.appSubscriptions(), webhookUrl));
  const { last, byWebhook } = await connectionChecks.lastLeads(tenantId);
  return [
    webhook,
    checkAppLive(byWebhook, now()),
    checkLastLead(last),
    checkUsage(await fullestLimit()),
    checkVersion(meta.servedVersion(), version),
  ];
}

/** Where Meta gives no answer the check is open, with the reason; the others go on. */
async function asked(check: Check, question: () => Promise<Finding>): Promise<Finding> {
  try {
    return await question();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const isRefusal = error.code === 'permission_missing' || error.code === 'reconnect_required';
    return finding(check, isRefusal ? 'bad' : 'unknown', isRefusal ? 'refused' : 'no_answer');
  }
}

function noWhenRefused(error: unknown): false {
  if (error instanceof AppError && ['permission_missing', 'reconnect_required', 'not_found'].includes(error.code))
    return false;
  throw error;
}

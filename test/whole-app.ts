import { createVault } from '../adapters/crypto/fernet.ts';
import { hashPassword, passwordMatches } from '../adapters/crypto/passwords.ts';
import { createMetrics } from '../adapters/metrics.ts';
import { normalizePhone } from '../adapters/phone.ts';
import { ruleBody } from '../adapters/postgres/rules.ts';
import { type Cache, createCache } from '../adapters/redis/cache.ts';
import { createRateLimit } from '../adapters/redis/limits.ts';
import { createLiveUpdates } from '../adapters/redis/live-updates.ts';
import type { CampaignSyncs } from '../adapters/temporal/campaign-sync.ts';
import type { ConnectionWorkflows } from '../adapters/temporal/connection.ts';
import { AppError } from '../domain/error.ts';
import type { MetaReply } from '../domain/meta-reply.ts';
import type { ScopeReading } from '../domain/meta-usage.ts';
import { automationApiRoutes } from '../web/automation-api.ts';
import { automationLogRoutes } from '../web/automation-logs.ts';
import { createBreakdownService } from '../web/breakdown-service.ts';
import { chatwootWebhookRoutes } from '../web/chatwoot-webhook.ts';
import { configurationRoutes } from '../web/configuration.ts';
import { connectionRoutes } from '../web/connection.ts';
import { createLiveStreams } from '../web/events.ts';
import { figureRoutes } from '../web/figures.ts';
import { createFirstStepList } from '../web/first-steps.ts';
import { formMappingRoutes } from '../web/form-mapping.ts';
import { healthRoutes } from '../web/health.ts';
import { inboxRoutes } from '../web/inbox.ts';
import { leadCaptureRoutes } from '../web/lead-capture.ts';
import { leadEntryRoutes } from '../web/lead-entry.ts';
import { leadIdentityRoutes } from '../web/lead-identity.ts';
import { leadImportRoutes } from '../web/lead-import.ts';
import { leadRoutes } from '../web/leads.ts';
import { leadsApiRoutes } from '../web/leads-api.ts';
import { legalRoutes } from '../web/legal.ts';
import { marketingRoutes } from '../web/marketing.ts';
import { metaCallbackRoutes } from '../web/meta-callbacks.ts';
import { openapiRoutes } from '../web/openapi.ts';
import { opportunityRoutes } from '../web/opportunities.ts';
import { createPasswordMails } from '../web/password-mails.ts';
import { passwordRoutes } from '../web/passwords.ts';
import { reconciliationRoutes } from '../web/reconciliation.ts';
import { replyRoutes } from '../web/replies.ts';
import type { Route } from '../web/route.ts';
import { permissionTable } from '../web/routes.ts';
import { ruleRoutes } from '../web/rules.ts';
import { salesApiRoutes } from '../web/sales-api.ts';
import { createSearches, searchRoutes } from '../web/searches.ts';
import { sellerRoutes } from '../web/sellers.ts';
import { sendingRoutes } from '../web/sending.ts';
import { sessionRoutes } from '../web/sessions.ts';
import { createStatsService } from '../web/stats.ts';
import { syncRoutes } from '../web/sync.ts';
import { templateRoutes } from '../web/templates.ts';
import { unconfirmedRoutes } from '../web/unconfirmed.ts';
import { webhookRoutes } from '../web/webhooks.ts';
import { type TestApp, testApp } from './app.ts';
import type { TestDatabase } from './database.ts';
import { silentLog } from './silent-log.ts';

export const PASSWORD = 'una clave larga de prueba';

export interface WholeApp extends TestApp {
  routes: readonly Route[];
  live: ReturnType<typeof createLiveUpdates>;
  liveStreams: ReturnType<typeof createLiveStreams>;
  /** Its figures' cache: forgets nothing by itself when a test writes behind its back. */
  cache: Cache;
  /** What Redis would tell of Meta's limits and replies; nothing unless a test says so. */
  usage: {
    readings?: (scopes: readonly string[]) => ScopeReading[];
    replies?: (adAccountIds: readonly string[]) => Promise<MetaReply[]>;
  };
  /** What `/readyz` finds. */
  up: { postgres: boolean; temporal: boolean; redis: boolean };
  /** The leads whose sellers were mailed. */
  sellersTold: string[];
  /** The hash of PASSWORD. */
  passwordHash: string;
}

const away = () => Promise.reject(new AppError('unavailable', 'Temporal does not answer'));
const workflows: ConnectionWorkflows = {
  begin: away,
  selectBusiness: away,
  selectAssets: away,
  confirm: away,
  test: away,
  examine: away,
  deliverOauthReturned: away,
  tokenRejected: away,
  refreshNow: away,
  disconnect: away,
};
const syncs: CampaignSyncs = { isRunning: away, start: away };

/** The whole permission table as `server.ts` composes it, over real stores; Temporal is away and Redis is not used. */
export async function wholeApp(db: TestDatabase, given: Record<string, string> = {}): Promise<WholeApp> {
  const cache = createCache(undefined);
  const usage: WholeApp['usage'] = {};
  const live = createLiveUpdates(undefined);
  const liveStreams = createLiveStreams(live);
  const sellersTold: string[] = [];
  const up = { postgres: true, temporal: true, redis: true };
  const passwordHash = await hashPassword(PASSWORD);
  let routes: readonly Route[] = [];
  const app = await testApp(
    db,
    (made) => {
      routes = permissionTable([
        ...blocksOf(made, { cache, usage, live, up, sellersTold, passwordHash }),
        liveStreams.routes,
      ]);
      return routes;
    },
    given,
  );
  return { ...app, routes, cache, usage, live, liveStreams, up, sellersTold, passwordHash };
}

function blocksOf(
  { config, stores }: Pick<TestApp, 'config' | 'stores'>,
  {
    cache,
    usage,
    live,
    up,
    sellersTold,
    passwordHash,
  }: Pick<WholeApp, 'cache' | 'usage' | 'live' | 'up' | 'sellersTold' | 'passwordHash'>,
): Route[][] {
  const figures = createStatsService(stores.stats, cache, () => new Date());
  const breakdown = createBreakdownService({ stats: figures, breakdowns: stores.breakdowns });
  const searches = createSearches(createVault(config.ENCRYPTION_KEYS));
  const syncDeps = { ...stores, syncs };
  const signInLimit = createRateLimit(undefined, 'sign-in', { points: 10, seconds: 60 });
  const passwordMails = createPasswordMails({ ...stores, config, mailer: { send: async () => false } });
  const templateDeps = { templates: stores.templates, copyTemplates: away, createTemplate: away };
  const ruleDeps = { rules: stores.rules, ruleTrials: stores.ruleTrials, wake: async () => {} };
  const entries = { leadEntries: stores.leadEntries, normalizePhone, live, invalidateFigures: cache.invalidate };
  const figuresChanged = { sales: stores.sales, live, invalidateFigures: cache.invalidate };
  const leadDeps = {
    ...figuresChanged,
    leadPages: stores.leadPages,
    leadDossiers: stores.leadDossiers,
    users: stores.users,
    changesOf: (tenantId: number, leadId: string) =>
      stores.systemEvents.changesOf(tenantId, { type: 'lead', id: leadId }),
    changeStatus: stores.leads.changeStatus,
    replies: stores.replies,
    searches,
  };
  return [
    healthRoutes({
      postgresIsUp: async () => up.postgres,
      temporalIsUp: async () => up.temporal,
      redisIsUp: async () => up.redis,
    }),
    legalRoutes(config),
    sessionRoutes({ ...stores, config, signInLimit, passwordMatches, decoyHash: passwordHash }),
    passwordRoutes({ ...stores, passwordMails, hashPassword, signInLimit, log: silentLog }),
    configurationRoutes({
      ...stores,
      config,
      passwordMails,
      normalizePhone,
      startMessage: async () => {},
      live,
      phoneNumbers: async () => [],
      notices: {
        urlOf: () => 'https://hub.example.com/webhook/ycloud/1',
        stateOf: async () => 'shared',
        register: away,
      },
      copyTemplates: async () => {},
      testCredential: async () => 'works',
      invalidateFigures: cache.invalidate,
    }),
    webhookRoutes({ ...stores, config, metrics: createMetrics(), log: silentLog, nudge: () => {} }),
    metaCallbackRoutes({ ...stores, config, workflows, log: silentLog, nudge: () => {} }),
    figureRoutes({
      ...stores,
      ...figuresChanged,
      stats: figures,
      breakdown,
      normalizePhone,
      backfills: { start: async () => {} },
      usageReadings: async (scopes) => usage.readings?.(scopes) ?? null,
    }),
    marketingRoutes({
      ...stores,
      config,
      stats: figures,
      breakdown,
      firstSteps: createFirstStepList({ hasGlobalWebhook: async () => false }),
      debugStats: stores.figures.raw,
      metaReplies: async (adAccountIds) => (await usage.replies?.(adAccountIds)) ?? [],
      insightsOf: stores.figures.insightsOf,
    }),
    leadEntryRoutes({ ...entries, users: stores.users }),
    leadImportRoutes(entries),
    leadCaptureRoutes({ leads: stores.leads, startIntake: away }),
    sellerRoutes({ sellers: stores.sellers, live, tellSeller: async (_, leadId) => void sellersTold.push(leadId) }),
    leadRoutes(leadDeps),
    chatwootWebhookRoutes({ ...stores, wake: async () => {}, live }),
    replyRoutes({ ...leadDeps, startMessage: away, wake: async () => {} }),
    formMappingRoutes({
      formMappings: stores.formMappings,
      normalizePhone,
      live,
      invalidateFigures: cache.invalidate,
    }),
    inboxRoutes({ inboxPages: stores.inboxPages, nudge: () => {} }),
    sendingRoutes({ sending: stores.sending, wake: async () => {}, live }),
    unconfirmedRoutes({ unconfirmedMessages: stores.unconfirmedMessages, startMessage: away, live }),
    leadIdentityRoutes({
      leadMerges: stores.leadMerges,
      leadDistinctions: stores.leadDistinctions,
      live,
      invalidateFigures: cache.invalidate,
    }),
    reconciliationRoutes({ leadForms: stores.leadForms, reconciliations: { start: away } }),
    opportunityRoutes({ ...stores, ...figuresChanged, searches }),
    searchRoutes(searches),
    leadsApiRoutes({ ...entries, leadRecords: stores.leadRecords, changeStatus: stores.leads.changeStatus }),
    salesApiRoutes(figuresChanged),
    openapiRoutes(config.PUBLIC_URL, ruleBody),
    automationApiRoutes({ ...ruleDeps, ...templateDeps, ruleBody }),
    templateRoutes(templateDeps),
    ruleRoutes(ruleDeps),
    automationLogRoutes({ automationLogs: stores.automationLogs, searches }),
    connectionRoutes({
      ...stores,
      config,
      attempts: stores.oauthAttempts,
      workflows,
      dialogUrl: () => 'https://www.facebook.com/dialog/oauth',
      nudge: () => {},
    }),
    syncRoutes(syncDeps),
  ];
}

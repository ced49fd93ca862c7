import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createCredentialTest } from './activities/credentials.ts';
import { keepHouse } from './activities/housekeeping.ts';
import { askChatwootProfile } from './adapters/chatwoot/profile.ts';
import { createTokens } from './adapters/crypto/jwt.ts';
import { hashPassword, passwordMatches } from './adapters/crypto/passwords.ts';
import { stopWithParent } from './adapters/lifecycle.ts';
import { dialogUrl } from './adapters/meta/oauth.ts';
import { normalizePhone } from './adapters/phone.ts';
import { ruleBody } from './adapters/postgres/rules.ts';
import { createRateLimit } from './adapters/redis/limits.ts';
import { createMetaReplies } from './adapters/redis/meta-replies.ts';
import { createUsageGate } from './adapters/redis/usage-gate.ts';
import { createBackfills } from './adapters/temporal/backfill.ts';
import { createCampaignSyncs } from './adapters/temporal/campaign-sync.ts';
import type { Dispatcher } from './adapters/temporal/dispatcher.ts';
import { createLeadReconciliations } from './adapters/temporal/lead-reconciliation.ts';
import { createAccessLog } from './web/access-log.ts';
import { createApp } from './web/app.ts';
import { automationApiRoutes } from './web/automation-api.ts';
import { automationLogRoutes } from './web/automation-logs.ts';
import { createBreakdownService } from './web/breakdown-service.ts';
import { chatwootWebhookRoutes } from './web/chatwoot-webhook.ts';
import { configurationRoutes } from './web/configuration.ts';
import { connectionRoutes } from './web/connection.ts';
import { createLiveStreams } from './web/events.ts';
import { figureRoutes } from './web/figures.ts';
import { createFirstStepList } from './web/first-steps.ts';
import { formMappingRoutes } from './web/form-mapping.ts';
import { healthRoutes } from './web/health.ts';
import { inboxRoutes } from './web/inbox.ts';
import { leadCaptureRoutes } from './web/lead-capture.ts';
import { leadEntryRoutes } from './web/lead-entry.ts';
import { leadIdentityRoutes } from './web/lead-identity.ts';
import { leadImportRoutes } from './web/lead-import.ts';
import { leadRoutes } from './web/leads.ts';
import { leadsApiRoutes } from './web/leads-api.ts';
import { legalRoutes } from './web/legal.ts';
import { marketingRoutes } from './web/marketing.ts';
import { metaCallbackRoutes } from './web/meta-callbacks.ts';
import { openapiRoutes } from './web/openapi.ts';
import { opportunityRoutes } from './web/opportunities.ts';
import { createPasswordMails } from './web/password-mails.ts';
import { passwordRoutes } from './web/passwords.ts';
import { reconciliationRoutes } from './web/reconciliation.ts';
import { replyRoutes } from './web/replies.ts';
import type { Route } from './web/route.ts';
import { permissionTable } from './web/routes.ts';
import { ruleRoutes } from './web/rules.ts';
import { salesApiRoutes } from './web/sales-api.ts';
import { createSearches, searchRoutes } from './web/searches.ts';
import { randomSecret } from './web/secrets.ts';
import { sellerRoutes } from './web/sellers.ts';
import { sendingRoutes } from './web/sending.ts';
import { sessionRoutes } from './web/sessions.ts';
import { createStatsService } from './web/stats.ts';
import { syncRoutes } from './web/sync.ts';
import { templateRoutes } from './web/templates.ts';
import { unconfirmedRoutes } from './web/unconfirmed.ts';
import { webhookRoutes } from './web/webhooks.ts';
import {
  configOrExit,
  dispatcherOf,
  type Foundation,
  foundation,
  noticesOf,
  sellerMails,
  serveMetrics,
  templateDesk,
} from './wiring.ts';

const HOUSEKEEPING_MS = 60 * 60_000;

const config = configOrExit();
const base = await foundation('server', config);
const { log, metrics, stores, live, redis } = base;
const dispatcher = dispatcherOf(base);
const liveStreams = createLiveStreams(live);
const accessLog = createAccessLog(stores.systemEvents.saveAccesses, log);
const marketingLimit = createRateLimit(redis, 'marketing', { points: config.MARKETING_RATE_LIMIT, seconds: 60 });
const tokens = createTokens(config.JWT_SECRET);
const decoyHash = await hashPassword(randomSecret());

const routes = permissionTable([...routesOf(base, dispatcher), liveStreams.routes]);
const app = createApp({ config, log, metrics, ...stores, tokens, accessLog, marketingLimit }, routes);
const server = app.listen(config.PORT, config.HOST, (error) => {
  if (!error) return;
  log.fatal({ err: error, port: config.PORT }, 'the port cannot be listened on');
  process.exit(1);
});
await once(server, 'listening');
const metricsServer = serveMetrics(config.METRICS_PORT, config.HOST, measured, log);
log.info({ port: (server.address() as AddressInfo).port }, 'server is listening');

const housekeeping = setInterval(
  () => keepHouse({ ...stores, log }).catch((error: unknown) => log.error({ err: error }, 'housekeeping failed')),
  HOUSEKEEPING_MS,
);

stopWithParent(log, async () => {
  clearInterval(housekeeping);
  liveStreams.close();
  server.close();
  const idle = setInterval(() => server.closeIdleConnections(), 100);
  await Promise.all([once(server, 'close'), dispatcher.stop()]);
  clearInterval(idle);
  await accessLog.close();
  metricsServer.close();
  await base.close();
});

/** Tenant gauges come from one query at scrape; beyond a thousand tenants only the hundred whose token ends soonest. */
async function measured(): Promise<string> {
  const tenants = await stores.gauges.tenants(1001);
  metrics.inboxOrphans.set(await stores.inbox.orphans());
  const now = Date.now();
  metrics.inboxPending.set(tenants.reduce((sum, tenant) => sum + tenant.inbox_pending, 0));
  for (const gauge of [metrics.tokenExpiry, metrics.syncAge]) gauge.reset();
  for (const tenant of tenants.length > 1000 ? tenants.slice(0, 100) : tenants) {
    const labels = { tenant: String(tenant.tenant_id) };
    if (tenant.token_expires_at) metrics.tokenExpiry.set(labels, (tenant.token_expires_at.getTime() - now) / 1000);
    if (tenant.last_synced_at) metrics.syncAge.set(labels, (now - tenant.last_synced_at.getTime()) / 1000);
  }
  return metrics.registry.metrics();
}

function routesOf(
  { cache, temporal, database, vault, connectionWorkflows, leadWorkflows, mailer, ycloud }: Foundation,
  { nudge }: Dispatcher,
): Route[][] {
  const figures = createStatsService(stores.stats, cache, () => new Date());
  const breakdown = createBreakdownService({ stats: figures, breakdowns: stores.breakdowns });
  const searches = createSearches(vault);
  const syncDeps = {
    connections: stores.connections,
    syncRuns: stores.syncRuns,
    syncs: createCampaignSyncs(temporal.client),
  };
  const wake = (workflowIds: readonly string[]) => leadWorkflows.wake(workflowIds);
  const { copy: copyTemplates, create: createTemplate } = templateDesk(base);
  const templateDeps = { templates: stores.templates, copyTemplates, createTemplate };
  const ruleDeps = { rules: stores.rules, ruleTrials: stores.ruleTrials, wake };
  const entries = { leadEntries: stores.leadEntries, normalizePhone, live, invalidateFigures: cache.invalidate };
  const figuresChanged = { sales: stores.sales, live, invalidateFigures: cache.invalidate };
  const signInLimit = createRateLimit(redis, 'sign-in', { points: 10, seconds: 60 });
  const passwordMails = createPasswordMails({ ...stores, config, mailer });
  const dialog = {
    dialogUrl: config.META_DIALOG_URL,
    version: config.META_GRAPH_VERSION,
    appId: config.META_APP_ID,
    redirectUri: config.META_REDIRECT_URI,
    ...(config.META_LOGIN_CONFIG_ID === undefined ? {} : { loginConfigId: config.META_LOGIN_CONFIG_ID }),
  };
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
      postgresIsUp: () => database.isUp(),
      temporalIsUp: () => temporal.isUp(),
      redisIsUp: () => redis?.isUp() ?? Promise.resolve(false),
    }),
    legalRoutes(config),
    sessionRoutes({ ...stores, config, signInLimit, passwordMatches, decoyHash }),
    passwordRoutes({ ...stores, passwordMails, hashPassword, signInLimit, log }),
    configurationRoutes({
      ...stores,
      config,
      passwordMails,
      normalizePhone,
      startMessage: leadWorkflows.startMessage,
      live,
      phoneNumbers: async (tenantId) => ycloud.phoneNumbers(await stores.credentials.ycloudKey(tenantId)),
      copyTemplates,
      notices: noticesOf(base),
      testCredential: createCredentialTest({ ycloud, askChatwoot: askChatwootProfile }),
      invalidateFigures: cache.invalidate,
    }),
    webhookRoutes({ config, inbox: stores.inbox, credentials: stores.credentials, metrics, log, nudge }),
    metaCallbackRoutes({ ...stores, config, workflows: connectionWorkflows, log, nudge }),
    figureRoutes({
      ...stores,
      ...figuresChanged,
      stats: figures,
      breakdown,
      normalizePhone,
      usageReadings: createUsageGate(redis).readings,
      backfills: createBackfills(temporal.client),
    }),
    marketingRoutes({
      config,
      stats: figures,
      breakdown,
      leadPages: stores.leadPages,
      hubPage: stores.hubPage,
      leadSpeed: stores.leadSpeed,
      firstSteps: createFirstStepList({
        hasGlobalWebhook: async () => (await stores.credentials.globalYcloudWebhookSecrets()).length > 0,
      }),
      debugStats: stores.figures.raw,
      metaReplies: createMetaReplies(redis).of,
      insightsOf: stores.figures.insightsOf,
    }),
    leadEntryRoutes({ ...entries, users: stores.users }),
    leadImportRoutes(entries),
    leadCaptureRoutes({ leads: stores.leads, startIntake: leadWorkflows.startIntake }),
    sellerRoutes({ sellers: stores.sellers, live, tellSeller: sellerMails(base).givenLead }),
    leadRoutes(leadDeps),
    chatwootWebhookRoutes({ ...stores, wake, live }),
    replyRoutes({ ...leadDeps, startMessage: leadWorkflows.startMessage, wake }),
    formMappingRoutes({
      formMappings: stores.formMappings,
      normalizePhone,
      live,
      invalidateFigures: cache.invalidate,
    }),
    inboxRoutes({ inboxPages: stores.inboxPages, nudge }),
    sendingRoutes({ sending: stores.sending, wake, live }),
    unconfirmedRoutes({
      unconfirmedMessages: stores.unconfirmedMessages,
      startMessage: leadWorkflows.startMessage,
      live,
    }),
    leadIdentityRoutes({
      leadMerges: stores.leadMerges,
      leadDistinctions: stores.leadDistinctions,
      live,
      invalidateFigures: cache.invalidate,
    }),
    reconciliationRoutes({
      leadForms: stores.leadForms,
      reconciliations: createLeadReconciliations(temporal.client),
    }),
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
      config,
      connections: stores.connections,
      attempts: stores.oauthAttempts,
      adAccounts: stores.adAccounts,
      pages: stores.pages,
      connectionChecks: stores.connectionChecks,
      systemEvents: stores.systemEvents,
      workflows: connectionWorkflows,
      dialogUrl: (request) => dialogUrl(dialog, request),
      nudge,
    }),
    syncRoutes(syncDeps),
  ];
}

import type { TemplateDesk } from './activities/templates.ts';
import { hashPassword, passwordMatches } from './adapters/crypto/passwords.ts';
import type { Logger } from './adapters/log.ts';
import type { Mailer } from './adapters/mail.ts';
import type { Metrics } from './adapters/metrics.ts';
import { normalizePhone } from './adapters/phone.ts';
import { ruleBody } from './adapters/postgres/rules.ts';
import type { Stores } from './adapters/postgres/stores.ts';
import type { Cache } from './adapters/redis/cache.ts';
import type { RateLimit } from './adapters/redis/limits.ts';
import type { createMetaReplies } from './adapters/redis/meta-replies.ts';
import type { SharedUsageGate } from './adapters/redis/usage-gate.ts';
import type { Backfills } from './adapters/temporal/backfill.ts';
import type { CampaignSyncs } from './adapters/temporal/campaign-sync.ts';
import type { ConnectionWorkflows } from './adapters/temporal/connection.ts';
import type { LeadReconciliations } from './adapters/temporal/lead-reconciliation.ts';
import type { LeadWorkflows } from './adapters/temporal/leads.ts';
import type { Config } from './config.ts';
import type { CredentialTest } from './domain/credential.ts';
import type { LiveUpdates } from './domain/live.ts';
import type { Vault } from './domain/vault.ts';
import { automationApiRoutes } from './web/automation-api.ts';
import { automationLogRoutes } from './web/automation-logs.ts';
import { createBreakdownService } from './web/breakdown-service.ts';
import { chatwootWebhookRoutes } from './web/chatwoot-webhook.ts';
import { configurationRoutes } from './web/configuration.ts';
import { connectionRoutes } from './web/connection.ts';
import { figureRoutes } from './web/figures.ts';
import { createFirstStepList } from './web/first-steps.ts';
import { formMappingRoutes } from './web/form-mapping.ts';
import { healthRoutes } from './web/health.ts';
import { inboxRoutes } from './web/inbox.ts';
import { leadCaptureRoutes } from './web/lead-capture.ts';
import { leadEntryRoutes } from './web/lead-entry.ts';
import { leadErasureRoutes } from './web/lead-erasure.ts';
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
import { ruleRoutes } from './web/rules.ts';
import { salesApiRoutes } from './web/sales-api.ts';
import { createSearches, searchRoutes } from './web/searches.ts';
import { type SellerDeps, sellerRoutes } from './web/sellers.ts';
import type { SenderDeps } from './web/senders.ts';
import { sendingRoutes } from './web/sending.ts';
import { sessionRoutes } from './web/sessions.ts';
import { createStatsService } from './web/stats.ts';
import { syncRoutes } from './web/sync.ts';
import { templateRoutes } from './web/templates.ts';
import { unconfirmedRoutes } from './web/unconfirmed.ts';
import { webhookRoutes } from './web/webhooks.ts';

/** What the pages lean on besides their stores: Temporal, Redis, the providers, and who is told. */
export interface Outside {
  config: Config;
  log: Logger;
  metrics: Metrics;
  stores: Stores;
  cache: Cache;
  live: LiveUpdates;
  vault: Vault;
  signInLimit: RateLimit;
  /** What an unknown address's password is compared with, so that it takes as long. */
  decoyHash: string;
  mailer: Mailer;
  health: Parameters<typeof healthRoutes>[0];
  connectionWorkflows: ConnectionWorkflows;
  leadWorkflows: Pick<LeadWorkflows, 'startIntake' | 'startMessage' | 'wake'>;
  syncs: CampaignSyncs;
  backfills: Backfills;
  reconciliations: LeadReconciliations;
  templates: TemplateDesk;
  notices: SenderDeps['notices'];
  phoneNumbers: SenderDeps['phoneNumbers'];
  testCredential: CredentialTest;
  dialogUrl: Parameters<typeof connectionRoutes>[0]['dialogUrl'];
  usageReadings: SharedUsageGate['readings'];
  metaReplies: ReturnType<typeof createMetaReplies>['of'];
  tellSeller: SellerDeps['tellSeller'];
  /** The inbox has something new. */
  nudge: () => void;
}

/** Every page and endpoint of the hub, over the stores and what is outside. */
export const hubRoutes = (outside: Outside): Route[][] => [
  ...accessBlocks(outside),
  ...campaignBlocks(outside),
  ...leadBlocks(outside),
  ...whatsappBlocks(outside),
];

/** Who may come in, what they may set, and Meta's own addresses. */
function accessBlocks(outside: Outside): Route[][] {
  const { config, log, metrics, stores, signInLimit, nudge } = outside;
  const passwordMails = createPasswordMails({ ...stores, config, mailer: outside.mailer });
  return [
    healthRoutes(outside.health),
    legalRoutes(config),
    sessionRoutes({ ...stores, config, signInLimit, passwordMatches, decoyHash: outside.decoyHash }),
    passwordRoutes({ ...stores, passwordMails, hashPassword, signInLimit, log }),
    configurationRoutes({
      ...{ ...stores, ...outside, passwordMails, normalizePhone },
      ...{ startMessage: outside.leadWorkflows.startMessage, copyTemplates: outside.templates.copy },
      invalidateFigures: outside.cache.invalidate,
    }),
    webhookRoutes({ ...stores, config, metrics, log, nudge }),
    metaCallbackRoutes({ ...stores, config, workflows: outside.connectionWorkflows, log, nudge }),
    connectionRoutes({
      ...{ ...stores, config, nudge, attempts: stores.oauthAttempts },
      ...{ workflows: outside.connectionWorkflows, dialogUrl: outside.dialogUrl },
    }),
    openapiRoutes(config.PUBLIC_URL, ruleBody),
  ];
}

/** Campaigns and what they earned. */
function campaignBlocks({ config, stores, cache, live, ...outside }: Outside): Route[][] {
  const stats = createStatsService(stores.stats, cache, () => new Date());
  const breakdown = createBreakdownService({ stats, breakdowns: stores.breakdowns });
  const figuresChanged = { live, invalidateFigures: cache.invalidate };
  const firstSteps = createFirstStepList({
    hasGlobalWebhook: async () => (await stores.credentials.globalYcloudWebhookSecrets()).length > 0,
  });
  return [
    figureRoutes({
      ...{ ...stores, ...figuresChanged, stats, breakdown, normalizePhone },
      ...{ usageReadings: outside.usageReadings, backfills: outside.backfills },
    }),
    marketingRoutes({
      ...{ ...stores, config, stats, breakdown, firstSteps, metaReplies: outside.metaReplies },
      ...{ debugStats: stores.figures.raw, insightsOf: stores.figures.insightsOf },
    }),
    opportunityRoutes({ ...stores, ...figuresChanged, searches: createSearches(outside.vault) }),
    salesApiRoutes({ ...stores, ...figuresChanged }),
    syncRoutes({ ...stores, syncs: outside.syncs }),
  ];
}

/** People: how they come in, who they are, who looks after them. */
function leadBlocks({ stores, cache, live, ...outside }: Outside): Route[][] {
  const searches = createSearches(outside.vault);
  const figuresChanged = { live, invalidateFigures: cache.invalidate };
  const entries = { leadEntries: stores.leadEntries, normalizePhone, ...figuresChanged };
  const { startIntake, startMessage, wake } = outside.leadWorkflows;
  const leadDeps = {
    ...{ ...stores, ...figuresChanged, searches, changeStatus: stores.leads.changeStatus },
    changesOf: (tenantId: number, leadId: string) =>
      stores.systemEvents.changesOf(tenantId, { type: 'lead', id: leadId }),
  };
  return [
    leadEntryRoutes({ ...entries, users: stores.users }),
    leadImportRoutes(entries),
    leadCaptureRoutes({ leads: stores.leads, startIntake }),
    sellerRoutes({ sellers: stores.sellers, live, tellSeller: outside.tellSeller }),
    leadRoutes(leadDeps),
    leadErasureRoutes({ ...leadDeps, wake }),
    replyRoutes({ ...leadDeps, startMessage, wake }),
    formMappingRoutes({ formMappings: stores.formMappings, normalizePhone, ...figuresChanged }),
    inboxRoutes({ inboxPages: stores.inboxPages, nudge: outside.nudge }),
    leadIdentityRoutes({ ...stores, ...figuresChanged }),
    reconciliationRoutes({ leadForms: stores.leadForms, reconciliations: outside.reconciliations }),
    searchRoutes(searches),
    leadsApiRoutes({ ...entries, leadRecords: stores.leadRecords, changeStatus: stores.leads.changeStatus }),
  ];
}

/** Rules, templates and messages. */
function whatsappBlocks({ stores, live, ...outside }: Outside): Route[][] {
  const { startMessage, wake } = outside.leadWorkflows;
  const { copy: copyTemplates, create: createTemplate } = outside.templates;
  const templateDeps = { templates: stores.templates, copyTemplates, createTemplate };
  const ruleDeps = { rules: stores.rules, ruleTrials: stores.ruleTrials, wake };
  return [
    chatwootWebhookRoutes({ ...stores, wake, live }),
    sendingRoutes({ sending: stores.sending, wake, live }),
    unconfirmedRoutes({ unconfirmedMessages: stores.unconfirmedMessages, startMessage, live }),
    automationApiRoutes({ ...ruleDeps, ...templateDeps, ruleBody }),
    templateRoutes(templateDeps),
    ruleRoutes(ruleDeps),
    automationLogRoutes({ automationLogs: stores.automationLogs, searches: createSearches(outside.vault) }),
  ];
}

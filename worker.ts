import { createBackfillActivities } from './activities/backfill.ts';
import { createCampaignSyncActivities } from './activities/campaign-sync.ts';
import { copyToChatwoot } from './activities/chatwoot-mirror.ts';
import { createConnectionActivities } from './activities/connection.ts';
import { createConnectionCheckActivities } from './activities/connection-checks.ts';
import { createCreativePictureActivities } from './activities/creative-pictures.ts';
import { createDataDeletionActivities } from './activities/data-deletion.ts';
import { createHousekeepingActivities } from './activities/housekeeping.ts';
import { createLeadReconciliationActivities } from './activities/lead-reconciliation.ts';
import { createLeadActivities, type NewsOfLead } from './activities/leads.ts';
import { createMessageActivities } from './activities/messages.ts';
import { createReminderActivities } from './activities/reminders.ts';
import { createArchiveFiles } from './adapters/archive/files.ts';
import { archivePlace } from './adapters/archive/place.ts';
import { createChatwootConversations } from './adapters/chatwoot/conversations.ts';
import { freePort } from './adapters/free-port.ts';
import { stopWithParent } from './adapters/lifecycle.ts';
import { createMetaClient } from './adapters/meta/client.ts';
import { createPictures } from './adapters/meta/pictures.ts';
import { fullestLimit } from './adapters/metrics.ts';
import { startOutboxPoller } from './adapters/outbox-poller.ts';
import { normalizePhone } from './adapters/phone.ts';
import { createRateLimit } from './adapters/redis/limits.ts';
import { createMetaReplies } from './adapters/redis/meta-replies.ts';
import { createUsageGate } from './adapters/redis/usage-gate.ts';
import { retrying } from './adapters/retrying.ts';
import { ensureSearchAttributes } from './adapters/temporal/client.ts';
import { createSchedules } from './adapters/temporal/schedules.ts';
import { createWorkers, installRuntime, workflowBundle } from './adapters/temporal/worker.ts';
import { newLeadMail, reminderMail, ruleMail } from './web/mails.ts';
import {
  configOrExit,
  connectedTenants,
  dispatcherOf,
  ears,
  type Foundation,
  foundation,
  serveMetrics,
} from './wiring.ts';
import { leadAutomationWorkflowId } from './workflows/lead-automation.ts';

const SENDS_A_SECOND = 50;
const config = configOrExit();
const base = await foundation('worker', config);
const { log, metrics, temporal } = base;
const coreMetrics = `127.0.0.1:${await freePort()}`;
installRuntime(log, coreMetrics);

await retrying('Temporal', log, () => ensureSearchAttributes(temporal.client));
const workers = await retrying('Temporal', log, async () =>
  createWorkers({
    config,
    log,
    taskQueues: ['leads', 'sync'],
    activities: activitiesOf(base),
    workflowBundle: workflowBundle(config.WORKFLOW_BUNDLE),
    buildId: process.env['npm_package_version'] ?? '0.1.0',
  }),
);
const dispatcher = dispatcherOf(base);
void retrying('Temporal', log, async () => createSchedules(temporal.client).reconcile(await connectedTenants(base)));
const copies = startOutboxPoller({
  due: base.stores.inbox.dueCopies,
  work: (tenantId, id) =>
    copyToChatwoot({ outbox: base.stores.chatwootOutbox, chatwoot: createChatwootConversations() }, tenantId, id),
  everyMs: 10_000, // nobody waits for a copy, and to look is a whole query of what is due
  log,
});
const metricsServer = serveMetrics(config.WORKER_METRICS_PORT, config.HOST, allMetrics, log);

stopWithParent(log, async () => {
  await Promise.all([dispatcher.stop(), copies.stop()]);
  workers.shutdown();
  await running;
  metricsServer.close();
  await base.close();
});
log.info('worker is running');
const running = workers.run().catch((error: unknown) => {
  log.fatal({ err: error }, 'a Temporal worker broke');
  process.exit(1);
});
await running;

/** Ours, then Temporal Core's from its loopback exporter. */
async function allMetrics(): Promise<string> {
  const core = await fetch(`http://${coreMetrics}/metrics`).then((reply) => reply.text());
  return `${await metrics.registry.metrics()}${core}`;
}

function activitiesOf({
  config,
  log,
  metrics,
  stores,
  live,
  cache,
  redis,
  ycloud,
  mailer,
  leadWorkflows,
  connectionWorkflows,
  temporal,
}: Foundation): object {
  const meta = createMetaClient(
    {
      appId: config.META_APP_ID,
      appSecret: config.META_APP_SECRET,
      version: config.META_GRAPH_VERSION,
      graphUrl: config.META_GRAPH_URL,
      redirectUri: config.META_REDIRECT_URI,
      logCalls: config.LOG_META_API_CALLS || config.META_API_DEBUG_MODE,
    },
    { log, metrics, gate: createUsageGate(redis), hear: ears(config, log, createMetaReplies(redis)) },
  );
  const leadDeps = {
    meta,
    ...stores,
    tokenRejected: connectionWorkflows.tokenRejected,
    normalizePhone,
    invalidateFigures: cache.invalidate,
    tellSeller: (seller: { email: string; locale: 'es' | 'en' | null }, lead: NewsOfLead) =>
      mailer.send({ to: seller.email, ...newLeadMail(config.PUBLIC_URL, seller.locale, lead) }),
    live,
    metrics,
  };
  const archive = archivePlace(config);
  const sendRate = createRateLimit(redis, 'send', { points: SENDS_A_SECOND, seconds: 1 });
  return {
    ...createConnectionActivities({
      meta,
      connections: stores.connections,
      attempts: stores.oauthAttempts,
      pages: stores.pages,
      metaUsers: stores.metaUsers,
      schedules: createSchedules(temporal.client),
      live,
    }),
    ...createConnectionCheckActivities({
      meta,
      ...stores,
      live,
      appId: config.META_APP_ID,
      webhookUrl: `${config.PUBLIC_URL}/crm/webhook/meta`,
      version: config.META_GRAPH_VERSION,
      fullestLimit: () => fullestLimit(metrics),
    }),
    ...createReminderActivities({
      ...stores,
      mailer,
      compose: (locale, facts) => reminderMail(config.PUBLIC_URL, locale, facts),
      live,
      metrics,
    }),
    ...createDataDeletionActivities({
      ...stores,
      endConnection: (tenantId) => connectionWorkflows.disconnect(tenantId, null),
      live,
    }),
    ...createHousekeepingActivities({
      ...stores,
      archive: archive && { archives: stores.archives, archiveFiles: createArchiveFiles(archive) },
      log,
      metrics,
    }),
    ...createCampaignSyncActivities({ meta, ...stores, cache, live, metrics }),
    ...createCreativePictureActivities({
      ...stores,
      cache,
      pictures: createPictures({ graphUrl: config.META_GRAPH_URL }),
    }),
    ...createBackfillActivities({ meta, ...stores, cache, live }),
    ...createLeadActivities({
      ...leadDeps,
      runs: stores.automationRuns,
      automationWorkflowId: leadAutomationWorkflowId,
      startAutomation: leadWorkflows.startAutomation,
    }),
    ...createLeadReconciliationActivities({ ...leadDeps, startIntake: leadWorkflows.startIntake }),
    ...createMessageActivities({
      outbound: stores.outboundMessages,
      byHand: stores.messagesByHand,
      credentials: stores.credentials,
      ycloud,
      live,
      metrics,
      tellColleague: (person, news) =>
        mailer.send({ to: person.email, ...ruleMail(config.PUBLIC_URL, person.locale, news) }),
      takeSendSlot: (tenantId) => sendRate.count(`${tenantId}`),
      diagnose: (decision) => {
        if (config.ENABLE_AUTOMATION_DIAGNOSTICS) log.info(decision, 'automation decision');
      },
    }),
  };
}

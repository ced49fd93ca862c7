import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createCredentialTest } from './activities/credentials.ts';
import { askChatwootProfile } from './adapters/chatwoot/profile.ts';
import { createTokens } from './adapters/crypto/jwt.ts';
import { hashPassword } from './adapters/crypto/passwords.ts';
import { stopWithParent } from './adapters/lifecycle.ts';
import { dialogUrl } from './adapters/meta/oauth.ts';
import { createRateLimit } from './adapters/redis/limits.ts';
import { createMetaReplies } from './adapters/redis/meta-replies.ts';
import { createUsageGate } from './adapters/redis/usage-gate.ts';
import { createBackfills } from './adapters/temporal/backfill.ts';
import { createCampaignSyncs } from './adapters/temporal/campaign-sync.ts';
import type { Dispatcher } from './adapters/temporal/dispatcher.ts';
import { createLeadReconciliations } from './adapters/temporal/lead-reconciliation.ts';
import { hubRoutes, type Outside } from './hub-routes.ts';
import { createAccessLog } from './web/access-log.ts';
import { createApp } from './web/app.ts';
import { createLiveStreams } from './web/events.ts';
import { permissionTable } from './web/routes.ts';
import { randomSecret } from './web/secrets.ts';
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

const EVERY_TENANT = 100_000;

const config = configOrExit();
const base = await foundation('server', config);
const { log, metrics, stores, live, redis } = base;
const dispatcher = dispatcherOf(base);
const liveStreams = createLiveStreams(live);
const accessLog = createAccessLog(stores.systemEvents.saveAccesses, log);
const marketingLimit = createRateLimit(redis, 'marketing', { points: config.MARKETING_RATE_LIMIT, seconds: 60 });
const tokens = createTokens(config.JWT_SECRET);
const decoyHash = await hashPassword(randomSecret());

const routes = permissionTable([...hubRoutes(outsideOf(base, dispatcher)), liveStreams.routes]);
const app = createApp({ config, log, metrics, ...stores, tokens, accessLog, marketingLimit }, routes);
const server = app.listen(config.PORT, config.HOST, (error) => {
  if (!error) return;
  log.fatal({ err: error, port: config.PORT }, 'the port cannot be listened on');
  process.exit(1);
});
await once(server, 'listening');
const metricsServer = serveMetrics(config.METRICS_PORT, config.HOST, measured, log);
log.info({ port: (server.address() as AddressInfo).port }, 'server is listening');

stopWithParent(log, async () => {
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
  const tenants = await stores.gauges.tenants(EVERY_TENANT);
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

function outsideOf(base: Foundation, { nudge }: Dispatcher): Outside {
  const { config, stores, temporal, redis, ycloud } = base;
  const dialog = {
    dialogUrl: config.META_DIALOG_URL,
    version: config.META_GRAPH_VERSION,
    appId: config.META_APP_ID,
    redirectUri: config.META_REDIRECT_URI,
    ...(config.META_LOGIN_CONFIG_ID === undefined ? {} : { loginConfigId: config.META_LOGIN_CONFIG_ID }),
  };
  return {
    ...base,
    ...{ decoyHash, nudge, templates: templateDesk(base), notices: noticesOf(base) },
    signInLimit: createRateLimit(redis, 'sign-in', { points: 10, seconds: 60 }),
    health: {
      postgresIsUp: () => base.database.isUp(),
      temporalIsUp: () => temporal.isUp(),
      redisIsUp: () => redis?.isUp() ?? Promise.resolve(false),
    },
    syncs: createCampaignSyncs(temporal.client),
    backfills: createBackfills(temporal.client),
    reconciliations: createLeadReconciliations(temporal.client),
    phoneNumbers: async (tenantId) => ycloud.phoneNumbers(await stores.credentials.ycloudKey(tenantId)),
    testCredential: createCredentialTest({ ycloud, askChatwoot: askChatwootProfile }),
    dialogUrl: (request) => dialogUrl(dialog, request),
    usageReadings: createUsageGate(redis).readings,
    metaReplies: createMetaReplies(redis).of,
    tellSeller: sellerMails(base).givenLead,
  };
}

import { createVault } from '../../adapters/crypto/fernet.ts';
import { createTokens } from '../../adapters/crypto/jwt.ts';
import { createLogger } from '../../adapters/log.ts';
import { createMetrics } from '../../adapters/metrics.ts';
import { connectDatabase } from '../../adapters/postgres/pool.ts';
import { createStores } from '../../adapters/postgres/stores.ts';
import { createRateLimit } from '../../adapters/redis/limits.ts';
import { parseConfig } from '../../config.ts';
import { createAccessLog } from '../../web/access-log.ts';
import { createApp } from '../../web/app.ts';
import { webhookRoutes } from '../../web/webhooks.ts';

// The product's own server with the webhook routes, dispatcher paused: what is measured is signature, durable insert, 200.
const config = parseConfig(process.env);
const log = createLogger('bench', { level: 'warn' });
const metrics = createMetrics();
const database = await connectDatabase(config.DATABASE_URL);
const stores = createStores(database, createVault(config.ENCRYPTION_KEYS), {
  ycloudApiKey: undefined,
  ycloudWebhookSecret: undefined,
  onFallback: () => {},
});
const accessLog = createAccessLog(stores.systemEvents.saveAccesses, log);
const marketingLimit = createRateLimit(undefined, 'marketing', { points: 1e6, seconds: 60 });
const routes = webhookRoutes({
  config,
  inbox: stores.inbox,
  credentials: stores.credentials,
  metrics,
  log,
  nudge: () => {},
});
createApp(
  { config, log, metrics, ...stores, tokens: createTokens(config.JWT_SECRET), accessLog, marketingLimit },
  routes,
).listen(config.PORT, '127.0.0.1');

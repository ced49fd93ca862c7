import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll } from 'vitest';
import { createVault } from '../adapters/crypto/fernet.ts';
import { createTokens } from '../adapters/crypto/jwt.ts';
import { createMetrics } from '../adapters/metrics.ts';
import { createStores, type Stores } from '../adapters/postgres/stores.ts';
import { createRateLimit } from '../adapters/redis/limits.ts';
import { type Config, parseConfig } from '../config.ts';
import { createAccessLog } from '../web/access-log.ts';
import { createApp } from '../web/app.ts';
import type { Route } from '../web/route.ts';
import type { TestDatabase } from './database.ts';
import { silentLog } from './silent-log.ts';

export const TEST_FERNET_KEY = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';

export interface TestApp {
  url: string;
  config: Config;
  stores: Stores;
  tokens: ReturnType<typeof createTokens>;
  flushAccesses: () => Promise<void>;
}

/** The configuration of a test, over `given`. */
export const testConfig = (given: Record<string, string> = {}): Config =>
  parseConfig({
    DATABASE_URL: 'postgres://127.0.0.1/none',
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    ENCRYPTION_KEYS: TEST_FERNET_KEY,
    JWT_SECRET: 'a secret for tests, long enough to be one',
    PUBLIC_URL: 'http://127.0.0.1:1',
    META_APP_ID: '111222333444555',
    META_APP_SECRET: 'meta-app-secret',
    META_VERIFY_TOKEN: 'verify-token',
    ...given,
  });

/** The real web server on a free port, with the routes under test, for one test file. */
export async function testApp(
  db: TestDatabase,
  routesOf: (app: Omit<TestApp, 'url' | 'flushAccesses'>) => readonly Route[],
  given: Record<string, string> = {},
): Promise<TestApp> {
  const config = testConfig(given);
  const stores = createStores(db.database, createVault(config.ENCRYPTION_KEYS), {
    ycloudApiKey: config.YCLOUD_API_KEY,
    ycloudWebhookSecret: config.YCLOUD_WEBHOOK_SECRET,
    onFallback: () => {},
  });
  const tokens = createTokens(config.JWT_SECRET);
  const accessLog = createAccessLog(stores.systemEvents.saveAccesses, silentLog);
  const marketingLimit = createRateLimit(undefined, 'marketing', { points: config.MARKETING_RATE_LIMIT, seconds: 60 });
  const app = createApp(
    { config, log: silentLog, metrics: createMetrics(), ...stores, tokens, accessLog, marketingLimit },
    routesOf({ config, stores, tokens }),
  );
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await accessLog.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    config,
    stores,
    tokens,
    flushAccesses: accessLog.close,
  };
}

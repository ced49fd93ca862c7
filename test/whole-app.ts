import { createVault } from '../adapters/crypto/fernet.ts';
import { hashPassword } from '../adapters/crypto/passwords.ts';
import { createMetrics } from '../adapters/metrics.ts';
import { type Cache, createCache } from '../adapters/redis/cache.ts';
import { createRateLimit } from '../adapters/redis/limits.ts';
import { createLiveUpdates } from '../adapters/redis/live-updates.ts';
import type { ConnectionWorkflows } from '../adapters/temporal/connection.ts';
import { AppError } from '../domain/error.ts';
import type { MetaReply } from '../domain/meta-reply.ts';
import type { ScopeReading } from '../domain/meta-usage.ts';
import { hubRoutes, type Outside } from '../hub-routes.ts';
import { createLiveStreams } from '../web/events.ts';
import type { Route } from '../web/route.ts';
import { permissionTable } from '../web/routes.ts';
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
  /** The workflows that were told to look again. */
  woken: string[];
  /** The hash of PASSWORD. */
  passwordHash: string;
}

const away = () => Promise.reject(new AppError('unavailable', 'Temporal does not answer'));
const connectionWorkflows: ConnectionWorkflows = {
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

/** The whole permission table over real stores; Temporal is away and Redis is not used. */
export async function wholeApp(db: TestDatabase, given: Record<string, string> = {}): Promise<WholeApp> {
  const cache = createCache(undefined);
  const usage: WholeApp['usage'] = {};
  const live = createLiveUpdates(undefined);
  const liveStreams = createLiveStreams(live);
  const sellersTold: string[] = [];
  const woken: string[] = [];
  const up = { postgres: true, temporal: true, redis: true };
  const passwordHash = await hashPassword(PASSWORD);
  let routes: readonly Route[] = [];
  const app = await testApp(
    db,
    (made) => {
      routes = permissionTable([
        ...hubRoutes(outsideOf(made, { cache, usage, live, up, sellersTold, woken, passwordHash })),
        liveStreams.routes,
      ]);
      return routes;
    },
    given,
  );
  return { ...app, routes, cache, usage, live, liveStreams, up, sellersTold, woken, passwordHash };
}

function outsideOf(
  { config, stores }: Pick<TestApp, 'config' | 'stores'>,
  world: Pick<WholeApp, 'cache' | 'usage' | 'live' | 'up' | 'sellersTold' | 'woken' | 'passwordHash'>,
): Outside {
  const { cache, usage, live, up, sellersTold, woken, passwordHash } = world;
  return {
    ...{ config, stores, cache, live, log: silentLog, metrics: createMetrics() },
    vault: createVault(config.ENCRYPTION_KEYS),
    signInLimit: createRateLimit(undefined, 'sign-in', { points: 10, seconds: 60 }),
    decoyHash: passwordHash,
    mailer: { send: async () => false },
    health: {
      postgresIsUp: async () => up.postgres,
      temporalIsUp: async () => up.temporal,
      redisIsUp: async () => up.redis,
    },
    connectionWorkflows,
    leadWorkflows: { startIntake: away, startMessage: away, wake: async (ids) => void woken.push(...ids) },
    syncs: { isRunning: away, start: away },
    backfills: { start: async () => {} },
    reconciliations: { start: away },
    templates: { copy: async () => {}, create: away },
    notices: {
      urlOf: () => 'https://hub.example.com/webhook/ycloud/1',
      stateOf: async () => 'shared',
      register: away,
    },
    phoneNumbers: async () => [],
    testCredential: async () => 'works',
    dialogUrl: () => 'https://www.facebook.com/dialog/oauth',
    usageReadings: async (scopes) => usage.readings?.(scopes) ?? null,
    metaReplies: async (adAccountIds) => (await usage.replies?.(adAccountIds)) ?? [],
    tellSeller: async (_, leadId) => void sellersTold.push(leadId),
    nudge: () => {},
  };
}

import { afterAll, afterEach, beforeAll } from 'vitest';
import { createMetaClient, type MetaClient } from '../adapters/meta/client.ts';
import { createMetrics, type Metrics } from '../adapters/metrics.ts';
import type { MetaReply } from '../domain/meta-reply.ts';
import { createMemoryGate, type UsageGate } from '../domain/meta-usage.ts';
import { type MetaSimulator, startMetaSimulator } from '../simulators/meta/server.ts';
import { silentLog } from './silent-log.ts';

export const META_APP = {
  appId: '111222333444555',
  appSecret: 'an-app-secret',
  redirectUri: 'https://hub.example.com/back',
};

export interface MetaBench {
  simulator: MetaSimulator;
  meta: MetaClient;
  metrics: Metrics;
  /** `POST /_control/{path}`. */
  control<T = unknown>(path: string, body?: object): Promise<T>;
  /** A client whose gate and metrics nobody used before. */
  freshClient(given?: {
    appSecret?: string;
    deadlineMs?: number;
    version?: string;
    gate?: UsageGate;
    hear?: (reply: MetaReply) => void;
  }): MetaClient;
  /** Signs a person in as the dialog's form would, and gives the code it sends back. */
  signIn(given?: {
    scopes?: readonly string[];
    challenge?: string;
    declined?: readonly string[];
    rerequest?: boolean;
    configId?: string;
  }): Promise<string>;
}

/** The Meta simulator of one test file, over real HTTP; faults are cleared after each test. */
export function metaBench(): MetaBench {
  const bench = {} as MetaBench;
  beforeAll(async () => {
    const { appId, appSecret } = META_APP;
    bench.simulator = await startMetaSimulator({ appId, appSecret });
    bench.metrics = createMetrics();
    bench.meta = bench.freshClient();
  });
  afterEach(async () => {
    await fetch(`${bench.simulator.url}/_control/faults`, { method: 'DELETE' });
  });
  afterAll(() => bench.simulator?.close());
  bench.control = async <T>(path: string, body?: object): Promise<T> => {
    const reply = await fetch(`${bench.simulator.url}/_control/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!reply.ok) throw new Error(`control ${path}: ${await reply.text()}`);
    return (await reply.json()) as T;
  };
  bench.freshClient = ({ gate = createMemoryGate(Date.now), hear, ...given } = {}) =>
    createMetaClient(
      { ...META_APP, version: 'v26.0', graphUrl: bench.simulator.url, ...given },
      { log: silentLog, metrics: bench.metrics, gate, hear },
    );
  bench.signIn = async ({ scopes = ALL_SCOPES, declined = [], challenge, rerequest = false, configId } = {}) => {
    const form = new URLSearchParams({
      client_id: META_APP.appId,
      redirect_uri: META_APP.redirectUri,
      state: 's',
      response_type: 'code',
      scope: scopes.join(','),
      action: 'continue',
      granted_shown: '1',
      ...(configId === undefined ? {} : { config_id: configId, override_default_response_type: 'true' }),
      ...(rerequest ? { auth_type: 'rerequest' } : {}),
      ...(challenge === undefined ? {} : { code_challenge: challenge, code_challenge_method: 'S256' }),
    });
    for (const scope of scopes) if (!declined.includes(scope)) form.append('granted', scope);
    const reply = await fetch(`${bench.simulator.url}/v26.0/dialog/oauth`, {
      method: 'POST',
      body: form,
      redirect: 'manual',
    });
    return new URL(reply.headers.get('location') ?? '').searchParams.get('code') ?? '';
  };
  return bench;
}

const ALL_SCOPES = [
  'ads_read',
  'business_management',
  'leads_retrieval',
  'pages_show_list',
  'pages_read_engagement',
  'pages_manage_ads',
  'pages_manage_metadata',
];

import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { z } from 'zod';
import { AppError } from '../../domain/error.ts';
import { type MetaReply, shownReply } from '../../domain/meta-reply.ts';
import { UNNAMED_WAIT_MS, type UsageGate } from '../../domain/meta-usage.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { graphError, problemIn, unreadable } from './errors.ts';
import { parseLossless } from './json.ts';
import { namedWaitMs, usageIn } from './usage.ts';

/** Where Graph is and who we are there. */
export interface GraphConfig {
  appId: string;
  appSecret: string;
  /** One version for every call, e.g. `v26.0`. */
  version: string;
  graphUrl: string;
  /** For calls that name none; pages of figures have a minute. */
  deadlineMs?: number;
  /** Logs every call: endpoint, status, milliseconds, trace id. Never an address. */
  logCalls?: boolean;
}

export interface GraphDeps {
  log: Logger;
  metrics: Pick<Metrics, 'metaCalls' | 'metaUsage' | 'metaVersionDiffers'>;
  gate: UsageGate;
  /** Hears every reply, as it may be looked at. */
  hear?: ((reply: MetaReply) => void) | undefined;
}

/** The names under which calls are counted: bounded, never an id. */
export type Endpoint =
  | 'oauth_token'
  | 'debug_token'
  | 'me'
  | 'permissions'
  | 'businesses'
  | 'ad_accounts'
  | 'ad_account'
  | 'pages'
  | 'campaigns'
  | 'adsets'
  | 'ads'
  | 'insights'
  | 'insights_report'
  | 'lead'
  | 'leadgen_form'
  | 'leadgen_forms'
  | 'form_leads'
  | 'subscribed_apps'
  | 'app_subscriptions';

export interface GraphCall<T> {
  endpoint: Endpoint;
  method?: 'GET' | 'POST' | 'DELETE';
  /** Under the version, e.g. `me/businesses`. */
  path: string;
  /** Sent in the Authorization header; null only where the form itself proves who we are. */
  token: string | null;
  params?: Readonly<Record<string, string>>;
  schema: z.ZodType<T>;
  /** The ad account or page whose limits the call counts for. */
  assetId?: string;
  /** Limits to respect beside the app's, e.g. `ads_insights`, as kinds of `assetId`. */
  limits?: readonly string[];
  deadlineMs?: number;
}

export type Graph = ReturnType<typeof createGraph>;

/** The HTTP side of Graph: one call, its reply checked, its usage noted, its failure an AppError (table in errors.ts). */
export function createGraph(config: GraphConfig, { log, metrics, gate, hear }: GraphDeps) {
  const versionWatch = createVersionWatch(config.version, log, metrics);

  /**
   * Makes one call.
   * Above 80 % of a limit it first pauses. @throws AppError, code by errors.ts; `rate_limited` before calling when the gate of one of its limits is closed.
   */
  async function call<T>(request: GraphCall<T>): Promise<T> {
    await admit(gate, request);
    const startedAt = performance.now();
    try {
      const { status, headers, text } = await send(config, request);
      versionWatch.note(headers);
      hear?.(heardOf(request, status, text));
      const usages = usageIn(headers, request.assetId);
      for (const { label, ratio } of usages) metrics.metaUsage.set(label, ratio);
      await Promise.all(usages.map((usage) => gate.record(usage)));
      if (usages.length === 0) await Promise.all(blindScopesOf(request).map((scope) => gate.countBlind(scope)));
      const value = readReply(request, status, text, namedWaitMs(usages));
      count(request, 'ok', startedAt);
      return value;
    } catch (error) {
      count(request, error instanceof AppError ? error.code : 'unexpected', startedAt);
      if (error instanceof AppError && error.code === 'rate_limited') await closeGate(gate, request, error);
      throw error;
    }
  }

  function count({ endpoint }: GraphCall<unknown>, outcome: string, startedAt: number): void {
    metrics.metaCalls.inc({ endpoint, outcome });
    if (config.logCalls) log.info({ endpoint, outcome, ms: Math.round(performance.now() - startedAt) }, 'graph call');
  }

  return { config, call, servedVersion: versionWatch.served };
}

/** Lower-case hex HMAC of a token: proves that the caller holds the app secret. */
export const appSecretProof = (appSecret: string, token: string): string =>
  createHmac('sha256', appSecret).update(token).digest('hex');

async function send(config: GraphConfig, request: GraphCall<unknown>) {
  const { method = 'GET', token, params = {}, deadlineMs = config.deadlineMs ?? 20_000, endpoint } = request;
  const values = new URLSearchParams(params);
  if (token !== null) values.set('appsecret_proof', appSecretProof(config.appSecret, token));
  const url = new URL(`${config.graphUrl.replace(/\/$/, '')}/${config.version}/${request.path}`);
  if (method !== 'POST') url.search = values.toString();
  try {
    const reply = await fetch(url, {
      method,
      headers: { accept: 'application/json', ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
      ...(method === 'POST' ? { body: values } : {}),
      redirect: 'error',
      signal: AbortSignal.timeout(deadlineMs),
    });
    return { status: reply.status, headers: reply.headers, text: await reply.text() };
  } catch (error) {
    // fetch's own error names the address, which may hold a token to inspect: only its kind goes on.
    throw unreadable(endpoint, error instanceof Error && error.name === 'TimeoutError' ? 'deadline' : 'no reply');
  }
}

function heardOf({ endpoint, assetId }: GraphCall<unknown>, status: number, text: string): MetaReply {
  let reply: unknown = '(not JSON)';
  try {
    reply = shownReply(endpoint, parseLossless(text));
  } catch {
    // shown as what it is not
  }
  return { endpoint, assetId: assetId ?? null, status, at: new Date().toISOString(), reply };
}

function readReply<T>(request: GraphCall<T>, status: number, text: string, waitMs: number | undefined): T {
  const { endpoint, assetId, schema } = request;
  const body = bodyOf(endpoint, status, text);
  const problem = problemIn(body);
  if (problem !== null)
    throw graphError(problem, {
      endpoint,
      httpStatus: status,
      assetId,
      retryAfterMs: waitMs ?? Math.round(UNNAMED_WAIT_MS * (1 + Math.random() / 5)),
    });
  if (status >= 400) throw unreadable(endpoint, 'no error envelope', status);
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new AppError('unavailable', `Graph ${endpoint}: unexpected reply`, {
    details: { endpoint, httpStatus: status, field: parsed.error.issues[0]?.path.join('.') ?? '' },
  });
}

function bodyOf(endpoint: Endpoint, status: number, text: string): unknown {
  try {
    return parseLossless(text);
  } catch {
    throw unreadable(endpoint, 'not JSON', status);
  }
}

const ownScopesOf = ({ assetId, limits = [] }: GraphCall<unknown>): string[] =>
  assetId === undefined ? [] : limits.map((kind) => `${assetId}:${kind}`);

// Leads are read with page tokens, which count for the page: a campaign sync that used up the app's limit must not delay them.
const scopesOf = (request: GraphCall<unknown>): string[] =>
  request.limits?.includes('leadgen')
    ? ownScopesOf(request)
    : ['app', ...ownScopesOf(request), ...blindScopesOf(request)];

/** Ads calls whose replies say nothing of usage are counted by ourselves. */
const blindScopesOf = ({ assetId, limits = [] }: GraphCall<unknown>): string[] =>
  assetId !== undefined && limits.includes('ads') ? [`${assetId}:unsaid`] : [];

/** Refuses while a limit is closed, and goes slower near its end; one question to the gate for all of the call's limits. */
async function admit(gate: UsageGate, request: GraphCall<unknown>): Promise<void> {
  const scopes = scopesOf(request);
  const [waits, paces] = await Promise.all([
    Promise.all(scopes.map((scope) => gate.waitMs(scope))),
    Promise.all(scopes.map((scope) => gate.paceMs(scope))),
  ]);
  const waitMs = Math.max(0, ...waits);
  if (waitMs > 0)
    throw new AppError('rate_limited', `Graph ${request.endpoint}: gate closed`, {
      retryAfterMs: waitMs,
      details: { endpoint: request.endpoint, gate: true },
    });
  const pauseMs = Math.max(0, ...paces);
  if (pauseMs > 0) await pause(pauseMs);
}

// Code 4 is the app's limit; every other throttle is the asset's own and must not stop the rest.
async function closeGate(gate: UsageGate, request: GraphCall<unknown>, error: AppError): Promise<void> {
  const { gate: isOurs, metaCode, subcode } = error.details;
  if (isOurs === true) return;
  const scopes = metaCode === 4 && subcode === undefined ? ['app'] : ownScopesOf(request);
  for (const scope of scopes) await gate.close(scope, error.retryAfterMs ?? UNNAMED_WAIT_MS);
}

// A dead version is not refused but served by another one; the reply header tells.
function createVersionWatch(asked: string, log: Logger, { metaVersionDiffers }: GraphDeps['metrics']) {
  let last: string | null = null;
  return {
    /** Of the last reply; null before the first. */
    served: (): string | null => last,
    note(headers: Headers): void {
      const served = headers.get('facebook-api-version');
      if (served === null) return;
      metaVersionDiffers.set(served === asked ? 0 : 1);
      if (served !== asked && served !== last)
        log.warn({ asked, served }, 'Graph serves another version than asked for');
      last = served;
    },
  };
}

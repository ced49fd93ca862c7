import { randomBytes } from 'node:crypto';
import { runBatch } from './batch.ts';
import { authenticate, type Caller, type Context, type GraphNode, resolveNode } from './context.ts';
import { debugToken } from './debug-token.ts';
import { runEdge, runNode } from './edges.ts';
import { errorOfCode, errorOfStatus, GraphError, isThrottle, throttled, unknownPath } from './errors.ts';
import type { GraphCall, Reply } from './http.ts';
import { isObject } from './http.ts';
import { exchangeToken } from './oauth-token.ts';
import type { Simulator } from './simulator.ts';
import { hourlyLimit, type Meter, type Reading, usageHeaders } from './usage.ts';
import { find } from './world-types.ts';

/** Answers one Graph call. Never throws for what Meta itself would answer with an error envelope. */
export async function answer(sim: Simulator, call: GraphCall): Promise<Reply> {
  const trace = traceId();
  const state: { meter: Meter | undefined } = { meter: undefined };
  try {
    const json = await dispatch(sim, call, state);
    const reading = readingOf(sim, call, state.meter, undefined);
    const sent = isObject(json) && 'events_received' in json ? { ...json, fbtrace_id: trace } : json;
    return { status: 200, headers: { ...commonHeaders(sim, call, trace), ...usageHeaders(reading) }, json: sent };
  } catch (error) {
    if (!(error instanceof GraphError)) {
      throw error;
    }
    const reading = readingOf(sim, call, state.meter, error);
    const headers = { ...commonHeaders(sim, call, trace), ...usageHeaders(reading), ...error.details.headers };
    return { status: error.status, headers, json: error.body(trace) };
  }
}

async function dispatch(sim: Simulator, call: GraphCall, state: { meter: Meter | undefined }): Promise<unknown> {
  checkVersion(call.version);
  if (call.path === 'oauth/access_token') {
    refuseByFault(call);
    return exchangeToken(sim, call);
  }
  if (call.path === 'debug_token') {
    refuseByFault(call);
    return debugToken(sim, call);
  }
  if (call.path === '' && call.method === 'POST') {
    refuseByFault(call);
    authenticate(sim, call);
    return runBatch(sim, call, (item) => answer(sim, item));
  }
  const caller = authenticate(sim, call);
  if (call.path === '') {
    return readMany(sim, call, caller);
  }
  const [id = '', ...rest] = call.path.split('/');
  const node = resolveNode(sim, caller, id, call.method);
  state.meter = meterOf(sim, node, rest.join('/'));
  sim.usage.record(`app:${caller.info.kind === 'PAGE' ? caller.info.pageId : ''}`, sim.clock.now());
  if (state.meter !== undefined) {
    sim.usage.record(meterKey(state.meter), sim.clock.now());
  }
  refuseByFault(call);
  refuseOverLimit(sim, call, state.meter);
  const context: Context = { sim, call, caller, node };
  return rest.length === 0 ? runNode(context) : runEdge(context, rest.join('/'));
}

/** `GET /?ids=1,2&fields=…`: several nodes by id. */
function readMany(sim: Simulator, call: GraphCall, caller: Caller): Record<string, unknown> {
  const ids = (call.params['ids'] ?? '').split(',').filter((id) => id !== '');
  if (ids.length === 0) {
    throw unknownPath('');
  }
  refuseByFault(call);
  return Object.fromEntries(
    ids.map((id) => [id, runNode({ sim, call, caller, node: resolveNode(sim, caller, id, 'GET') })]),
  );
}

/** People who use the app, and people engaged with a page: large enough that only the ads limits matter here. */
const ENGAGED_PEOPLE = 5000;

/** Versions that exist or existed; what lies ahead is no path. */
function checkVersion(version: string): void {
  if (version !== '' && Number(version.slice(1)) > NEWEST) {
    throw unknownPath(version);
  }
}

const NEWEST = 26;
const OLDEST_ADS = 25;
const OLDEST_GRAPH = 21;

/** The version that really runs: a dead one is silently replaced by the oldest that is alive. */
function servedVersion(call: GraphCall): string {
  const asked = call.version === '' ? NEWEST : Number(call.version.slice(1));
  const ads = /^act_|^120210|insights$|(ad|ads|adsets|adcreatives|campaigns|adaccounts)$/.test(call.path);
  return `v${Math.max(asked, ads ? OLDEST_ADS : OLDEST_GRAPH)}.0`;
}

function refuseByFault({ fault }: GraphCall): void {
  if (fault === undefined) {
    return;
  }
  if (fault.kind === 'code') {
    throw errorOfCode(fault.value ?? 1, fault.subcode);
  }
  if (fault.kind === 'status') {
    throw errorOfStatus(fault.value ?? 500, fault.subcode);
  }
  if (fault.kind === 'error_in_200') {
    throw new GraphError(fault.value ?? 1, 'An unknown error occurred', { status: 200 });
  }
}

/** Blocks when the meter, or a `usage` fault of 100 or more, says so. */
function refuseOverLimit(sim: Simulator, call: GraphCall, meter: Meter | undefined): void {
  if (call.fault?.kind === 'usage' && (call.fault.value ?? 100) >= 100) {
    throw throttled(throttleCode(meter));
  }
  if (meter !== undefined && sim.usage.lastHour(meterKey(meter), sim.clock.now()) > hourlyLimit(meter, sim.settings)) {
    throw throttled(throttleCode(meter));
  }
}

function throttleCode(meter: Meter | undefined): number {
  const codes = { ads_insights: 80_000, ads_management: 80_004, pages: 80_001, leadgen: 80_005 } as const;
  return meter === undefined ? 4 : codes[meter.type];
}

function meterKey({ objectId, type }: Meter): string {
  return `${objectId}:${type}`;
}

/** Which meter a call runs on; calls about people and businesses count for the app only. */
function meterOf(sim: Simulator, node: GraphNode, edge: string): Meter | undefined {
  if (node.kind === 'page') {
    return { objectId: node.id, type: 'pages', size: ENGAGED_PEOPLE };
  }
  if (node.kind === 'form' || node.kind === 'lead') {
    return { objectId: node.pageId, type: 'leadgen', size: sim.leads.countOfPage(node.pageId) };
  }
  const accountId = node.kind === 'account' ? node.id : 'accountId' in node ? node.accountId : undefined;
  const account = accountId === undefined ? undefined : find(sim.world, 'account', accountId);
  if (account === undefined) {
    return undefined;
  }
  const size = sim.world.ads.filter((ad) => ad.accountId === account.id && ad.status === 'ACTIVE').length;
  const type = edge === 'insights' || node.kind === 'report' ? 'ads_insights' : 'ads_management';
  return { objectId: account.accountId, type, size };
}

function readingOf(sim: Simulator, call: GraphCall, meter: Meter | undefined, error: GraphError | undefined): Reading {
  const now = sim.clock.now();
  const forced = call.fault?.kind === 'usage' ? call.fault : undefined;
  const blocked = error !== undefined && isThrottle(error.code);
  const chosen =
    forced?.type === undefined || meter === undefined ? meter : { ...meter, type: forced.type as Meter['type'] };
  const counted =
    meter === undefined
      ? 0
      : Math.ceil((100 * sim.usage.lastHour(meterKey(meter), now)) / hourlyLimit(meter, sim.settings));
  const app = Math.ceil((100 * sim.usage.lastHour('app:', now)) / (200 * ENGAGED_PEOPLE));
  return {
    meter: chosen,
    percent: blocked ? 100 : Math.min(100, forced?.value ?? counted),
    appPercent: Math.min(
      100,
      blocked && error.code === 4 ? 100 : meter === undefined && forced ? (forced.value ?? 100) : app,
    ),
    regainMinutes: blocked || (forced?.value ?? 0) >= 100 ? (call.fault?.regainMinutes ?? 1) : 0,
    tier: sim.settings.tier,
  };
}

function commonHeaders(sim: Simulator, call: GraphCall, trace: string): Record<string, string> {
  return {
    'Content-Type': 'application/json; charset=UTF-8',
    'facebook-api-version': servedVersion(call),
    'x-fb-request-id': trace,
    'x-fb-trace-id': trace,
    'x-fb-rev': `10${String(sim.world.seed).padStart(8, '0')}`,
    'X-FB-Debug': randomBytes(24).toString('base64'),
    Expires: 'Sat, 01 Jan 2000 00:00:00 GMT',
    'Cache-Control': 'private, no-cache, no-store, must-revalidate',
    'Access-Control-Allow-Origin': '*',
  };
}

function traceId(): string {
  return `A${randomBytes(16).toString('base64url').replace(/[-_]/g, 'x')}`;
}

import { handshake } from './app-edges.ts';
import { createLeads, killTokens, makeToken } from './control-make.ts';
import { totals, worldView } from './control-world.ts';
import { type Fault, faultKinds } from './faults.ts';
import { growAccount, takeAwayGrowth } from './growth.ts';
import { isObject, parseJson, type Reply } from './http.ts';
import { applySettings, defaultSettings } from './settings.ts';
import type { Simulator } from './simulator.ts';
import { signedRequest } from './wire.ts';
import { createWorld } from './world.ts';
import type { Status } from './world-types.ts';

type Body = Readonly<Record<string, unknown>>;
type Handler = (sim: Simulator, body: Body, url: URL) => unknown;

/** The control interface: everything a test may do that Meta's own API cannot. */
const handlers: Readonly<Record<string, Handler>> = {
  'GET ledger': (sim) => sim.ledger.rows(),
  'GET world': (sim) => worldView(sim),
  'GET totals': (sim, _body, url) => totals(sim, url.searchParams),
  'GET clock': (sim) => ({ now: new Date(sim.clock.now()).toISOString() }),
  'GET settings': (sim) => sim.settings,
  'GET webhooks': (sim) => ({
    waiting: sim.webhooks.waiting(),
    subscribed_pages: Object.fromEntries(sim.subscribedPages),
  }),
  'POST tokens': makeToken,
  'POST tokens/kill': killTokens,
  'POST tokens/revive': (sim) => {
    sim.tokens.revive();
    return { success: true };
  },
  'POST leads': createLeads,
  'POST clock': advanceClock,
  'POST restate': restate,
  'POST reset': reset,
  'POST faults': addFault,
  'DELETE faults': (sim) => {
    sim.faults.clear();
    return { success: true };
  },
  'POST app': changeApp,
  'POST settings': (sim, body) => ({ refused: applySettings(sim.settings, body), settings: sim.settings }),
  'POST objects': changeObject,
  'POST campaigns': growAccount,
  'POST deauthorize': (sim, body) => postSigned(sim, body, {}),
  'POST data-deletion': (sim, body) => postSigned(sim, body, { expires: sim.clock.seconds() + 3600 }),
};

/** Answers `/_control/…`; 404 for what it does not have, 400 with a sentence for a body it does not understand. */
export async function control(sim: Simulator, method: string, url: URL, raw: Buffer): Promise<Reply> {
  const headers = { 'Content-Type': 'application/json; charset=UTF-8' };
  const handler = handlers[`${method} ${url.pathname.slice('/_control/'.length).replace(/\/$/, '')}`];
  if (handler === undefined) {
    return { status: 404, headers, json: { error: 'no such control', known: Object.keys(handlers) } };
  }
  const value = raw.length === 0 ? {} : parseJson(raw.toString('utf8'));
  if (!isObject(value)) {
    return { status: 400, headers, json: { error: 'the body must be a JSON object' } };
  }
  if (method !== 'GET') {
    sim.results.clear();
  }
  try {
    return { status: 200, headers, json: await handler(sim, value, url) };
  } catch (error) {
    return { status: 400, headers, json: { error: error instanceof Error ? error.message : String(error) } };
  }
}

function advanceClock(sim: Simulator, body: Body): unknown {
  const seconds = body['advanceSeconds'];
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) {
    throw new Error('advanceSeconds must be a number');
  }
  sim.clock.advance(seconds);
  sim.webhooks.wake();
  return { now: new Date(sim.clock.now()).toISOString() };
}

/** Restates the last `days` days, today included, of one account or of all. */
function restate(sim: Simulator, body: Body): unknown {
  const days = body['days'];
  if (typeof days !== 'number' || !Number.isInteger(days) || days < 1) {
    throw new Error('days must be a whole number from 1');
  }
  const accounts = sim.world.accounts.filter(
    (account) => body['account'] === undefined || account.id === body['account'],
  );
  for (const account of accounts) {
    sim.restatements.add(account, days, sim.clock.now());
  }
  return { accounts: accounts.map((account) => account.id), days };
}

/** Back to a fresh start, except for connections: tokens, the app's callback and page subscriptions stay unless `all` is true. */
function reset(sim: Simulator, body: Body): unknown {
  sim.ledger.clear();
  sim.faults.clear();
  sim.usage.clear();
  sim.restatements.clear();
  sim.reports.clear();
  sim.leads.clear();
  sim.webhooks.clear();
  sim.clock.reset();
  sim.tokens.revive();
  const world = createWorld(sim.world.seed);
  takeAwayGrowth(sim.world, world);
  for (const [id, fresh] of world.byId) {
    Object.assign(sim.world.byId.get(id) ?? {}, fresh);
  }
  Object.assign(sim.settings, defaultSettings());
  if (body['all'] === true) {
    sim.subscribedPages.clear();
    sim.codes.clear();
    Object.assign(sim.app, { callbackUrl: undefined, verifyToken: undefined, fields: [], redirectUris: [] });
  }
  return { success: true };
}

function addFault(sim: Simulator, body: Body): unknown {
  const kind = faultKinds.find((name) => name === body['kind']);
  if (kind === undefined) {
    throw new Error(`kind must be one of ${faultKinds.join(', ')}`);
  }
  const match = isObject(body['match']) ? body['match'] : {};
  sim.faults.add({ ...body, kind, match } as Fault);
  return { success: true };
}

/** Changes the app: `redirect_uris`, `verify_token`, and `callback_url` (with `verify: true` the handshake is made first). */
async function changeApp(sim: Simulator, body: Body): Promise<unknown> {
  const { app } = sim;
  const { redirect_uris: redirectUris, callback_url: callbackUrl, verify_token: verifyToken } = body;
  if (typeof verifyToken === 'string') {
    app.verifyToken = verifyToken;
  }
  if (Array.isArray(redirectUris)) {
    app.redirectUris = redirectUris.map(String);
  }
  if (typeof callbackUrl === 'string') {
    if (body['verify'] === true) {
      await handshake(callbackUrl, app.verifyToken ?? '');
    }
    app.callbackUrl = callbackUrl;
    app.fields = ['leadgen'];
  }
  return {
    id: app.id,
    name: app.name,
    redirect_uris: app.redirectUris,
    callback_url: app.callbackUrl,
    fields: app.fields,
  };
}

/**
 * Changes an object as its owner would: `name` and `status` of a campaign, ad set or ad (`updated_time` moves),
 * `account_status` of an ad account, `tasks` of a page (take ADVERTISE away and its leads are shut).
 */
function changeObject(sim: Simulator, body: Body): unknown {
  const object = sim.world.byId.get(String(body['id']));
  if (object?.kind === 'account' && typeof body['account_status'] === 'number') {
    object.status = body['account_status'];
    return { id: object.id, account_status: object.status };
  }
  if (object?.kind === 'page' && Array.isArray(body['tasks'])) {
    object.tasks = body['tasks'].map(String);
    return { id: object.id, tasks: object.tasks };
  }
  if (object?.kind !== 'campaign' && object?.kind !== 'adset' && object?.kind !== 'ad') {
    throw new Error('id must be a campaign, ad set or ad; or an account with account_status, or a page with tasks');
  }
  object.name = typeof body['name'] === 'string' ? body['name'] : object.name;
  object.status = typeof body['status'] === 'string' ? (body['status'] as Status) : object.status;
  object.updatedAt = sim.clock.now();
  return { id: object.id, name: object.name, status: object.status };
}

/** Sends Meta's signed callback of section 1.8 to `url` for `user_id`, and tells what came back. */
async function postSigned(sim: Simulator, body: Body, more: Body): Promise<unknown> {
  const userId = String(body['user_id'] ?? sim.world.users[0]?.id);
  const payload = { user_id: userId, algorithm: 'HMAC-SHA256', issued_at: sim.clock.seconds(), ...more };
  const response = await fetch(String(body['url']), {
    method: 'POST',
    body: new URLSearchParams({ signed_request: signedRequest(sim.app.secret, payload) }),
  });
  return { status: response.status, text: await response.text() };
}

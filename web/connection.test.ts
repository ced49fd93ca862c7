import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ConnectionActivities, createConnectionActivities } from '../activities/connection.ts';
import { dialogUrl } from '../adapters/meta/oauth.ts';
import type { ConnectionWorkflows } from '../adapters/temporal/connection.ts';
import { AppError } from '../domain/error.ts';
import { type TestApp, testApp } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { META_APP, metaBench } from '../test/meta-simulator.ts';
import { aPerson, type Person } from '../test/person.ts';
import { connectionRoutes } from './connection.ts';

const bench = metaBench();
let db: TestDatabase;
let app: TestApp;
let tenantId: number;
let person: Person;
let signals: string[];
let temporalIsDown: boolean;
let failNext: AppError | null;
let activities: ConnectionActivities;

/** The real activities, run at once instead of through Temporal. */
const workflows = {
  begin: async (tenant, attemptId) => {
    if (temporalIsDown) throw new AppError('unavailable', 'Temporal does not answer');
    await activities.beginAttempt({ tenantId: tenant, attemptId });
  },
  selectBusiness: (tenant, choice) => activities.listAssets({ tenantId: tenant, ...choice }),
  selectAssets: (tenant, choice) => activities.chooseAssets({ tenantId: tenant, ...choice }),
  confirm: async (tenant, attemptId) => {
    const failure = failNext;
    failNext = null;
    if (failure !== null) throw failure;
    await activities.confirmConnection({ tenantId: tenant, attemptId });
  },
  test: async (tenant) => {
    const { isValid, missingScopes } = await activities.testToken({ tenantId: tenant });
    return { isValid, missingScopes };
  },
  deliverOauthReturned: async (tenant, attemptId) => {
    await activities.exchangeCode({ tenantId: tenant, attemptId });
  },
  tokenRejected: async () => true,
  refreshNow: async () => signals.push('refreshNow') > 0,
  disconnect: async (tenant, userId) => {
    await activities.disconnectMeta({ tenantId: tenant, userId });
    return true;
  },
} satisfies ConnectionWorkflows;

beforeAll(async () => {
  db = await testDatabase();
  app = await testApp(db, ({ config, stores }) =>
    connectionRoutes({
      ...stores,
      config,
      attempts: stores.oauthAttempts,
      workflows,
      dialogUrl: (request) =>
        dialogUrl({ ...META_APP, version: 'v26.0', dialogUrl: bench.simulator.url }, { ...request }),
      nudge: () => void signals.push('nudge'),
    }),
  );
  const { stores } = app;
  activities = createConnectionActivities({
    ...stores,
    attempts: stores.oauthAttempts,
    meta: bench.meta,
    schedules: { startCampaignSync: async () => {}, stopCampaignSync: async () => {} },
    live: { publish: () => {}, subscribe: () => () => {} },
  });
});
beforeEach(async () => {
  signals = [];
  temporalIsDown = false;
  failNext = null;
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
});

const locationOf = (reply: Response) => reply.headers.get('location') ?? '';

/** Presses the button at Meta; gives the path that the browser is sent back to. */
async function atMeta(
  dialog: string,
  answer: 'continue' | 'cancel' = 'continue',
  declined: string[] = [],
): Promise<string> {
  const { searchParams, origin, pathname } = new URL(dialog);
  const form = new URLSearchParams(searchParams);
  form.set('action', answer);
  form.set('granted_shown', '1');
  for (const scope of (searchParams.get('scope') ?? '').split(','))
    if (!declined.includes(scope)) form.append('granted', scope);
  form.set('auth_type', 'rerequest');
  const reply = await fetch(`${origin}${pathname}`, { method: 'POST', body: form, redirect: 'manual' });
  return `/crm/auth/meta/callback${new URL(locationOf(reply)).search}`;
}

/** From the button to the wizard's second step; gives the wizard's path. */
async function signedIn(declined: string[] = []): Promise<string> {
  const dialog = locationOf(await person.post('/crm/connection/attempts'));
  const wizard = locationOf(await person.get(await atMeta(dialog, 'continue', declined)));
  await workflows.deliverOauthReturned(tenantId, wizard.split('/').at(-1) ?? '');
  return wizard;
}

const valuesOf = (html: string, name: string): string[] =>
  [...html.matchAll(new RegExp(`name="${name}" value="(\\d+)"(?: required)?( checked)?`, 'g'))]
    .filter((match) => match[2] !== undefined)
    .map((match) => match[1] ?? '');

async function connect(): Promise<Response> {
  const wizard = await signedIn();
  const [business] = valuesOf(await (await person.get(wizard)).text(), 'business_id');
  await person.post(`${wizard}/business`, { business_id: business ?? '' });
  const assets = await (await person.get(wizard)).text();
  await person.post(`${wizard}/assets`, {
    ad_account_id: valuesOf(assets, 'ad_account_id'),
    page_id: valuesOf(assets, 'page_id').slice(0, 1),
  });
  return person.post(`${wizard}/confirmation`);
}

describe('Connecting, page by page', () => {
  it('leads from the button over business, accounts and pages to Connected', async () => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    expect(dialog).toContain('/dialog/oauth?');
    const returned = await atMeta(dialog);
    const wizard = locationOf(await person.get(returned));
    expect(await (await person.get(wizard)).text()).toContain('Reading what you gave access to');
    expect(signals).toEqual(['nudge']);
    await workflows.deliverOauthReturned(tenantId, wizard.split('/').at(-1) ?? '');
    expect((await person.get(`${wizard}/progress`)).headers.get('hx-redirect')).toBe(wizard);

    const business = await (await person.get(wizard)).text();
    expect(business).toContain(bench.simulator.world.businesses[0]?.name ?? '-');
    const [businessId = ''] = valuesOf(business, 'business_id');
    expect(locationOf(await person.post(`${wizard}/business`, { business_id: businessId }))).toBe(wizard);

    const assets = await (await person.get(wizard)).text();
    const [accounts, pages] = [valuesOf(assets, 'ad_account_id'), valuesOf(assets, 'page_id')];
    expect(accounts.length).toBeGreaterThan(0);
    await person.post(`${wizard}/assets`, { ad_account_id: accounts, page_id: pages });
    expect(await (await person.get(wizard)).text()).toContain('This will be connected');

    await person.post(`${wizard}/confirmation`);
    expect(locationOf(await person.get(wizard))).toBe('/crm/connection');
    const health = await (await person.get('/crm/connection')).text();
    expect(health).toMatch(/<span class="connection-status state"[^>]*>Connected<\/span>/);
    expect(health.match(/connection-status/g)).toHaveLength(1);
  });

  it('reads Conectado in Spanish', async () => {
    await connect();
    const carla = await aPerson(app, db, tenantId, { locale: 'es' });
    expect(await (await carla.get('/crm/connection')).text()).toMatch(/connection-status state"[^>]*>Conectado</);
  });

  it('may be confirmed twice: the second press lands on the same page', async () => {
    const wizard = await signedIn();
    const [business = ''] = valuesOf(await (await person.get(wizard)).text(), 'business_id');
    await person.post(`${wizard}/business`, { business_id: business });
    const accounts = valuesOf(await (await person.get(wizard)).text(), 'ad_account_id');
    await person.post(`${wizard}/assets`, { ad_account_id: accounts });
    await person.post(`${wizard}/confirmation`);
    expect(locationOf(await person.post(`${wizard}/confirmation`))).toBe('/crm/connection');
  });

  it('keeps the form and says why when nothing was chosen', async () => {
    const wizard = await signedIn();
    await person.post(`${wizard}/business`, { business_id: '' });
    const reply = await person.post(`${wizard}/assets`, {});
    expect(reply.status).toBe(422);
    expect(await reply.text()).toContain('No ad account is chosen');
  });

  it('names the page that Meta gives no access to', async () => {
    const wizard = await signedIn();
    const [business = ''] = valuesOf(await (await person.get(wizard)).text(), 'business_id');
    await person.post(`${wizard}/business`, { business_id: business });
    const { pages } = await app.stores.oauthAttempts.byId(tenantId, wizard.split('/').at(-1) ?? '');
    const accounts = valuesOf(await (await person.get(wizard)).text(), 'ad_account_id');
    await person.post(`${wizard}/assets`, { ad_account_id: accounts });
    failNext = new AppError('permission_missing', 'refused', { details: { assetId: pages[0]?.pageId ?? '' } });
    const reply = await person.post(`${wizard}/confirmation`);
    expect(reply.status).toBe(403);
    expect(await reply.text()).toContain(`Meta gives no access to the page ${pages[0]?.name}`);
  });

  it('lets the person go back a step', async () => {
    const wizard = await signedIn();
    await person.post(`${wizard}/business`, { business_id: '' });
    expect(await (await person.get(`${wizard}?step=business`)).text()).toContain('Choose the business');
  });
});

describe('Coming back from Meta', () => {
  it('says that access was not granted when Cancel was pressed', async () => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    const wizard = locationOf(await person.get(await atMeta(dialog, 'cancel')));
    const page = await (await person.get(wizard)).text();
    expect(page).toContain('Access was not granted');
    expect(page).toContain('Start again');
  });

  it('names a declined permission and asks for it again', async () => {
    const wizard = await signedIn(['leads_retrieval']);
    const page = await (await person.get(wizard)).text();
    expect(page).toContain('Read leads');
    expect(page).toContain('name="rerequest" value="1"');
    const again = locationOf(await person.post('/crm/connection/attempts', { rerequest: '1' }));
    expect(new URL(again).searchParams.get('auth_type')).toBe('rerequest');
  });

  it('shows the same result when the browser loads the callback twice', async () => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    const callback = await atMeta(dialog);
    const first = locationOf(await person.get(callback));
    expect(locationOf(await person.get(callback))).toBe(first);
    expect(signals).toEqual(['nudge']);
  });

  it('works while Temporal is down: the code is parked and due', async () => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    temporalIsDown = true;
    const reply = await person.get(await atMeta(dialog));
    expect(reply.status).toBe(303);
    const { status } = await app.stores.oauthAttempts.byId(tenantId, locationOf(reply).split('/').at(-1) ?? '');
    expect(status).toBe('returned');
  });

  it.each([
    ['an invented state', (_callback: string) => '/crm/auth/meta/callback?code=x&state=y'],
    ['a state whose end was changed', (callback: string) => callback.replace(/(state=[^&]*)[^&]/, '$1_')],
    ['no state', (_callback: string) => '/crm/auth/meta/callback?code=x'],
  ])('refuses %s and saves nothing', async (_title, forge) => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    const attemptId = new URL(dialog).searchParams.get('state')?.split('.')[0] ?? '';
    const reply = await person.get(forge(await atMeta(dialog)));
    expect(reply.status).toBe(403);
    expect(await reply.text()).toContain('does not belong to you');
    expect((await app.stores.oauthAttempts.byId(tenantId, attemptId)).status).toBe('started');
  });

  it('refuses a link that another browser started', async () => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    const victim = await aPerson(app, db, await aTenant(db));
    expect((await victim.get(await atMeta(dialog))).status).toBe(403);
  });

  it('refuses a return into a browser where another account signed in meanwhile', async () => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    const callback = await atMeta(dialog);
    const other = await aPerson(app, db, await aTenant(db));
    for (const [name, value] of person.cookies) if (name.startsWith('hub_oauth_')) other.cookies.set(name, value);
    expect((await other.get(callback)).status).toBe(403);
    expect((await person.get(callback)).status).toBe(303);
  });

  it('refuses a binding that we did not sign', async () => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    const callback = await atMeta(dialog);
    for (const name of person.cookies.keys())
      if (name.startsWith('hub_oauth_')) person.cookies.set(name, `${tenantId}.${person.userId}.${'A'.repeat(43)}`);
    expect((await person.get(callback)).status).toBe(403);
  });

  it("shows a stranger nothing of another tenant's sign-in", async () => {
    const wizard = await signedIn();
    const stranger = await aPerson(app, db, await aTenant(db));
    expect((await stranger.get(wizard)).status).toBe(404);
  });

  it('keeps code and secret out of every page and address', async () => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    expect(dialog).not.toContain(META_APP.appSecret);
    const callback = await atMeta(dialog);
    const code = new URLSearchParams(callback.split('?')[1]).get('code') ?? '-';
    const wizard = locationOf(await person.get(callback));
    expect(wizard).not.toContain(code);
    expect(await (await person.get(wizard)).text()).not.toContain(code);
  });

  it('answers 503 on the button while Temporal is down', async () => {
    temporalIsDown = true;
    expect((await person.post('/crm/connection/attempts')).status).toBe(503);
  });
});

describe('For programs', () => {
  const bearer = async () => ({
    authorization: `Bearer ${await app.tokens.issue({ tenantId, userId: person.userId })}`,
    accept: 'application/json',
  });

  it('gives the address of the dialog and binds its state to this browser', async () => {
    const reply = await fetch(`${app.url}/crm/auth/meta/url`, { headers: await bearer() });
    const { url } = (await reply.json()) as { url: string };
    const state = new URL(url).searchParams.get('state') ?? '';
    expect(reply.headers.getSetCookie().join()).toMatch(
      new RegExp(`hub_oauth_${state.split('.')[0]}=.*Path=/crm/auth/meta.*HttpOnly; SameSite=Lax`),
    );
  });

  it('tells the state of the token, and never the token', async () => {
    await connect();
    const reply = await fetch(`${app.url}/crm/marketing/token-status`, { headers: await bearer() });
    const text = await reply.text();
    expect(JSON.parse(text)).toMatchObject({
      tenant_id: tenantId,
      connected: true,
      status: 'connected',
      missing_scopes: [],
    });
    expect(JSON.parse(text).days_left).toBeGreaterThan(50);
    expect(text).not.toMatch(/EAA|gAAAA/);
  });

  it('says not connected before the first sign-in', async () => {
    const reply = await fetch(`${app.url}/crm/marketing/token-status`, { headers: await bearer() });
    expect(await reply.json()).toMatchObject({ connected: false, status: 'not_connected', days_left: null });
  });

  it('asks Meta itself when told to test', async () => {
    await connect();
    const test = async () => fetch(`${app.url}/crm/auth/meta/test`, { method: 'POST', headers: await bearer() });
    expect(await (await test()).json()).toMatchObject({ ok: true });
    const { token } = await app.stores.connections.withToken(tenantId);
    await bench.control('tokens/kill', { access_token: token, subcode: 463 });
    expect(await (await test()).json()).toMatchObject({ ok: false });
  });

  it('answers 409 to a test without a connection', async () => {
    const reply = await fetch(`${app.url}/crm/auth/meta/test`, { method: 'POST', headers: await bearer() });
    expect(reply.status).toBe(409);
  });
});

describe('The health page', () => {
  it('offers to connect where nothing is connected', async () => {
    const page = await (await person.get('/crm/connection')).text();
    expect(page).toContain('Connect Meta Account');
    expect(page).toContain('Not connected');
  });

  it('asks to connect again, with the reason, after Meta refused the token', async () => {
    await connect();
    await app.stores.connections.markReconnectNeeded(tenantId, 'password_changed', null);
    const banner = await (await person.get('/crm/connection/banner')).text();
    expect(banner).toContain('Connect Meta again');
    expect(banner).toContain('changed their password');
    expect(banner).toContain('action="/crm/connection/attempts"');
  });

  it('shows the life of the access and its history', async () => {
    await connect();
    const page = await (await person.get('/crm/connection')).text();
    expect(page).toMatch(/Day 0 of 60\. Renewal begins on day 53/);
    expect(page).toContain('(accounts and pages chosen)');
  });

  it('renews on request', async () => {
    await connect();
    expect(locationOf(await person.post('/crm/connection/refresh'))).toBe('/crm/connection');
    expect(signals).toContain('refreshNow');
  });

  it('asks before it disconnects, and then does', async () => {
    await connect();
    expect(await (await person.get('/crm/connection/disconnect')).text()).toContain('Disconnect Meta?');
    await person.post('/crm/connection/disconnect');
    expect(await (await person.get('/crm/connection')).text()).toContain('Disconnected');
  });

  it('refuses a write without the CSRF field', async () => {
    const reply = await person.post('/crm/connection/disconnect', { _csrf: 'wrong' });
    expect(reply.status).toBe(403);
  });
});

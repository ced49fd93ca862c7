import { describe, expect, it } from 'vitest';
import { AppError } from '../domain/error.ts';
import {
  app,
  atMeta,
  bench,
  connect,
  db,
  locationOf,
  person,
  signals,
  signedIn,
  tenantId,
  trouble,
  valuesOf,
  workflows,
} from '../test/connection-pages.ts';
import { textOf } from '../test/html.ts';
import { aPerson } from '../test/person.ts';

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
    trouble.failNext = new AppError('permission_missing', 'refused', { details: { assetId: pages[0]?.pageId ?? '' } });
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
    expect(textOf(page)).toMatch(
      /Granted [A-Z].* Last renewed never Token ends [A-Z].* Consent to read data ends [A-Z]/,
    );
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

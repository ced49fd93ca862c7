import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { system } from '../domain/actor.ts';
import { addDays, dayIn } from '../domain/days.ts';
import { anApiKey } from '../test/api-key.ts';
import { aCampaign, aConnection, aDay, aLead, anAccount, aTouch } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';
import type { StatsJson } from './stats-json.ts';

let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let person: Person;
let today: string;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
  today = dayIn('America/Argentina/Buenos_Aires', new Date());
});

const hub = async (query = '', who = person) => (await who.get(`/crm/marketing${query}`)).text();
async function connected(): Promise<string> {
  await aConnection(db, tenantId);
  await anAccount(db, tenantId);
  await aCampaign(db, tenantId);
  await aCampaign(db, tenantId, { id: '201', name: 'Urgencias', status: 'PAUSED' });
  await aDay(db, tenantId, today, { spend: '1000.00', leads: 4 });
  await aDay(db, tenantId, addDays(today, -1), { campaignId: '201', spend: '234.56' });
  const leadId = await aLead(db, tenantId);
  await aTouch(db, tenantId, leadId);
  await app.stores.sales.recordSale(
    tenantId,
    leadId,
    { amount: '3500', currency: 'ARS', soldOn: today },
    system('test'),
  );
  return leadId;
}
const asked = async (path: string, headers: Record<string, string> = {}) =>
  fetch(app.url + path, { headers: { 'x-admin-token': await anApiKey(db, tenantId), ...headers }, redirect: 'manual' });

describe('the hub before Meta is connected', () => {
  it('leads with the button, which works without script, and shows no figures', async () => {
    const html = await hub();
    expect(html).toMatch(
      /<form[^>]* method="post" action="\/crm\/connection\/attempts">[\s\S]*?<button class="btn primary" type="submit">Connect Meta Account<\/button>/,
    );
    expect(/class="connection-status[^>]*>([^<]*)</.exec(html)?.[1]).toBe('Not connected');
    expect(html).not.toContain('id="kpis"');
    const spaniard = await aPerson(app, db, tenantId, { locale: 'es' });
    expect(await hub('', spaniard)).toContain('>Conectar cuenta de Meta</button>');
  });

  it('offers the webhook addresses to copy', async () => {
    const html = await hub();
    expect(html).toContain(`>${app.config.PUBLIC_URL}/crm/webhook/meta</output>`);
    expect(html).toContain(`>${app.config.PUBLIC_URL}/webhook/ycloud/${tenantId}</output>`);
  });
});

describe('the hub', () => {
  it('says Connected, and nothing else, where the state stands', async () => {
    await connected();
    const html = await hub();
    expect([...html.matchAll(/class="connection-status[^>]*>([^<]*)</g)].map(([, text]) => text)).toEqual([
      'Connected',
    ]);
    expect(html).not.toContain('Connect Meta Account');
  });

  it('opens with what one peso brought back, and shows the very numbers of the API', async () => {
    await connected();
    const html = await hub();
    const text = textOf(html);
    const { totals, campaigns } = (await (await asked('/crm/marketing/stats')).json()) as StatsJson;
    expect([totals[0]?.spend, totals[0]?.roi_percentage, totals[0]?.roas]).toEqual(['1234.56', '183.50', '2.84']);
    expect(text).toMatch(/Every \$1 spent brought back \$2\.84/);
    expect(text).toContain('ROI 183.5 %');
    expect(text).toMatch(/Total in ARS \$1,234\.56 1,800 60 1 \$1,234\.56 1 \$3,500\.00 183\.5 %/);
    for (const { name } of campaigns) expect(text).toContain(name);
    expect(text).toMatch(/Implantes Active \$1,000\.00 900 30 1 \$1,000\.00 1 \$3,500\.00 250\.0 %/);
  });

  it('draws each trend with its numbers in a table', async () => {
    await connected();
    const html = await hub('?days=7');
    expect([...html.matchAll(/<svg viewBox="0 0 600 128"[^>]* role="img" aria-label="[^"]+"/g)]).toHaveLength(3);
    const table = /<table class="keep">[\s\S]*?<\/table>/.exec(html)?.[0] ?? '';
    expect([...table.matchAll(/<tr>/g)]).toHaveLength(8);
    expect(html).not.toMatch(/ style="| on[a-z]+="|<script>/);
  });

  it('shows one currency at a time, and offers the others', async () => {
    await connected();
    await anAccount(db, tenantId, { id: '9', name: 'Dólares', currency: 'USD' });
    await aCampaign(db, tenantId, { id: '900', accountId: '9', name: 'Miami', currency: 'USD' });
    await aDay(db, tenantId, today, { campaignId: '900', accountId: '9', currency: 'USD', spend: '77.00' });
    expect(textOf(await hub())).not.toContain('Miami');
    expect(await hub()).toContain('href="/crm/marketing?days=30&amp;currency=USD"');
    const dollars = textOf(await hub('?currency=USD'));
    expect(dollars).toContain('Miami');
    expect(dollars).not.toContain('Urgencias');
  });

  it('says how a sale in another currency leaves figures unknown', async () => {
    const leadId = await connected();
    await app.stores.sales.recordSale(
      tenantId,
      leadId,
      { amount: '10', currency: 'USD', soldOn: today },
      system('test'),
    );
    expect(textOf(await hub('?days=14'))).toContain('ROI —');
    expect(/<table class="keep">[\s\S]*?<\/table>/.exec(await hub('?days=14'))?.[0]).not.toContain('%<');
  });

  it('says in words when more than a fifth of what was sold has no campaign', async () => {
    await connected();
    const stray = await aLead(db, tenantId);
    const sell = (amount: string) =>
      app.stores.sales.recordSale(tenantId, stray, { amount, currency: 'ARS', soldOn: today }, system('test'));
    await sell('875');
    expect(textOf(await hub('?days=60'))).not.toContain('has no campaign');
    await sell('0.01');
    expect(textOf(await hub('?days=90'))).toContain('20.0 % of what was sold has no campaign');
  });

  it('keeps its results while the connection is lost or ended', async () => {
    await connected();
    await aConnection(db, tenantId, 'reconnect_needed');
    expect(await hub()).toContain('id="kpis"');
    await aConnection(db, tenantId, 'disconnected');
    const html = await hub();
    expect(html).toContain('id="kpis"');
    expect(html).toContain('Connect Meta Account');
  });

  it('reloads its feed by itself on leads, messages and every reconnection', async () => {
    await connected();
    const feed = /id="lead-feed"[^>]*/.exec(await hub())?.[0] ?? '';
    expect(feed).toContain('hx-get="/crm/marketing/leads-feed"');
    expect(feed).toContain(
      'hx-trigger="leads from:#live, messages from:#live, htmx:sse:after:connection from:#live, every 60s"',
    );
    expect(textOf(await (await person.get('/crm/marketing/leads-feed')).text())).toContain('Lucía Fernández');
  });

  it.each(['?days=0', '?days=1e9', '?currency=pesos', '?view=x'])('refuses %s', async (query) => {
    expect((await person.get(`/crm/marketing${query}`)).status).toBe(422);
  });
});

describe('campaigns as JSON', () => {
  it('are a bare array, filtered by status; people are led to the hub', async () => {
    await connected();
    const names = async (query: string) =>
      ((await (await asked(`/crm/marketing/campaigns${query}`)).json()) as { name: string }[]).map(({ name }) => name);
    expect(await names('')).toEqual(['Implantes', 'Urgencias']);
    expect(await names('?status=active')).toEqual(['Implantes']);
    expect(await names('?status=paused')).toEqual(['Urgencias']);
    expect(await names('?status=all')).toEqual(['Implantes', 'Urgencias']);
    expect((await person.get('/crm/marketing/campaigns')).headers.get('location')).toBe('/crm/marketing#campaigns');
  });

  it('have their days, newest first, and are unknown to other tenants', async () => {
    await connected();
    const days = (await (await asked('/crm/marketing/campaigns/200/insights')).json()) as object[];
    expect(days).toEqual([{ date: today, spend: '1000.00', impressions: 900, clicks: 30, leads: 4, currency: 'ARS' }]);
    tenantId = await aTenant(db);
    expect((await asked('/crm/marketing/campaigns/200/insights')).status).toBe(404);
  });
});

describe('the deployment', () => {
  it('names its addresses from PUBLIC_URL', async () => {
    expect(await (await asked('/admin/config/deployment')).json()).toEqual({
      webhook_ycloud_url: `${app.config.PUBLIC_URL}/webhook/ycloud/${tenantId}`,
      webhook_meta_url: `${app.config.PUBLIC_URL}/crm/webhook/meta`,
      orchestrator_url: app.config.PUBLIC_URL,
      environment: app.config.ENVIRONMENT,
    });
  });

  it('hides the raw numbers unless their switch is on', async () => {
    expect((await asked('/crm/marketing/debug/stats')).status).toBe(404);
    const open = await wholeApp(db, { DEBUG_MARKETING_STATS: 'true' });
    await connected();
    const headers = { 'x-admin-token': await anApiKey(db, tenantId) };
    const raw = await (await fetch(`${open.url}/crm/marketing/debug/stats`, { headers })).json();
    expect(raw).toMatchObject({ accounts: [{ spend: '1234.56', insight_rows: 2 }], tables: { leads: 1, sales: 1 } });
  });
});

describe('the limit of 20 a minute', () => {
  it('is each caller’s own, over all of the mission’s addresses together, and leaves access rows', async () => {
    const [one, two] = [await anApiKey(db, tenantId, 'api'), await anApiKey(db, tenantId, 'api')];
    const ask = (path: string, key: string) => fetch(app.url + path, { headers: { authorization: `Bearer ${key}` } });
    const paths = [
      '/crm/marketing/stats',
      '/crm/marketing/campaigns',
      '/crm/marketing/token-status',
      '/admin/config/deployment',
    ];
    const statuses: number[] = [];
    for (let i = 0; i < 20; i++) statuses.push((await ask(paths[i % 4] ?? '', one)).status);
    expect(statuses).toEqual(Array(20).fill(200));
    const refused = await ask('/crm/marketing/stats', one);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    expect(await refused.json()).toMatchObject({ error: { code: 'rate_limited' } });
    expect((await ask('/crm/marketing/stats', two)).status).toBe(200);
  });
});

describe('What needs attention', () => {
  it('stands on top while somebody waits, and nowhere when nobody does', async () => {
    await connected();
    const waiting = await aLead(db, tenantId, { name: 'Ana' });
    expect(textOf(await hub())).toContain('1 lead not contacted Still new');
    await app.stores.leads.changeStatus(tenantId, waiting, 'contacted', system('test'));
    expect(await hub()).not.toContain('id="attention"');
  });
});

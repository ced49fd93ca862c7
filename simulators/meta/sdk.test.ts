import bizSdk from 'facebook-nodejs-business-sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, NOON, startClient } from './testing.ts';

const { AdAccount, FacebookAdsApi, FacebookAdsApiBatch, Lead, LeadgenForm, Page, User } = bizSdk;
const RANGE = { since: '2026-11-01', until: '2026-11-20' };

let client: Client;
let api: InstanceType<typeof FacebookAdsApi>;

beforeAll(async () => {
  client = await startClient();
  // The SDK has no setting for its host: it reads this static getter for every call.
  Object.defineProperty(FacebookAdsApi, 'GRAPH', { get: () => client.url });
  api = FacebookAdsApi.init(client.token, 'en_US', false);
});
afterAll(() => client.close());

test("Meta's own SDK reads the person, the businesses and the ad accounts", async () => {
  const me = await new User('me').get(['id', 'name']);
  expect(me._data['name']).toBe('Carla Domínguez');
  const businesses = await new User('me').getBusinesses(['id', 'name']);
  expect(businesses.map((business) => business['name'])).toEqual([
    'Aurora Salud',
    'Río Norte Calzados',
    'Estudio Palta',
  ]);
  const accounts = await new User('me').getAdAccounts(['name', 'currency', 'timezone_name', 'account_status']);
  expect(accounts.map((account) => account['currency'])).toEqual(['ARS', 'USD', 'EUR', 'COP', 'NZD']);
  expect(new Set(accounts.map((account) => account['timezone_name'])).size).toBe(5);
  expect(accounts.every((account) => account.id.startsWith('act_'))).toBe(true);
});

test('the SDK pages through all sixty campaigns by the next link', async () => {
  const names: unknown[] = [];
  for (const { id } of client.world.accounts) {
    let page = await new AdAccount(id).getCampaigns(['name', 'objective', 'effective_status'], { limit: 7 });
    names.push(...page.map((campaign) => campaign['name']));
    while (page.hasNext()) {
      page = await page.next();
      names.push(...page.map((campaign) => campaign['name']));
    }
  }
  expect(names).toHaveLength(60);
  expect(new Set(names).size).toBe(60);
});

test('the SDK reads ads with their creative inside', async () => {
  const ads = await new AdAccount(accountId(0)).getAds(['name', 'creative{id,thumbnail_url}', 'campaign_id'], {
    limit: 100,
  });
  expect(ads).toHaveLength(20);
  const creative = ads[0]?.['creative'] as { thumbnail_url: string };
  const picture = await fetch(creative.thumbnail_url);
  expect(picture.headers.get('content-type')).toBe('image/png');
});

test('the SDK reads the same insights synchronously and through a report', async () => {
  const fields = ['campaign_id', 'spend', 'impressions', 'actions'];
  const params = { level: 'campaign', time_range: RANGE, time_increment: 1, limit: 500 };
  const sync = await new AdAccount(accountId(0)).getInsights(fields, { ...params });
  const run = await new AdAccount(accountId(0)).getInsightsAsync(fields, { ...params });
  let state = await run.get(['id', 'async_status', 'async_percent_completion']);
  while (state._data['async_status'] !== 'Job Completed') {
    state = await run.get(['id', 'async_status', 'async_percent_completion']);
  }
  expect(state._data['async_percent_completion']).toBe(100);
  const report = await run.getInsights([], { limit: 500 });
  expect(sync.length).toBeGreaterThan(300);
  expect(report.map((row) => row._data)).toEqual(sync.map((row) => row._data));
});

test('the SDK runs a batch and sees each result and each failure', async () => {
  const good: unknown[] = [];
  const bad: unknown[] = [];
  const batch = new FacebookAdsApiBatch(api);
  for (const { id } of client.world.accounts.slice(0, 2)) {
    batch.add('GET', [id, 'campaigns'], { fields: 'id,effective_status', limit: 2 }, undefined, (response) =>
      good.push(response.body),
    );
  }
  batch.add('GET', ['999'], {}, undefined, undefined, (response) => bad.push(response.error));
  expect(await batch.execute()).toBeNull();
  expect(good).toHaveLength(2);
  expect(good[0]).toMatchObject({ data: [{ effective_status: 'ACTIVE' }, { effective_status: 'ACTIVE' }] });
  expect(bad).toHaveLength(1);
});

test('the SDK reads a page, its forms and a lead', async () => {
  const [page] = await new User('me').getAccounts(['name', 'access_token', 'tasks']);
  expect(page?.['tasks']).toContain('MANAGE');
  const forms = await new Page(String(page?.id)).getLeadGenForms(['name', 'status', 'questions', 'leads_count']);
  expect(forms.map((form) => form['name'])).toContain('Evaluación sin cargo');
  const { leadgen_ids: ids } = await client.control('POST', 'leads', { form_id: forms[0]?.id, count: 3 });
  const leads = await new LeadgenForm(String(forms[0]?.id)).getLeads(
    ['id', 'created_time', 'field_data', 'campaign_name'],
    {
      filtering: [{ field: 'time_created', operator: 'GREATER_THAN', value: NOON / 1000 - 60 }],
    },
  );
  expect(leads.map((lead) => lead.id)).toEqual((ids as string[]).toReversed());
  const lead = await new Lead(String(leads[0]?.id)).get(['field_data', 'is_organic', 'platform']);
  expect(lead._data['is_organic']).toBe(false);
});

test('the version the SDK asks for is dead, so the oldest living one answers and says so', async () => {
  expect(FacebookAdsApi.VERSION).toBe('v24.0');
  const response = await fetch(`${client.url}/v24.0/${accountId(0)}/campaigns?access_token=${client.token}`);
  expect(response.headers.get('facebook-api-version')).toBe('v25.0');
});

function accountId(index: number): string {
  return String(client.world.accounts[index]?.id);
}

import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Client, connect, NOON, pageToken, startClient, startReceiver, submit } from './testing.ts';

const VERIFY = 'verify-me';
let client: Client;
let receiver: Awaited<ReturnType<typeof startReceiver>>;

beforeEach(async () => {
  client = await startClient();
  receiver = await startReceiver(VERIFY);
});
afterEach(() => Promise.all([client.close(), receiver.close()]));

const page = (index = 0) => String(client.world.pages[index]?.id);
const formOf = (pageId: string) => String(client.world.forms.find((form) => form.pageId === pageId)?.id);

test('a page without the role neither subscribes nor shows its forms', async () => {
  const token = await pageToken(client, page(2));
  const subscribed = await client.graph(
    `${page(2)}/subscribed_apps`,
    { subscribed_fields: 'leadgen' },
    { method: 'POST', token },
  );
  expect([subscribed.status, subscribed.body.error.code]).toEqual([403, 200]);
  expect((await client.graph(`${page(2)}/leadgen_forms`, {}, { token })).body.error.code).toBe(200);
});

test('a lead is read with a page token or a user token, with ad names only where ads may be read', async () => {
  const token = await connect(client, receiver.url, VERIFY);
  const [id = ''] = await submit(client);
  const fields =
    'id,created_time,ad_id,ad_name,campaign_name,form_id,field_data,is_organic,platform,custom_disclaimer_responses';
  const { body } = await client.graph(id, { fields }, { token });
  expect(body).toMatchObject({
    id,
    created_time: '2026-11-24T12:00:00+0000',
    form_id: formOf(page()),
    is_organic: false,
  });
  expect(body.campaign_name).toBeTypeOf('string');
  expect(body.field_data.map((field: { name: string }) => field.name)).toEqual([
    'full_name',
    'email',
    'phone_number',
    '¿para_cuándo?',
    'obra_social',
  ]);
  expect((await client.graph(id)).body.field_data).toEqual(body.field_data);
  const { access_token: weak } = await client.control('POST', 'tokens', { scopes: ['leads_retrieval'] });
  const seen = (await client.graph(id, { fields }, { token: String(weak) })).body;
  expect(Object.keys(seen)).not.toContain('campaign_name');
  const { access_token: blind } = await client.control('POST', 'tokens', { scopes: ['ads_read'] });
  expect((await client.graph(id, {}, { token: String(blind) })).body.error.code).toBe(200);
  expect((await client.graph(id, {}, { token: await pageToken(client, page(1)) })).body.error).toMatchObject({
    code: 100,
    error_subcode: 33,
  });
});

test('a page whose role was taken away shuts its leads', async () => {
  const [id = ''] = await submit(client, { form_id: formOf(page()) });
  await client.control('POST', 'objects', { id: page(), tasks: ['ANALYZE'] });
  expect((await client.graph(id)).body.error.code).toBe(200);
  expect((await client.graph(`${formOf(page())}/leads`)).body.error.code).toBe(200);
});

test('a lead that is not yet visible gives 100/33 at first', async () => {
  const [id = ''] = await submit(client, { visibleAfterSeconds: 30 });
  expect((await client.graph(id)).body.error).toMatchObject({
    code: 100,
    error_subcode: 33,
    type: 'GraphMethodException',
  });
  await client.control('POST', 'clock', { advanceSeconds: 30 });
  expect((await client.graph(id)).status).toBe(200);
});

test('forms list their questions and counts; their leads can be read from a time on; ads have no organic leads', async () => {
  const form = formOf(page());
  const [old] = await submit(client, { form_id: form, createdSecondsAgo: 3600, deliver: false });
  const [organic] = await submit(client, { form_id: form, organic: true });
  const [paid = ''] = await submit(client, { form_id: form });
  const forms = (
    await client.graph(`${page()}/leadgen_forms`, {
      fields: 'name,status,locale,questions,leads_count,organic_leads_count,expired_leads_count',
    })
  ).body.data;
  expect(forms).toHaveLength(3);
  expect(forms[0]).toMatchObject({
    name: 'Evaluación sin cargo',
    leads_count: 3,
    organic_leads_count: 1,
    expired_leads_count: 0,
  });
  expect(forms[0].questions[3]).toMatchObject({ key: '¿para_cuándo?', type: 'CUSTOM' });
  const filtering = [{ field: 'time_created', operator: 'GREATER_THAN', value: NOON / 1000 - 60 }];
  const recent = (await client.graph(`${form}/leads`, { filtering })).body.data.map((lead: { id: string }) => lead.id);
  expect(recent).toEqual([paid, organic]);
  const all = (await client.graph(`${form}/leads`)).body.data.map((lead: { id: string }) => lead.id);
  expect(all).toContain(old);
  const adId = String(client.sim.leads.byId(paid)?.adId);
  expect((await client.graph(`${adId}/leads`)).body.data.map((lead: { id: string }) => lead.id)).toContain(paid);
});

test('a test lead has only dummy values, exists once per form, and can be deleted', async () => {
  await connect(client, receiver.url, VERIFY);
  const form = formOf(page());
  const { body } = await client.graph(`${form}/test_leads`, {}, { method: 'POST' });
  const lead = (await client.graph(body.id)).body;
  expect(lead.field_data.slice(0, 3)).toEqual([
    { name: 'full_name', values: ['<test lead: dummy data for full_name>'] },
    { name: 'email', values: ['test@meta.com'] },
    { name: 'phone_number', values: ['<test lead: dummy data for phone_number>'] },
  ]);
  expect((await client.graph(`${form}/test_leads`, {}, { method: 'POST' })).body.error.code).toBe(100);
  expect((await client.graph(`${form}/test_leads`)).body.data).toHaveLength(1);
  expect((await client.graph(body.id, {}, { method: 'DELETE' })).body).toEqual({ success: true });
  expect((await client.graph(`${form}/test_leads`, {}, { method: 'POST' })).status).toBe(200);
});

test('the conversions interface refuses a whole request for one event older than seven days', async () => {
  const dataset = String(client.world.businesses[0]?.datasetId);
  const event = (daysAgo: number) => ({
    event_name: 'qualified',
    event_time: NOON / 1000 - daysAgo * 86_400,
    user_data: { lead_id: 733000000000001 },
  });
  const good = await client.graph(`${dataset}/events`, { data: [event(1), event(6)] }, { method: 'POST' });
  expect(good.body).toMatchObject({ events_received: 2, messages: [] });
  const bad = await client.graph(`${dataset}/events`, { data: [event(1), event(8)] }, { method: 'POST' });
  expect(bad.body.error).toMatchObject({ code: 100, error_subcode: 2804003 });
});

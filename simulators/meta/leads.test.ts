import { afterEach, beforeEach, expect, test } from 'vitest';
import { APP, type Client, NOON, type Received, startClient, startReceiver } from './testing.ts';
import { hmacHex } from './wire.ts';

const VERIFY = 'verify-me';
let client: Client;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
const statuses: number[] = [];

beforeEach(async () => {
  statuses.length = 0;
  client = await startClient();
  receiver = await startReceiver(VERIFY, statuses);
});
afterEach(() => Promise.all([client.close(), receiver.close()]));

const page = (index = 0) => String(client.world.pages[index]?.id);
const formOf = (pageId: string) => String(client.world.forms.find((form) => form.pageId === pageId)?.id);

async function pageToken(pageId: string): Promise<string> {
  const { body } = await client.graph('me/accounts', { fields: 'id,access_token' });
  return body.data.find((entry: { id: string }) => entry.id === pageId).access_token;
}

/** Connects as a product does: the app's callback with its handshake, then the page. */
async function connect(pageId = page()): Promise<string> {
  const params = {
    object: 'page',
    callback_url: receiver.url,
    fields: 'leadgen',
    verify_token: VERIFY,
    include_values: 'true',
  };
  const app = await client.graph(`${APP.appId}/subscriptions`, params, {
    method: 'POST',
    token: `${APP.appId}|${APP.appSecret}`,
  });
  expect(app.body).toEqual({ success: true });
  const token = await pageToken(pageId);
  const subscribed = await client.graph(
    `${pageId}/subscribed_apps`,
    { subscribed_fields: 'leadgen' },
    { method: 'POST', token },
  );
  expect(subscribed.body).toEqual({ success: true });
  return token;
}

async function submit(body: Record<string, unknown> = {}): Promise<string[]> {
  const { leadgen_ids: ids } = await client.control('POST', 'leads', body);
  await client.sim.webhooks.idle();
  return ids as string[];
}

const idsIn = (text: string) => [...text.matchAll(/"leadgen_id":"?(\d+)"?/g)].map((match) => match[1]);

test('the app subscription makes the handshake and is refused with 2200 when the answer is wrong', async () => {
  const params = { object: 'page', callback_url: receiver.url, fields: 'leadgen', verify_token: 'wrong' };
  const app = `${APP.appId}|${APP.appSecret}`;
  expect(
    (await client.graph(`${APP.appId}/subscriptions`, params, { method: 'POST', token: app })).body.error.code,
  ).toBe(2200);
  expect((await client.graph(`${APP.appId}/subscriptions`, params, { method: 'POST' })).body.error.code).toBe(15);
  await connect();
  const { body } = await client.graph(`${APP.appId}/subscriptions`, {}, { token: app });
  expect(body.data).toMatchObject([
    { object: 'page', callback_url: receiver.url, active: true, fields: [{ name: 'leadgen' }] },
  ]);
});

test('a page is subscribed, listed and unsubscribed with its own token only', async () => {
  const token = await connect();
  expect((await client.graph(`${page()}/subscribed_apps`, {}, { token })).body.data).toMatchObject([
    { id: APP.appId, subscribed_fields: ['leadgen'] },
  ]);
  expect(
    (await client.graph(`${page()}/subscribed_apps`, { subscribed_fields: 'leadgen' }, { method: 'POST' })).status,
  ).toBe(403);
  expect((await client.graph(`${page()}/subscribed_apps`, {}, { method: 'DELETE', token })).body).toEqual({
    success: true,
  });
  expect((await client.graph(`${page()}/subscribed_apps`, {}, { token })).body.data).toEqual([]);
  await submit();
  expect(receiver.received).toEqual([]);
});

test('a page without the role neither subscribes nor shows its forms', async () => {
  const token = await pageToken(page(2));
  const subscribed = await client.graph(
    `${page(2)}/subscribed_apps`,
    { subscribed_fields: 'leadgen' },
    { method: 'POST', token },
  );
  expect([subscribed.status, subscribed.body.error.code]).toEqual([403, 200]);
  expect((await client.graph(`${page(2)}/leadgen_forms`, {}, { token })).body.error.code).toBe(200);
});

test('a webhook is signed over its exact escaped bytes', async () => {
  await connect();
  const [id] = await submit();
  const [hook] = receiver.received as [Received];
  expect(hook.headers['x-hub-signature-256']).toBe(`sha256=${hmacHex(APP.appSecret, hook.text)}`);
  expect(hook.headers['x-hub-signature']).toBe(`sha1=${hmacHex(APP.appSecret, hook.text, 'sha1')}`);
  expect(idsIn(hook.text)).toEqual([id]);
  const { entry } = JSON.parse(hook.text);
  expect(entry[0]).toMatchObject({
    id: page(),
    time: NOON / 1000,
    changes: [{ field: 'leadgen', value: { page_id: page(), form_id: formOf(page()) } }],
  });
  expect(entry[0].changes[0].value.adgroup_id).toBe(entry[0].changes[0].value.ad_id);
});

test('ids come as text and as numbers, of 15 to 18 digits, some beyond 2^53', async () => {
  await connect();
  const ids = await submit({ count: 6 });
  const texts = receiver.received.map((hook) => hook.text);
  expect(texts.some((text) => /"leadgen_id":\d/.test(text))).toBe(true);
  expect(texts.some((text) => /"leadgen_id":"\d/.test(text))).toBe(true);
  expect(texts.flatMap(idsIn).toSorted()).toEqual(ids.toSorted());
  expect([...new Set(ids.map((id) => id.length))].toSorted()).toEqual([15, 17, 18]);
  expect(ids.some((id) => BigInt(id) > BigInt(Number.MAX_SAFE_INTEGER))).toBe(true);
});

test('a thousand changes fit into one POST, a duplicate comes again, and an organic lead has no ad', async () => {
  await connect();
  const ids = await submit({ count: 1500, batch: 1000, organic: true });
  expect(receiver.received.map((hook) => idsIn(hook.text).length).toSorted((a, b) => a - b)).toEqual([500, 1000]);
  expect(new Set(ids).size).toBe(1500);
  expect(receiver.received.some((hook) => hook.text.includes('ad_id'))).toBe(false);
  receiver.received.length = 0;
  await submit({ duplicates: 2 });
  expect(receiver.received).toHaveLength(3);
});

test('a bad signature, a suppressed webhook and an unsubscribed page are all possible', async () => {
  await connect();
  await submit({ badSignature: true });
  const [hook] = receiver.received as [Received];
  expect(hook.headers['x-hub-signature-256']).not.toBe(`sha256=${hmacHex(APP.appSecret, hook.text)}`);
  await submit({ deliver: false });
  await submit({ form_id: formOf(page(3)) });
  expect(receiver.received).toHaveLength(1);
  await submit({ form_id: formOf(page(3)), force: true });
  expect(receiver.received).toHaveLength(2);
});

test('a refused webhook comes again at once, then as the clock goes on, and stops after 36 hours', async () => {
  await connect();
  statuses.push(...Array<number>(40).fill(503));
  await submit();
  expect(receiver.received).toHaveLength(2);
  for (const seconds of [5, 30, 300]) {
    await client.control('POST', 'clock', { advanceSeconds: seconds });
    await client.sim.webhooks.idle();
  }
  expect(receiver.received).toHaveLength(5);
  for (let hour = 0; hour < 45; hour += 1) {
    await client.control('POST', 'clock', { advanceSeconds: 3600 });
    await client.sim.webhooks.idle();
  }
  expect(client.sim.webhooks.waiting()).toBe(0);
  const { deliveries, leads } = await client.control('GET', 'ledger');
  expect(leads).toHaveLength(1);
  expect((deliveries as { attempt: number }[]).map(({ attempt }) => attempt)).toEqual(
    receiver.received.map((_hook, index) => index + 1),
  );
});

test('a delayed webhook waits for its time', async () => {
  await connect();
  await submit({ delaySeconds: 60 });
  expect(receiver.received).toHaveLength(0);
  await client.control('POST', 'clock', { advanceSeconds: 60 });
  await client.sim.webhooks.idle();
  expect(receiver.received).toHaveLength(1);
});

test('a lead is read with a page token or a user token, with ad names only where ads may be read', async () => {
  const token = await connect();
  const [id = ''] = await submit();
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
  expect((await client.graph(id, {}, { token: await pageToken(page(1)) })).body.error).toMatchObject({
    code: 100,
    error_subcode: 33,
  });
});

test('a lead that is not yet visible gives 100/33 at first', async () => {
  const [id = ''] = await submit({ visibleAfterSeconds: 30 });
  expect((await client.graph(id)).body.error).toMatchObject({
    code: 100,
    error_subcode: 33,
    type: 'GraphMethodException',
  });
  await client.control('POST', 'clock', { advanceSeconds: 30 });
  expect((await client.graph(id)).status).toBe(200);
});

test('people are invented, and twenty thousand of them have a phone of their own', async () => {
  const form = formOf(page());
  await submit({ form_id: form, count: 20_000, deliver: false });
  const phones = client.sim.leads
    .ofForm(form)
    .map((lead) => lead.fieldData.find(({ name }) => name === 'phone_number')?.values[0]);
  expect(new Set(phones).size).toBe(20_000);
  expect(phones.every((phone) => /^\+54911555\d{5}$/.test(String(phone)))).toBe(true);
});

test('forms list their questions and counts; their leads can be read from a time on; ads have no organic leads', async () => {
  const form = formOf(page());
  const [old] = await submit({ form_id: form, createdSecondsAgo: 3600, deliver: false });
  const [organic] = await submit({ form_id: form, organic: true });
  const [paid = ''] = await submit({ form_id: form });
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
  await connect();
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

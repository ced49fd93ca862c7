import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { APP, type Client, connect, NOON, type Received, startClient, startReceiver, submit } from './testing.ts';
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
const idsIn = (text: string) => [...text.matchAll(/"leadgen_id":"?(\d+)"?/g)].map((match) => match[1]);

test('the app subscription makes the handshake and is refused with 2200 when the answer is wrong', async () => {
  const params = { object: 'page', callback_url: receiver.url, fields: 'leadgen', verify_token: 'wrong' };
  const app = `${APP.appId}|${APP.appSecret}`;
  expect(
    (await client.graph(`${APP.appId}/subscriptions`, params, { method: 'POST', token: app })).body.error.code,
  ).toBe(2200);
  expect((await client.graph(`${APP.appId}/subscriptions`, params, { method: 'POST' })).body.error.code).toBe(15);
  await connect(client, receiver.url, VERIFY);
  const { body } = await client.graph(`${APP.appId}/subscriptions`, {}, { token: app });
  expect(body.data).toMatchObject([
    { object: 'page', callback_url: receiver.url, active: true, fields: [{ name: 'leadgen' }] },
  ]);
});

test('a page is subscribed, listed and unsubscribed with its own token only', async () => {
  const token = await connect(client, receiver.url, VERIFY);
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
  await submit(client);
  expect(receiver.received).toEqual([]);
});

test('a webhook is signed over its exact escaped bytes', async () => {
  await connect(client, receiver.url, VERIFY);
  const [id] = await submit(client);
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
  await connect(client, receiver.url, VERIFY);
  const ids = await submit(client, { count: 6 });
  const texts = receiver.received.map((hook) => hook.text);
  expect(texts.some((text) => /"leadgen_id":\d/.test(text))).toBe(true);
  expect(texts.some((text) => /"leadgen_id":"\d/.test(text))).toBe(true);
  expect(texts.flatMap(idsIn).toSorted()).toEqual(ids.toSorted());
  expect([...new Set(ids.map((id) => id.length))].toSorted()).toEqual([15, 17, 18]);
  expect(ids.some((id) => BigInt(id) > BigInt(Number.MAX_SAFE_INTEGER))).toBe(true);
});

test('a thousand changes fit into one POST, a duplicate comes again, and an organic lead has no ad', async () => {
  await connect(client, receiver.url, VERIFY);
  const ids = await submit(client, { count: 1500, batch: 1000, organic: true });
  expect(receiver.received.map((hook) => idsIn(hook.text).length).toSorted((a, b) => a - b)).toEqual([500, 1000]);
  expect(new Set(ids).size).toBe(1500);
  expect(receiver.received.some((hook) => hook.text.includes('ad_id'))).toBe(false);
  receiver.received.length = 0;
  await submit(client, { duplicates: 2 });
  expect(receiver.received).toHaveLength(3);
});

test('a bad signature, a suppressed webhook and an unsubscribed page are all possible', async () => {
  await connect(client, receiver.url, VERIFY);
  await submit(client, { badSignature: true });
  const [hook] = receiver.received as [Received];
  expect(hook.headers['x-hub-signature-256']).not.toBe(`sha256=${hmacHex(APP.appSecret, hook.text)}`);
  await submit(client, { deliver: false });
  await submit(client, { form_id: formOf(page(3)) });
  expect(receiver.received).toHaveLength(1);
  await submit(client, { form_id: formOf(page(3)), force: true });
  expect(receiver.received).toHaveLength(2);
});

test('a refused webhook comes again at once, then as the clock goes on, and stops after 36 hours', async () => {
  await connect(client, receiver.url, VERIFY);
  statuses.push(...Array<number>(40).fill(503));
  await submit(client);
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

test('a foreign change with accents and slashes breaks the signature of whoever writes the JSON anew', async () => {
  await connect(client, receiver.url, VERIFY);
  await submit(client, { foreign: true });
  const [hook] = receiver.received as [Received];
  expect(hook.text).toContain('Jos\\u00e9 Mu\\u00f1oz');
  expect(hook.text).toContain('https:\\/\\/');
  const anew = JSON.stringify(JSON.parse(hook.text));
  expect(hook.headers['x-hub-signature-256']).not.toBe(`sha256=${hmacHex(APP.appSecret, anew)}`);
  expect(JSON.parse(hook.text).entry[0].changes.map((change: { field: string }) => change.field)).toEqual([
    'feed',
    'leadgen',
  ]);
});

test('subscriptions outlive the simulator when it has a file for them', async () => {
  const stateFile = join(mkdtempSync(join(tmpdir(), 'meta-simulator-')), 'connections.json');
  const first = await startClient({ stateFile });
  const pageId = page();
  const { access_token: token } = await first.control('POST', 'tokens', { page_id: pageId });
  await first.graph(
    `${pageId}/subscribed_apps`,
    { subscribed_fields: 'leadgen' },
    { method: 'POST', token: String(token) },
  );
  await first.control('POST', 'app', { callback_url: receiver.url });
  await first.close();
  const second = await startClient({ stateFile });
  expect((await second.graph(`${pageId}/subscribed_apps`, {}, { token: String(token) })).body.data).toHaveLength(1);
  await second.control('POST', 'leads', {});
  await second.sim.webhooks.idle();
  expect(receiver.received).toHaveLength(1);
  await second.close();
});

test('a delayed webhook waits for its time', async () => {
  await connect(client, receiver.url, VERIFY);
  await submit(client, { delaySeconds: 60 });
  expect(receiver.received).toHaveLength(0);
  await client.control('POST', 'clock', { advanceSeconds: 60 });
  await client.sim.webhooks.idle();
  expect(receiver.received).toHaveLength(1);
});

test('people are invented, and twenty thousand of them have a phone of their own', async () => {
  const form = formOf(page());
  await submit(client, { form_id: form, count: 20_000, deliver: false });
  const phones = client.sim.leads
    .ofForm(form)
    .map((lead) => lead.fieldData.find(({ name }) => name === 'phone_number')?.values[0]);
  expect(new Set(phones).size).toBe(20_000);
  expect(phones.every((phone) => /^\+54911555\d{5}$/.test(String(phone)))).toBe(true);
});

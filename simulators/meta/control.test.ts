import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { APP, type Client, startClient, startReceiver } from './testing.ts';
import { metaJson, rawNumber } from './wire.ts';

let client: Client;
beforeEach(async () => {
  client = await startClient();
});
afterEach(() => client.close());

const account = () => String(client.world.accounts[0]?.id);
const fault = (kind: string, more: Record<string, unknown> = {}) =>
  client.control('POST', 'faults', { match: { path: `/${account()}` }, kind, times: 1, ...more });
const call = () => client.graph(`${account()}/campaigns`, { limit: 1 });
const usageOf = (headers: Headers) =>
  JSON.parse(String(headers.get('x-business-use-case-usage')))[account().slice(4)][0];

test('the world has three businesses, five accounts in as many currencies and zones, sixty campaigns and four pages that may', async () => {
  const world = (await client.control('GET', 'world')) as Record<string, { [key: string]: unknown }[]>;
  expect(world['businesses']).toHaveLength(3);
  expect(new Set(world['accounts']?.map((row) => row['currency'])).size).toBe(5);
  expect(new Set(world['accounts']?.map((row) => row['timezone_name'])).size).toBe(5);
  expect(world['campaigns']).toHaveLength(60);
  expect(world['pages']?.filter((page) => (page['tasks'] as string[]).includes('MANAGE'))).toHaveLength(4);
  const first = world['campaigns']?.filter((row) => row['account_id'] === account()) ?? [];
  expect(first.map((row) => [(row['adset_ids'] as []).length, (row['ads'] as []).length])).toEqual(
    Array(20).fill([1, 1]),
  );
});

test('an account grows by campaigns that deliver, and a reset takes them away again', async () => {
  const listed = async () =>
    ((await client.graph(`${account()}/campaigns`, { limit: 500 })).body.data as unknown[]).length;
  const delivered = async () => {
    const params = { level: 'ad', date_preset: 'yesterday', fields: 'ad_id', limit: 500 };
    return ((await client.graph(`${account()}/insights`, params)).body.data as unknown[]).length;
  };
  const before = [await listed(), await delivered()] as const;
  await client.control('POST', 'campaigns', { account: account(), count: 100 });
  expect(await listed()).toBe(before[0] + 100);
  expect(await delivered()).toBeGreaterThan(before[1] + 80);
  await client.control('POST', 'reset', {});
  expect([await listed(), await delivered()]).toEqual(before);
});

test('the ledger keeps method, path and status of each call in order, and never a token', async () => {
  await call();
  await client.graph('404404');
  const { calls } = (await client.control('GET', 'ledger')) as {
    calls: { method: string; path: string; status: number }[];
  };
  expect(calls.map(({ method, path, status }) => [method, path, status])).toEqual([
    ['GET', `/v26.0/${account()}/campaigns`, 200],
    ['GET', '/v26.0/404404', 400],
  ]);
  expect(JSON.stringify(calls)).not.toContain(client.token);
});

test('a fault by status keeps the error envelope, and is spent after its times', async () => {
  await fault('status', { value: 503 });
  const { status, body } = await call();
  expect([status, body.error.code, body.error.is_transient]).toEqual([503, 2, true]);
  expect((await call()).status).toBe(200);
});

test.each([
  [401, 190],
  [403, 200],
  [404, 100],
  [429, 4],
  [500, 1],
])('a fault by status %d carries the code %d that usually comes with it', async (status, code) => {
  await fault('status', { value: status });
  const answer = await call();
  expect([answer.status, answer.body.error.code]).toEqual([status, code]);
});

test('an account can be disabled until the next reset', async () => {
  await client.control('POST', 'objects', { id: account(), account_status: 2 });
  const status = async () => (await client.graph(account(), { fields: 'account_status' })).body.account_status;
  expect(await status()).toBe(2);
  await client.control('POST', 'reset', {});
  expect(await status()).toBe(1);
});

test('a fault holds until it is cleared when no times are given', async () => {
  await fault('status', { value: 500, times: undefined });
  expect([(await call()).status, (await call()).status]).toEqual([500, 500]);
  await client.control('DELETE', 'faults');
  expect((await call()).status).toBe(200);
});

test.each([
  [190, 401],
  [4, 400],
  [17, 400],
  [80000, 400],
  [80004, 400],
  [200, 403],
  [10, 403],
  [2635, 400],
  [368, 400],
  [1, 500],
])('a fault by code %d comes with status %d and the shape of that code', async (code, expected) => {
  await fault('code', { value: code });
  const { status, body } = await call();
  expect([status, body.error.code]).toEqual([expected, code]);
  expect(body.error.fbtrace_id).toMatch(/^A/);
});

test('HTML instead of JSON, an error in a 200, a slow reply', async () => {
  await fault('html', { value: 502 });
  const html = await fetch(`${client.url}/v26.0/${account()}?access_token=${client.token}`);
  expect([html.status, html.headers.get('content-type'), (await html.text()).startsWith('<html>')]).toEqual([
    502,
    'text/html; charset=utf-8',
    true,
  ]);
  await fault('error_in_200');
  const { status, body } = await call();
  expect([status, body.error.code]).toEqual([200, 1]);
  await fault('slow', { value: 50 });
  const before = performance.now();
  await call();
  expect(performance.now() - before).toBeGreaterThan(45);
});

test('a cut connection gives no answer; after acceptance the work is done all the same', async () => {
  const form = String(client.world.forms[0]?.id);
  const post = () => client.graph(`${form}/test_leads`, {}, { method: 'POST' });
  await client.control('POST', 'faults', { match: { method: 'POST' }, kind: 'cut_before', times: 1 });
  await expect(post()).rejects.toThrow('fetch failed');
  expect((await client.graph(`${form}/test_leads`)).body.data).toHaveLength(0);
  await client.control('POST', 'faults', { match: { method: 'POST' }, kind: 'cut_after_accept', times: 1 });
  await expect(post()).rejects.toThrow('fetch failed');
  expect((await client.graph(`${form}/test_leads`)).body.data).toHaveLength(1);
  await fault('truncate');
  await expect(call()).rejects.toThrow();
  const { calls } = (await client.control('GET', 'ledger')) as { calls: { status: number }[] };
  expect(calls.filter((row) => row.status === 0)).toHaveLength(3);
});

test('usage rises with the calls up to a block that the headers announce, and falls as the hour passes', async () => {
  await client.control('POST', 'settings', { hourlyLimit: 4 });
  const seen: number[] = [];
  for (let index = 0; index < 4; index += 1) {
    seen.push(usageOf((await call()).headers).call_count);
  }
  expect(seen).toEqual([25, 50, 75, 100]);
  const blocked = await call();
  expect(blocked.body.error).toMatchObject({ code: 80004, error_subcode: 2446079, type: 'OAuthException' });
  expect(usageOf(blocked.headers)).toMatchObject({
    type: 'ads_management',
    call_count: 100,
    estimated_time_to_regain_access: 1,
  });
  const insights = await client.graph(`${account()}/insights`);
  expect(usageOf(insights.headers)).toMatchObject({ type: 'ads_insights', call_count: 25 });
  expect(JSON.parse(String(insights.headers.get('x-fb-ads-insights-throttle')))).toMatchObject({ acc_id_util_pct: 25 });
  await client.control('POST', 'clock', { advanceSeconds: 3660 });
  expect((await call()).status).toBe(200);
});

test('a usage fault shows any level, and from one hundred on blocks with a time to regain', async () => {
  await fault('usage', { value: 91 });
  const warned = await call();
  expect([warned.status, usageOf(warned.headers).call_count]).toEqual([200, 91]);
  await fault('usage', { value: 100, regainMinutes: 7 });
  const blocked = await call();
  expect([blocked.status, blocked.body.error.code]).toEqual([400, 80004]);
  expect(usageOf(blocked.headers)).toMatchObject({ call_count: 100, estimated_time_to_regain_access: 7 });
  expect(JSON.parse(String(blocked.headers.get('x-ad-account-usage')))).toMatchObject({ reset_time_duration: 420 });
  expect(blocked.headers.get('retry-after')).toBeNull();
});

test('a reset clears what happened and keeps connections, unless all is asked for', async () => {
  const [page] = client.world.pages;
  client.sim.subscribedPages.set(String(page?.id), ['leadgen']);
  await client.control('POST', 'leads', { count: 2 });
  await client.control('POST', 'clock', { advanceSeconds: 86_400 });
  await client.control('POST', 'reset', {});
  expect(await client.control('GET', 'ledger')).toEqual({ calls: [], messages: [], leads: [], deliveries: [] });
  expect((await client.control('GET', 'clock'))['now']).toBe('2026-11-24T12:00:00.000Z');
  expect(client.sim.subscribedPages.size).toBe(1);
  await client.control('POST', 'reset', { all: true });
  expect(client.sim.subscribedPages.size).toBe(0);
});

test('bad control requests are told in a sentence', async () => {
  const post = (path: string, body: string) => fetch(`${client.url}/_control/${path}`, { method: 'POST', body });
  expect((await post('nothing', '{}')).status).toBe(404);
  for (const [path, body] of [
    ['leads', '{"form_id":"1"}'],
    ['faults', '{"kind":"earthquake"}'],
    ['clock', '{}'],
    ['restate', '{"days":0}'],
    ['leads', '[]'],
  ] as const) {
    const response = await post(path, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toHaveProperty('error');
  }
});

test('the deauthorise callback is a signed request over its encoded payload', async () => {
  const receiver = await startReceiver('x');
  await client.control('POST', 'deauthorize', { url: receiver.url });
  const text = new URLSearchParams(receiver.received[0]?.text).get('signed_request') ?? '';
  const [signature, payload = ''] = text.split('.');
  expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
    user_id: client.world.users[0]?.id,
    algorithm: 'HMAC-SHA256',
  });
  expect(signature).toMatch(/^[\w-]{43}$/);
  await receiver.close();
});

test('JSON is written as Meta writes it: lower-case escapes, escaped slashes, digits that JavaScript cannot hold', () => {
  expect(metaJson({ name: 'José ñ/😀', id: rawNumber('120233000000000001') })).toBe(
    '{"name":"Jos\\u00e9 \\u00f1\\/\\ud83d\\ude00","id":120233000000000001}',
  );
});

test('the program prints its address, and ends when its parent lets go of stdin or asks it to', async () => {
  for (const end of ['stdin', 'SIGTERM'] as const) {
    const env = { ...process.env, APP_ID: APP.appId, APP_SECRET: APP.appSecret, PORT: '0' };
    const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    expect(JSON.parse(line).url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const ended = once(child, 'exit');
    end === 'stdin' ? child.stdin.end() : child.kill('SIGTERM');
    expect((await ended)[0]).toBe(0);
  }
});

test('without an app the program says which variables are missing', async () => {
  const { APP_ID: _id, APP_SECRET: _secret, ...env } = process.env;
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [line] = (await once(createInterface(child.stderr), 'line')) as [string];
  expect(line).toBe('APP_ID and APP_SECRET are required');
});

import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Client, startClient } from './testing.ts';

let client: Client;
beforeEach(async () => {
  client = await startClient();
});
afterEach(() => client.close());

const account = (index = 0) => String(client.world.accounts[index]?.id);
const raw = (path: string, init?: RequestInit) => fetch(`${client.url}${path}`, init);
const fault = (body: Record<string, unknown>) => client.control('POST', 'faults', body);
const batch = (items: unknown[], more: Record<string, string> = {}) =>
  client.graph('', { batch: items, ...more }, { method: 'POST' });

test('a list ends when next is absent, although after is there to the last', async () => {
  const seen: string[] = [];
  let after = '';
  let next: string | undefined;
  do {
    const { body } = await client.graph(`${account()}/campaigns`, { limit: 8, ...(after === '' ? {} : { after }) });
    seen.push(...body.data.map((campaign: { id: string }) => campaign.id));
    after = body.paging.cursors.after;
    next = body.paging.next;
  } while (next !== undefined);
  expect(after).not.toBe('');
  expect(new Set(seen).size).toBe(20);
  expect((await client.graph(`${account()}/campaigns`, { after: 'rubbish' })).body.error.code).toBe(100);
});

test('the next link holds the token and works by itself', async () => {
  const { body } = await client.graph(`${account()}/ads`, { limit: 15, fields: 'name' });
  expect(body.paging.next).toContain('access_token=');
  const second = (await (await fetch(body.paging.next)).json()) as { data: unknown[] };
  expect(second.data).toHaveLength(5);
});

test('a page in the middle can be empty while the list goes on', async () => {
  const first = (await client.graph(`${account()}/campaigns`, { limit: 10 })).body;
  await fault({ match: { path: `/${account()}/campaigns` }, kind: 'empty_page', times: 1 });
  const empty = (await client.graph(`${account()}/campaigns`, { limit: 10, after: first.paging.cursors.after })).body;
  expect(empty.data).toEqual([]);
  expect(empty.paging.next).toContain('after=');
  const rest = (await client.graph(`${account()}/campaigns`, { limit: 10, after: empty.paging.cursors.after })).body;
  expect(rest.data).toHaveLength(10);
});

test('fields are projected, nested fields and edges expanded, and unknown ones refused', async () => {
  const { body } = await client.graph(`${account()}/campaigns`, {
    fields: 'name,ads.limit(1){name,creative{thumbnail_url}},insights.date_preset(last_7d){spend}',
    limit: 1,
  });
  const [campaign] = body.data;
  expect(Object.keys(campaign)).toEqual(['name', 'ads', 'insights', 'id']);
  expect(campaign.ads.data[0].creative.thumbnail_url).toContain('/media/');
  expect(campaign.insights.data[0].spend).toMatch(/^\d+\.\d\d$/);
  expect((await client.graph(`${account()}/campaigns`, { fields: 'name,colour' })).body.error.message).toContain(
    'nonexisting field (colour)',
  );
  expect(Object.keys((await client.graph('me/adaccounts')).body.data[0])).toEqual(['account_id', 'id']);
});

test('deleted and archived objects are hidden unless a status filter names them, and changes are found by time', async () => {
  const [campaign] = client.world.campaigns;
  const ids = async (params: Record<string, unknown>) =>
    (await client.graph(`${account()}/campaigns`, { limit: 100, ...params })).body.data.map(
      (row: { id: string }) => row.id,
    );
  await client.control('POST', 'objects', { id: campaign?.id, status: 'ARCHIVED', name: 'Implantes (fin)' });
  expect(await ids({})).toHaveLength(19);
  expect(await ids({ effective_status: ['ARCHIVED'] })).toEqual([campaign?.id]);
  const since = Math.floor(client.sim.clock.now() / 1000) - 60;
  const filtering = [
    { field: 'campaign.updated_time', operator: 'GREATER_THAN', value: since },
    { field: 'campaign.effective_status', operator: 'IN', value: ['ACTIVE', 'ARCHIVED'] },
  ];
  expect(await ids({ filtering })).toEqual([campaign?.id]);
  expect((await client.graph(`${campaign?.id}`, { fields: 'name,status' })).body).toEqual({
    name: 'Implantes (fin)',
    status: 'ARCHIVED',
    id: campaign?.id,
  });
});

test('delivery_info filters find what status filters find', async () => {
  const filtering = [{ field: 'campaign.delivery_info', operator: 'IN', value: ['inactive'] }];
  const { body } = await client.graph(`${account()}/campaigns`, { filtering, fields: 'effective_status', limit: 50 });
  const paused = client.world.campaigns.filter(
    ({ status, accountId }) => status === 'PAUSED' && accountId === account(),
  );
  expect(body.data.map((row: { id: string }) => row.id)).toEqual(paused.map(({ id }) => id));
});

test('ads of a paused campaign say so in their effective status', async () => {
  const paused = client.world.campaigns.find(({ status }) => status === 'PAUSED');
  const { body } = await client.graph(`${paused?.id}/ads`, { fields: 'status,effective_status' });
  expect(body.data[0]).toMatchObject({ status: 'ACTIVE', effective_status: 'CAMPAIGN_PAUSED' });
});

test('several nodes are read by ids, a slash at the end does not matter, and unknown paths are 2500', async () => {
  const ids = `${account(0)},${account(1)}`;
  const many = await client.graph('', { ids, fields: 'currency' });
  expect(many.body[account(1)]).toEqual({ currency: 'USD', id: account(1) });
  expect((await client.graph(`${account()}/`, { fields: 'name' })).status).toBe(200);
  expect((await client.graph(`${account()}/horoscopes`)).body.error).toMatchObject({
    code: 2500,
    type: 'OAuthException',
  });
  expect(await (await raw(`/v99.0/me?access_token=${client.token}`)).json()).toMatchObject({ error: { code: 2500 } });
  expect((await client.graph('act_1/campaigns')).body.error).toMatchObject({
    code: 100,
    error_subcode: 33,
    type: 'GraphMethodException',
  });
});

test('someone from the agency sees neither the clinic nor its campaigns', async () => {
  const { access_token: token } = await client.control('POST', 'tokens', { user_id: client.world.users[3]?.id });
  const mine = (await client.graph('me/adaccounts', {}, { token: String(token) })).body.data;
  expect(mine.map((row: { id: string }) => row.id)).toEqual([account(3), account(4), account(2)]);
  expect((await client.graph(`${account()}/campaigns`, {}, { token: String(token) })).body.error.error_subcode).toBe(
    33,
  );
});

test("replies carry Meta's headers and ASCII text, and a token may come in the query or a form too", async () => {
  const response = await raw(`/v26.0/me?access_token=${client.token}`);
  const text = await response.text();
  expect(text).toContain('Dom\\u00ednguez');
  expect(response.headers.get('facebook-api-version')).toBe('v26.0');
  for (const name of ['x-fb-request-id', 'x-fb-trace-id', 'x-fb-rev', 'x-fb-debug', 'x-app-usage']) {
    expect(response.headers.get(name)).not.toBeNull();
  }
  expect(response.headers.get('expires')).toBe('Sat, 01 Jan 2000 00:00:00 GMT');
  const form = new FormData();
  form.set('access_token', client.token);
  form.set('batch', JSON.stringify([{ method: 'GET', relative_url: 'me' }]));
  expect(await (await raw('/v26.0/', { method: 'POST', body: form })).json()).toMatchObject([{ code: 200 }]);
});

test('a batch gives each item its own code and text, in order, headers included', async () => {
  const { status, body } = await batch([
    { method: 'GET', relative_url: 'me?fields=id' },
    { method: 'GET', relative_url: '404404' },
    { method: 'GET', relative_url: `v26.0/${account()}/campaigns?limit=1` },
  ]);
  expect(status).toBe(200);
  expect(body.map((item: { code: number }) => item.code)).toEqual([200, 400, 200]);
  expect(JSON.parse(body[1].body).error).toMatchObject({ code: 100, error_subcode: 33 });
  expect(body[2].headers.map((header: { name: string }) => header.name)).toContain('X-Business-Use-Case-Usage');
  const bare = (await batch([{ method: 'GET', relative_url: 'me' }], { include_headers: 'false' })).body;
  expect(Object.keys(bare[0])).toEqual(['code', 'body']);
});

test('a batch refers to earlier results, keeps quiet about them, and skips what depends on a failure', async () => {
  const { body } = await batch([
    { method: 'GET', name: 'list', relative_url: `${account()}/campaigns?limit=2&fields=id` },
    { method: 'GET', relative_url: '?ids={result=list:$.data.*.id}&fields=name' },
    { method: 'GET', name: 'lost', relative_url: '404404', omit_response_on_success: false },
    { method: 'GET', relative_url: 'me', depends_on: 'lost' },
  ]);
  expect(body[0]).toBeNull();
  expect(Object.keys(JSON.parse(body[1].body))).toEqual(client.world.campaigns.slice(0, 2).map(({ id }) => id));
  expect(body[2].code).toBe(400);
  expect(body[3]).toBeNull();
});

test('a batch of more than fifty is refused, a dead token fails it whole, and items may be lost', async () => {
  const items = (count: number) => Array.from({ length: count }, () => ({ method: 'GET', relative_url: 'me' }));
  expect((await batch(items(51))).body.error.type).toBe('GraphBatchException');
  expect((await client.graph('', { batch: items(1) }, { method: 'POST', token: 'EAAGnonsense' })).body.error.code).toBe(
    190,
  );
  await fault({ match: { method: 'POST', path: '/v26.0' }, kind: 'batch_null', times: 1 });
  expect((await batch(items(4))).body.map((item: unknown) => item === null)).toEqual([false, true, false, true]);
  await fault({ match: { path: '/me' }, kind: 'code', value: 80004, times: 1 });
  expect((await batch(items(2))).body.map((item: { code: number }) => item.code)).toEqual([400, 200]);
});

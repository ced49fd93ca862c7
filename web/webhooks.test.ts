import { createHmac } from 'node:crypto';
import { sql } from 'slonik';
import { beforeAll, describe, expect, it } from 'vitest';
import { createMetrics } from '../adapters/metrics.ts';
import { createInbox } from '../adapters/postgres/inbox.ts';
import { connectDatabase } from '../adapters/postgres/pool.ts';
import { asAdmin } from '../dev/stack/roles.ts';
import { system } from '../domain/actor.ts';
import { type TestApp, testApp } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { silentLog } from '../test/silent-log.ts';
import { webhookRoutes } from './webhooks.ts';

const GLOBAL_SECRET = 'whsec_global_for_tests';
let db: TestDatabase;
let app: TestApp;
let nudges = 0;
let nextPage = 500;

beforeAll(async () => {
  db = await testDatabase();
  app = await testApp(
    db,
    ({ config, stores }) =>
      webhookRoutes({
        config,
        inbox: stores.inbox,
        credentials: stores.credentials,
        metrics: createMetrics(),
        log: silentLog,
        nudge: () => void nudges++,
      }),
    { YCLOUD_WEBHOOK_SECRET: GLOBAL_SECRET },
  );
});

async function aPage(...tenants: number[]): Promise<string> {
  const pageId = String(nextPage++);
  for (const tenantId of tenants) {
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(
        sql.unsafe`INSERT INTO pages (tenant_id, page_id, name, subscribed_at) VALUES (${tenantId}, ${pageId}, 'Aurora', now())`,
      ),
    );
  }
  return pageId;
}

const metaSignature = (body: string) =>
  `sha256=${createHmac('sha256', app.config.META_APP_SECRET).update(body).digest('hex')}`;
const postMeta = (body: string, signature = metaSignature(body)) =>
  fetch(`${app.url}/crm/webhook/meta`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', 'x-hub-signature-256': signature },
  });
const leadgen = (pageId: string, ids: readonly string[]) =>
  JSON.stringify({
    object: 'page',
    entry: [
      {
        id: pageId,
        time: 1,
        changes: ids.map((id) => ({ field: 'leadgen', value: { leadgen_id: id, page_id: pageId, form_id: '1' } })),
      },
    ],
  });

function postYcloud(
  event: object | string,
  { path = '/webhook/ycloud', secret = GLOBAL_SECRET, at = Math.floor(Date.now() / 1000) } = {},
) {
  const body = typeof event === 'string' ? event : JSON.stringify(event);
  const signature = `t=${at},s=${createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`;
  return fetch(app.url + path, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', 'ycloud-signature': signature },
  });
}

const rows = () =>
  asAdmin(
    db.adminUrl,
    async (client) =>
      (
        await client.query<{ dedupe_key: string; tenant_id: number | null; state: string; subject: string | null }>(
          'SELECT dedupe_key, tenant_id, state, subject FROM webhook_events ORDER BY id',
        )
      ).rows,
  );
const rowsWith = async (text: string) =>
  (await rows()).filter((row) => row.dedupe_key.includes(text) || row.subject === text);

describe("Meta's webhook", () => {
  it('answers the handshake with the challenge, and a wrong token with 403', async () => {
    const ask = (token: string) =>
      fetch(`${app.url}/crm/webhook/meta?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=${token}`);
    const right = await ask('verify-token');
    expect([right.status, right.headers.get('content-type'), await right.text()]).toEqual([
      200,
      'text/plain; charset=utf-8',
      '1158201444',
    ]);
    expect((await ask('wrong')).status).toBe(403);
  });

  it('keeps a lead for the tenant of its page before it answers, and nudges the dispatcher', async () => {
    const tenantId = await aTenant(db);
    const pageId = await aPage(tenantId);
    const before = nudges;
    expect((await postMeta(leadgen(pageId, ['733000000000001']))).status).toBe(200);
    expect(await rowsWith('733000000000001')).toEqual([
      {
        dedupe_key: `meta:leadgen:${pageId}:733000000000001`,
        tenant_id: tenantId,
        state: 'pending',
        subject: '733000000000001',
      },
    ]);
    expect(nudges).toBe(before + 1);
  });

  it('keeps one row of a lead however often Meta sends it', async () => {
    const pageId = await aPage(await aTenant(db));
    for (let i = 0; i < 3; i++) await postMeta(leadgen(pageId, ['733000000000002', '733000000000002']));
    expect(await rowsWith('733000000000002')).toHaveLength(1);
  });

  it('keeps all of a batch of 1,000', async () => {
    const pageId = await aPage(await aTenant(db));
    const ids = Array.from({ length: 1000 }, (_, i) => String(9_007_199_254_740_993n + BigInt(i)));
    expect((await postMeta(leadgen(pageId, ids).replaceAll(/"leadgen_id":"(\d+)"/g, '"leadgen_id":$1'))).status).toBe(
      200,
    );
    expect((await rowsWith(`:${pageId}:`)).map((row) => row.subject).sort()).toEqual(ids);
  });

  it('gives the lead of a shared page to each tenant', async () => {
    const [one, two] = [await aTenant(db), await aTenant(db)];
    const pageId = await aPage(one, two);
    await postMeta(leadgen(pageId, ['733000000000003']));
    await postMeta(leadgen(pageId, ['733000000000003']));
    expect((await rowsWith('733000000000003')).map(({ tenant_id, dedupe_key }) => [tenant_id, dedupe_key])).toEqual([
      [one, `meta:leadgen:${pageId}:733000000000003`],
      [two, `meta:leadgen:${pageId}:733000000000003:${two}`],
    ]);
  });

  it('keeps the lead of a page nobody connected as an orphan', async () => {
    await postMeta(leadgen('99999', ['733000000000004']));
    expect(await rowsWith('733000000000004')).toMatchObject([{ tenant_id: null, state: 'orphan' }]);
  });

  it('verifies the bytes that arrived, escapes and all', async () => {
    const pageId = await aPage(await aTenant(db));
    const body = leadgen(pageId, ['733000000000005']).replace(
      '"object":"page"',
      '"object":"page","note":"Jos\\u00e9 \\/ Mu\\u00f1oz"',
    );
    expect((await postMeta(body)).status).toBe(200);
    expect((await postMeta(body, metaSignature(JSON.stringify(JSON.parse(body))))).status).toBe(401);
  });

  it('stores nothing of a forged body', async () => {
    const before = (await rows()).length;
    for (const signature of ['', 'sha256=', 'sha256=zz', `sha256=${'0'.repeat(64)}`])
      expect((await postMeta(leadgen('1', ['733000000000006']), signature)).status).toBe(401);
    expect((await rows()).length).toBe(before);
  });

  it.each([
    '{}',
    '{"object":"page"}',
    '{"entry":[]}',
    '{"object":"instagram","entry":[{"id":"1","changes":[{"field":"comments","value":{}}]}]}',
    '{"object":"page","entry":[{"id":"1","changes":[{"field":"leadgen","value":"\\ud800"}]}]}',
  ])('answers 200 to a signed object it does not know, and keeps it as ignored: %s', async (body) => {
    expect((await postMeta(body)).status).toBe(200);
    expect((await rows()).at(-1)?.state).toBe('ignored');
  });

  it.each(['', 'not json', '[]', 'null', '7', '"text"', '{"a":'])(
    'refuses what is no JSON object: "%s"',
    async (body) => {
      expect((await postMeta(body)).status).toBe(400);
    },
  );

  it.each([
    [
      'leads of several pages and tenants',
      (a: string, b: string) =>
        `{"object":"page","entry":[{"id":"${a}","changes":[{"field":"leadgen","value":{"leadgen_id":98765432109876543210,"page_id":${a}}}]},{"id":${b},"changes":[{"field":"leadgen","value":{"leadgen_id":"98765432109876543211"}}]}]}`,
      ['pending', 'pending'],
    ],
    [
      'fields that Meta adds one day',
      (a: string) =>
        `{"object":"page","entry":[{"id":"${a}","changes":[{"field":"leadgen","value":{"leadgen_id":"98765432109876543212","page_id":"${a}","new":{"x":[1]},"\\u0000":"\\ud800\\u0000"}}]}]}`,
      ['pending'],
    ],
    [
      'a post on the page beside nothing',
      (a: string) =>
        `{"object":"page","entry":[{"id":"${a}","changes":[{"field":"feed","value":{"item":"status","verb":"add","message":"\\ud83d"}},{"field":"mention","value":null},null,7,[]]}]}`,
      ['ignored', 'ignored'],
    ],
    [
      'news of a WhatsApp account',
      () =>
        '{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messages":[{"id":"wamid.x"}]}}]}]}',
      ['ignored'],
    ],
    ['wrong types all over', () => '{"object":7,"entry":{"0":1},"id":1e999}', ['ignored']],
    [
      'lists a hundred thousand deep',
      () => `{"object":"page","entry":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      ['ignored'],
    ],
    [
      'deep lists around a long number',
      () => `{"object":"page","x":${'['.repeat(100_000)}12345678901234567890${']'.repeat(100_000)}}`,
      ['ignored'],
    ],
  ] as [string, (a: string, b: string) => string, string[]][])('takes %s', async (_, body, states) => {
    const [a, b] = [await aPage(await aTenant(db)), await aPage(await aTenant(db))];
    const before = (await rows()).length;
    expect((await postMeta(body(a, b))).status).toBe(200);
    expect((await rows()).slice(before).map(({ state }) => state)).toEqual(states);
  });

  it('counts the leads of pages that nobody connected', async () => {
    const before = await app.stores.inbox.orphans();
    await postMeta(leadgen('999999', ['733000000000777']));
    expect(await app.stores.inbox.orphans()).toBe(before + 1);
  });

  it('refuses more than 5 MB, and takes somewhat less', async () => {
    const filler = (size: number) => JSON.stringify({ object: 'page', filler: 'x'.repeat(size) });
    expect((await postMeta(filler(5_300_000))).status).toBe(413);
    expect((await postMeta(filler(4_900_000))).status).toBe(200);
  });
});

describe("YCloud's webhook", () => {
  const status = (id: string, given: object = {}) => ({
    id,
    type: 'whatsapp.message.updated',
    whatsappMessage: { id: `m-${id}`, wabaId: '900', from: '+541155550009', status: 'sent', ...given },
  });

  async function aSender(wabaId: string, phone: string): Promise<number> {
    const tenantId = await aTenant(db);
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(
        sql.unsafe`INSERT INTO whatsapp_senders (tenant_id, waba_id, phone) VALUES (${tenantId}, ${wabaId}, ${phone})`,
      ),
    );
    return tenantId;
  }

  it('routes the global address by account, then by number', async () => {
    const one = await aSender('900', '+541155550009');
    const two = await aSender('900', '+541155550010');
    await postYcloud(status('evt_a'));
    await postYcloud(status('evt_b', { from: '+541155550010' }));
    expect((await rowsWith('evt_a')).map((row) => row.tenant_id)).toEqual([one]);
    expect((await rowsWith('evt_b')).map((row) => row.tenant_id)).toEqual([two]);
  });

  it('keeps an event of an unknown account as an orphan', async () => {
    await postYcloud(status('evt_c', { wabaId: '777', from: '+541155550777' }));
    expect(await rowsWith('evt_c')).toMatchObject([{ dedupe_key: 'ycloud:0:evt_c', state: 'orphan', tenant_id: null }]);
  });

  it('applies an unsubscribe without a number of ours to every tenant on the global key', async () => {
    const tenantId = await aSender('901', '+541155550011');
    await postYcloud({
      id: 'evt_d',
      type: 'contact.unsubscribe.created',
      unsubscriberChanged: { phoneNumber: '+5491155550123', source: 'API' },
    });
    expect((await rowsWith('evt_d')).map((row) => row.tenant_id)).toContain(tenantId);
  });

  it('gives a message that names no number of ours to nobody', async () => {
    const message = { id: 'm-in', from: '+5491155550123', type: 'text', text: { body: 'Hola' } };
    await postYcloud({ id: 'evt_d2', type: 'whatsapp.inbound_message.received', whatsappInboundMessage: message });
    expect(await rowsWith('evt_d2')).toMatchObject([{ state: 'orphan', tenant_id: null }]);
  });

  it("verifies a tenant's address with that tenant's secrets, and acts inside that tenant whatever the body names", async () => {
    const tenantId = await aTenant(db);
    const path = `/webhook/ycloud/${tenantId}`;
    expect((await postYcloud(status('evt_e'), { path, secret: 'whsec_own' })).status).toBe(401); // no secret of its own: refuses everything
    await app.stores.credentials.save(tenantId, 'ycloud', 'webhook_secret', 'whsec_own', system('test'));
    await app.stores.credentials.save(tenantId, 'ycloud', 'webhook_secret_previous', 'whsec_old', system('test'));
    expect((await postYcloud(status('evt_e'), { path, secret: 'whsec_own' })).status).toBe(200);
    expect((await postYcloud(status('evt_f'), { path, secret: 'whsec_old' })).status).toBe(200);
    expect((await postYcloud(status('evt_g'), { path })).status).toBe(401);
    expect((await rowsWith('evt_e')).map((row) => row.tenant_id)).toEqual([tenantId]);
  });

  it('keeps the same id with another body as a conflict', async () => {
    const tenantId = await aTenant(db);
    await app.stores.credentials.save(tenantId, 'ycloud', 'webhook_secret', 'whsec_own', system('test'));
    const options = { path: `/webhook/ycloud/${tenantId}`, secret: 'whsec_own' };
    await postYcloud(status('evt_h'), options);
    await postYcloud(status('evt_h'), options);
    await postYcloud(status('evt_h', { status: 'failed' }), options);
    expect((await rowsWith(`ycloud:${tenantId}:evt_h`)).map((row) => row.state)).toEqual(['pending', 'conflict']);
  });

  it('keeps a conflict at the global address once in every tenant that the event went to', async () => {
    const [one, two] = [await aSender('902', '+541155550012'), await aSender('902', '+541155550012')];
    const said = status('evt_h2', { wabaId: '902', from: '+541155550012' });
    const other = status('evt_h2', { wabaId: '902', from: '+541155550012', status: 'failed' });
    for (const event of [said, said, other, other, said]) await postYcloud(event);
    expect((await rowsWith('evt_h2')).map((row) => [row.tenant_id, row.state])).toEqual([
      [one, 'pending'],
      [two, 'pending'],
      [one, 'conflict'],
      [two, 'conflict'],
    ]);
  });

  it('keeps an event whose ids no column can hold', async () => {
    const before = (await rows()).length;
    expect((await postYcloud({ id: 'e\0', type: 'x\0', whatsappMessage: { id: '\0', wabaId: '\0' } })).status).toBe(
      200,
    );
    expect((await postYcloud({ id: 'x'.repeat(5000), type: 'x'.repeat(5000) })).status).toBe(200);
    expect((await rows()).slice(before).map(({ state }) => state)).toEqual(['ignored', 'ignored']);
  });

  it.each([-301, 301])('refuses a signature %d seconds away', async (seconds) => {
    expect((await postYcloud(status('evt_i'), { at: Math.floor(Date.now() / 1000) + seconds })).status).toBe(401);
  });

  it.each([
    ['nothing it knows', '{"of":"nobody"}'],
    [
      'numbers for ids',
      '{"id":98765432109876543210,"type":7,"whatsappMessage":{"id":12345678901234567890,"wabaId":9}}',
    ],
    ['halves of characters', '{"id":"evt_half","type":"whatsapp.x\\ud800","whatsappMessage":"\\udc00"}'],
    ['lists for objects', '{"id":["a"],"type":["b"],"whatsappMessage":[[]],"whatsappInboundMessage":null}'],
    ['lists a hundred thousand deep', `{"id":"evt_deep","type":"x","a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ])('keeps %s as ignored', async (_, body) => {
    const before = (await rows()).length;
    expect((await postYcloud(body)).status).toBe(200);
    expect((await rows()).slice(before).map(({ state }) => state)).toEqual(['ignored']);
  });

  it('keeps a kind it does not use as ignored, and refuses what is no JSON object', async () => {
    expect((await postYcloud({ id: 'evt_j', type: 'whatsapp.call.ended' })).status).toBe(200);
    expect(await rowsWith('evt_j')).toMatchObject([{ state: 'ignored' }]);
    expect((await postYcloud('[1]')).status).toBe(400);
  });

  it('has no address for what is no tenant', async () => {
    expect((await postYcloud(status('evt_k'), { path: '/webhook/ycloud/1e3' })).status).toBe(404);
  });
});

describe('with the database away', () => {
  it('answers 503, so that the sender tries again', async () => {
    const dying = await connectDatabase(db.appUrl);
    await dying.end();
    const away = await testApp(db, ({ config, stores }) =>
      webhookRoutes({
        config,
        inbox: {
          ...stores.inbox,
          insert: () => Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })),
        },
        credentials: stores.credentials,
        metrics: createMetrics(),
        log: silentLog,
        nudge: () => {},
      }),
    );
    const body = leadgen('1', ['733000000000009']);
    const reply = await fetch(`${away.url}/crm/webhook/meta`, {
      method: 'POST',
      body,
      headers: { 'x-hub-signature-256': metaSignature(body) },
    });
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '5']);
    await expect(createInbox(dying).insert([], { to: 'sender' })).rejects.toThrow();
  });
});

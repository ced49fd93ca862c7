import { describe, expect, it } from 'vitest';
import { createMetrics } from '../adapters/metrics.ts';
import { createInbox } from '../adapters/postgres/inbox.ts';
import { connectDatabase } from '../adapters/postgres/pool.ts';
import { testApp } from '../test/app.ts';
import { aTenant } from '../test/database.ts';
import { silentLog } from '../test/silent-log.ts';
import { leadgen, webhookBench } from '../test/webhooks.ts';
import { webhookRoutes } from './webhooks.ts';

const { bench, rows, rowsWith, aPage, postMeta, metaSignature } = webhookBench();

describe("Meta's webhook", () => {
  it('answers the handshake with the challenge, and a wrong token with 403', async () => {
    const ask = (token: string) =>
      fetch(`${bench.app.url}/crm/webhook/meta?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=${token}`);
    const right = await ask('verify-token');
    expect([right.status, right.headers.get('content-type'), await right.text()]).toEqual([
      200,
      'text/plain; charset=utf-8',
      '1158201444',
    ]);
    expect((await ask('wrong')).status).toBe(403);
  });

  it('keeps a lead for the tenant of its page before it answers, and bench.nudges the dispatcher', async () => {
    const tenantId = await aTenant(bench.db);
    const pageId = await aPage(tenantId);
    const before = bench.nudges;
    expect((await postMeta(leadgen(pageId, ['733000000000001']))).status).toBe(200);
    expect(await rowsWith('733000000000001')).toEqual([
      {
        dedupe_key: `meta:leadgen:${pageId}:733000000000001`,
        tenant_id: tenantId,
        state: 'pending',
        subject: '733000000000001',
      },
    ]);
    expect(bench.nudges).toBe(before + 1);
  });

  it('keeps one row of a lead however often Meta sends it', async () => {
    const pageId = await aPage(await aTenant(bench.db));
    for (let i = 0; i < 3; i++) await postMeta(leadgen(pageId, ['733000000000002', '733000000000002']));
    expect(await rowsWith('733000000000002')).toHaveLength(1);
  });

  it('keeps all of a batch of 1,000', async () => {
    const pageId = await aPage(await aTenant(bench.db));
    const ids = Array.from({ length: 1000 }, (_, i) => String(9_007_199_254_740_993n + BigInt(i)));
    expect((await postMeta(leadgen(pageId, ids).replaceAll(/"leadgen_id":"(\d+)"/g, '"leadgen_id":$1'))).status).toBe(
      200,
    );
    expect((await rowsWith(`:${pageId}:`)).map((row) => row.subject).sort()).toEqual(ids);
  });

  it('gives the lead of a shared page to each tenant', async () => {
    const [one, two] = [await aTenant(bench.db), await aTenant(bench.db)];
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
    const pageId = await aPage(await aTenant(bench.db));
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
    const [a, b] = [await aPage(await aTenant(bench.db)), await aPage(await aTenant(bench.db))];
    const before = (await rows()).length;
    expect((await postMeta(body(a, b))).status).toBe(200);
    expect((await rows()).slice(before).map(({ state }) => state)).toEqual(states);
  });

  it('counts the leads of pages that nobody connected', async () => {
    const before = await bench.app.stores.inbox.orphans();
    await postMeta(leadgen('999999', ['733000000000777']));
    expect(await bench.app.stores.inbox.orphans()).toBe(before + 1);
  });

  it('refuses more than 5 MB, and takes somewhat less', async () => {
    const filler = (size: number) => JSON.stringify({ object: 'page', filler: 'x'.repeat(size) });
    expect((await postMeta(filler(5_300_000))).status).toBe(413);
    expect((await postMeta(filler(4_900_000))).status).toBe(200);
  });
});

describe('with the database away', () => {
  it('answers 503, so that the sender tries again', async () => {
    const dying = await connectDatabase(bench.db.appUrl);
    await dying.end();
    const away = await testApp(bench.db, ({ config, stores }) =>
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

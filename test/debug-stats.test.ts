import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { connectRedis, type RedisConnections } from '../adapters/redis/client.ts';
import { createMetaReplies } from '../adapters/redis/meta-replies.ts';
import { anApiKey } from './api-key.ts';
import { anAccount } from './crm.ts';
import { aTenant, type TestDatabase, testDatabase } from './database.ts';
import { metaBench } from './meta-simulator.ts';
import { type WholeApp, wholeApp } from './whole-app.ts';

const bench = metaBench();
let db: TestDatabase;
let app: WholeApp;
let redis: RedisConnections;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db, { DEBUG_MARKETING_STATS: 'true' });
  redis = connectRedis(inject('redisUrl'));
  app.usage.replies = createMetaReplies(redis).of;
});
afterAll(() => redis.close());

async function shownTo(tenantId: number) {
  const headers = { 'x-admin-token': await anApiKey(db, tenantId) };
  const text = await (await fetch(`${app.url}/crm/marketing/debug/stats`, { headers })).text();
  return {
    text,
    replies: (JSON.parse(text) as { replies: { endpoint: string; status: number; reply: unknown }[] }).replies,
  };
}

it('The debug switch shows what Meta replied for the tenant’s accounts, without keys, and to no other tenant', async () => {
  const [account] = bench.simulator.world.accounts;
  const adAccountId = account?.accountId ?? '';
  const tenantId = await aTenant(db);
  await anAccount(db, tenantId, { id: adAccountId });
  const meta = bench.freshClient({ hear: createMetaReplies(redis).keep });
  const { access_token: token } = await bench.control<{ access_token: string }>('tokens', {});
  for await (const rows of meta.campaignDays(token, adAccountId, { since: '2026-11-01', until: '2026-11-02' }))
    void rows;
  await bench.control('faults', { match: { path: '/' }, kind: 'html', value: 502, times: 1 });
  await meta.accountTotal(token, adAccountId, { since: '2026-11-01', until: '2026-11-02' }).catch(() => {});

  await vi.waitFor(async () => expect((await shownTo(tenantId)).replies.length).toBeGreaterThan(1), {
    timeout: 20_000,
  });
  const { text, replies } = await shownTo(tenantId);
  expect(replies[0]).toMatchObject({ endpoint: 'insights', status: 502, reply: '(not JSON)' });
  expect(replies[1]).toMatchObject({ endpoint: 'insights', status: 200, reply: { data: expect.any(Array) } });
  for (const secret of [token.slice(0, 12), 'access_token', 'appsecret_proof', 'paging'])
    expect(text).not.toContain(secret);
  expect((await shownTo(await aTenant(db))).replies).toEqual([]);
});

it('Twenty replies of an account are kept, and none while Redis is away', async () => {
  const replies = createMetaReplies(redis);
  const assetId = String(randomInt(1e9, 2e9));
  for (let i = 0; i < 25; i++)
    replies.keep({ endpoint: 'insights', assetId, status: 200, at: `2026-11-24T00:00:${i + 10}Z`, reply: i });
  await vi.waitFor(async () => expect((await replies.of([assetId]))[0]?.reply).toBe(24), { timeout: 20_000 });
  expect(await replies.of([assetId])).toHaveLength(20);
  expect(await createMetaReplies(undefined).of([assetId])).toEqual([]);
});

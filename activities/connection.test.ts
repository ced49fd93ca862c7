import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createVault } from '../adapters/crypto/fernet.ts';
import { createConnections } from '../adapters/postgres/connections.ts';
import { createMetaUsers } from '../adapters/postgres/meta-users.ts';
import { createOauthAttempts } from '../adapters/postgres/oauth-attempts.ts';
import { createPages } from '../adapters/postgres/pages.ts';
import { system } from '../domain/actor.ts';
import type { LiveTopic } from '../domain/live.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { metaBench } from '../test/meta-simulator.ts';
import { noSchedules } from '../test/no-schedules.ts';
import { createConnectionActivities } from './connection.ts';

const bench = metaBench();
const vault = createVault(['cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=']);
let db: TestDatabase;
let tenantId: number;
const tenants: number[] = [];
let attemptId: string;
let published: LiveTopic[];
let schedules: string[];
let stores: ReturnType<typeof storesOf>;
let activities: ReturnType<typeof createConnectionActivities>;

const storesOf = ({ database }: TestDatabase) => ({
  connections: createConnections({ ...database, vault }),
  attempts: createOauthAttempts({ ...database, vault }),
  metaUsers: createMetaUsers(database),
  pages: createPages({ ...database, vault }),
});

beforeAll(async () => {
  db = await testDatabase();
  stores = storesOf(db);
});
beforeEach(async () => {
  tenantId = await aFreshTenant();
  published = [];
  schedules = [];
  activities = createConnectionActivities({
    ...stores,
    meta: bench.meta,
    schedules: {
      startCampaignSync: async () => void schedules.push('start'),
      stopCampaignSync: async () => void schedules.push('stop'),
      startLeadReconciliation: async () => void schedules.push('compare'),
      stopLeadReconciliation: async () => void schedules.push('compare no more'),
    },
    live: { publish: (_tenant, topic) => void published.push(topic), subscribe: () => () => {} },
  });
  attemptId = await anAttempt();
});

// Tenants of one test only: a page of an earlier one would count as another tenant's.
afterEach(async () => {
  for (const id of tenants.splice(0)) await stores.connections.disconnect(id, system('test'), 'not_revoked');
});

async function aFreshTenant(): Promise<number> {
  const id = await aTenant(db);
  tenants.push(id);
  return id;
}

async function anAttempt(): Promise<string> {
  const id = randomUUID();
  const expiresAt = new Date(Date.now() + 600_000);
  await stores.attempts.start(
    tenantId,
    { id, userId: null, stateHash: Buffer.from('h'), codeVerifier: null, expiresAt },
    system('test'),
  );
  await activities.beginAttempt({ tenantId, attemptId: id });
  return id;
}

const comeBack = async (given: Parameters<typeof bench.signIn>[0] = { rerequest: true }, id = attemptId) =>
  stores.attempts.park(tenantId, id, { code: await bench.signIn(given) });

async function connect(id = attemptId, pageIds?: string[]) {
  await comeBack({ rerequest: true }, id);
  await activities.exchangeCode({ tenantId, attemptId: id });
  const { businesses } = await stores.attempts.byId(tenantId, id);
  const businessId = businesses[0]?.businessId ?? null;
  await activities.listAssets({ tenantId, attemptId: id, businessId });
  const { adAccounts, pages } = await stores.attempts.byId(tenantId, id);
  const usable = pages.filter((page) => page.tasks.includes('MANAGE') && page.hasToken).map((page) => page.pageId);
  const chosen = pageIds ?? usable.slice(0, 1);
  const adAccountIds = adAccounts.map(({ adAccountId }) => adAccountId);
  await activities.chooseAssets({ tenantId, attemptId: id, adAccountIds, pageIds: chosen });
  const ends = await activities.confirmConnection({ tenantId, attemptId: id });
  return { ends, pageIds: chosen, usable };
}

describe('From a code to a connection', () => {
  it('ends with a living token of two months, its accounts and a page subscribed to leads', async () => {
    const { ends, pageIds } = await connect();
    expect(ends.expiresAt).toBeGreaterThan(Date.now() + 50 * 86_400_000);
    expect(await stores.connections.byTenant(tenantId)).toMatchObject({ status: 'connected' });
    const token = (await stores.pages.maybeToken(tenantId, pageIds[0] ?? '')) ?? '';
    expect(await bench.meta.subscriptions(token, pageIds[0] ?? '')).toMatchObject([{ fields: ['leadgen'] }]);
    expect(published).toContain('connection');
  });

  it('may be confirmed again after a crash: the second time changes nothing', async () => {
    const { ends } = await connect();
    expect(await activities.confirmConnection({ tenantId, attemptId })).toEqual(ends);
  });

  it('names the scopes that were declined, and goes no further', async () => {
    await comeBack({ declined: ['leads_retrieval'] });
    expect(await activities.exchangeCode({ tenantId, attemptId })).toEqual({ outcome: 'failed' });
    const attempt = await stores.attempts.byId(tenantId, attemptId);
    expect(attempt).toMatchObject({ status: 'failed', error: 'scopes_missing', missingScopes: ['leads_retrieval'] });
  });

  it('takes the token of a business integration, which never ends', async () => {
    await comeBack({ configId: '9000', rerequest: true });
    expect(await activities.exchangeCode({ tenantId, attemptId })).toEqual({ outcome: 'exchanged' });
    expect((await stores.attempts.candidateOf(tenantId, attemptId)).expiresAt).toBeNull();
  });

  it('refuses a code that Meta has seen already', async () => {
    const code = await bench.signIn({ rerequest: true });
    await bench.meta.exchangeCode(code);
    await stores.attempts.park(tenantId, attemptId, { code });
    await expect(activities.exchangeCode({ tenantId, attemptId })).rejects.toMatchObject({ code: 'invalid' });
  });

  it('does not exchange twice when the first try stored its result', async () => {
    await comeBack();
    await activities.exchangeCode({ tenantId, attemptId });
    expect(await activities.exchangeCode({ tenantId, attemptId })).toEqual({ outcome: 'exchanged' });
  });

  it('says what is wrong with a choice', async () => {
    await comeBack();
    await activities.exchangeCode({ tenantId, attemptId });
    const stranger = activities.listAssets({ tenantId, attemptId, businessId: '1' });
    await expect(stranger).rejects.toMatchObject({ code: 'invalid', details: { reason: 'business_unknown' } });
    await activities.listAssets({ tenantId, attemptId, businessId: null });
    const choose = (adAccountIds: string[], pageIds: string[]) =>
      activities.chooseAssets({ tenantId, attemptId, adAccountIds, pageIds });
    await expect(choose([], [])).rejects.toMatchObject({ details: { reason: 'no_ad_account' } });
    await expect(choose(['1'], [])).rejects.toMatchObject({ details: { reason: 'ad_account_unknown' } });
  });

  it('keeps no token in what it returns', async () => {
    await comeBack();
    const results = [
      await activities.exchangeCode({ tenantId, attemptId }),
      await activities.listAssets({ tenantId, attemptId, businessId: null }),
    ];
    const { accessToken } = await stores.attempts.candidateOf(tenantId, attemptId);
    expect(JSON.stringify(results)).not.toContain(accessToken);
  });
});

describe('A living connection', () => {
  it('is renewed, and the end moves', async () => {
    await connect();
    const before = await stores.connections.withToken(tenantId);
    await bench.control('clock', { advanceSeconds: 40 * 86_400 });
    const renewed = await activities.refreshToken({ tenantId });
    expect(renewed.moved).toBe(true);
    expect(renewed.expiresAt).toBeGreaterThan((before.expiresAt?.getTime() ?? 0) + 30 * 86_400_000);
    expect((await stores.connections.withToken(tenantId)).token).not.toBe(before.token);
  });

  it('finds out when the end did not move', async () => {
    await connect();
    await bench.control('settings', { extensionMovesExpiry: false });
    await bench.control('clock', { advanceSeconds: 55 * 86_400 });
    const { expiresAt } = await stores.connections.withToken(tenantId);
    const inTime = createConnectionActivities({
      ...({ ...stores, meta: bench.meta, live: { publish: () => {}, subscribe: () => () => {} } } as const),
      schedules: noSchedules,
      now: () => (expiresAt?.getTime() ?? 0) - 5 * 86_400_000,
    });
    expect((await inTime.refreshToken({ tenantId })).moved).toBe(false);
    expect(await stores.connections.byTenant(tenantId)).toMatchObject({ status: 'connected', reason: 'not_renewed' });
    await bench.control('settings', { extensionMovesExpiry: true });
  });

  it('learns the reason when Meta says the token is dead', async () => {
    await connect();
    const { token } = await stores.connections.withToken(tenantId);
    await bench.control('tokens/kill', { access_token: token, subcode: 460 });
    await expect(activities.refreshToken({ tenantId })).rejects.toMatchObject({
      code: 'reconnect_required',
      details: { subcode: 460 },
    });
  });
});

describe('Ending a connection', () => {
  it('takes the app off its pages and erases the tokens', async () => {
    const { pageIds } = await connect();
    await activities.disconnectMeta({ tenantId, userId: null });
    // Every token of the person is dead now: only a new sign-in can look.
    const { accessToken } = await bench.meta.exchangeCode(await bench.signIn({ rerequest: true }));
    const page = (await bench.meta.pages(accessToken)).find(({ pageId }) => pageId === pageIds[0]);
    expect(await bench.meta.subscriptions(page?.accessToken ?? '', pageIds[0] ?? '')).toEqual([]);
    expect(schedules).toEqual(['stop', 'compare no more']);
    expect(await stores.connections.byTenant(tenantId)).toMatchObject({ status: 'disconnected' });
  });

  it('leaves a page subscribed that another tenant uses', async () => {
    const { pageIds } = await connect();
    const token = (await stores.pages.maybeToken(tenantId, pageIds[0] ?? '')) ?? '';
    const first = tenantId;
    tenantId = await aFreshTenant();
    await connect(await anAttempt(), pageIds);
    await activities.disconnectMeta({ tenantId: first, userId: null });
    expect(await bench.meta.subscriptions(token, pageIds[0] ?? '')).toHaveLength(1);
    expect(await stores.pages.tenantsOf(pageIds[0] ?? '')).toEqual([tenantId]);
  });

  it('gives the permissions back at Meta when nobody else lives on them', async () => {
    await connect();
    const { token } = await stores.connections.withToken(tenantId);
    await activities.disconnectMeta({ tenantId, userId: null });
    expect(await bench.meta.inspect(token)).toMatchObject({ isValid: false });
    expect(await endingOf(tenantId)).toEqual({ atMeta: 'revoked' });
  });

  it('erases only our copy while another tenant lives on the same person', async () => {
    const { pageIds } = await connect();
    const first = tenantId;
    tenantId = await aFreshTenant();
    await connect(await anAttempt(), pageIds);
    await activities.disconnectMeta({ tenantId: first, userId: null });
    expect(await endingOf(first)).toEqual({ atMeta: 'shared' });
    expect(await activities.testToken({ tenantId })).toMatchObject({ isValid: true });
    const { token } = await stores.connections.withToken(tenantId);
    expect((await bench.meta.pages(token)).map(({ pageId }) => pageId)).toEqual(expect.arrayContaining(pageIds));
  });

  it('ends here also when the token is dead already, and says so', async () => {
    await connect();
    const { token } = await stores.connections.withToken(tenantId);
    await bench.control('tokens/kill', { access_token: token, subcode: 460 });
    await activities.disconnectMeta({ tenantId, userId: null });
    expect(await endingOf(tenantId)).toEqual({ atMeta: 'not_revoked' });
  });

  const endingRow = z.object({ details: z.object({ atMeta: z.string() }) });
  const endingOf = (id: number) =>
    db.database.inTenant(id, (tx) =>
      tx.oneFirst(sql.type(endingRow)`SELECT details FROM system_events WHERE name = 'connection.disconnected'`),
    );

  it('is written into the audit trail', async () => {
    await connect();
    await activities.disconnectMeta({ tenantId, userId: null });
    const names = await db.database.inTenant(tenantId, (tx) =>
      tx.anyFirst(sql.type(z.object({ name: z.string() }))`SELECT name FROM system_events ORDER BY id`),
    );
    expect(names).toEqual(expect.arrayContaining(['connection.connected', 'connection.disconnected']));
  });
});

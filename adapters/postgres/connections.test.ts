import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import type { Vault } from '../../domain/vault.ts';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { anInboxRow } from '../../test/inbox-rows.ts';
import { createAdAccounts } from './ad-accounts.ts';
import { createConnections } from './connections.ts';
import { createInbox } from './inbox.ts';
import { createOauthAttempts } from './oauth-attempts.ts';
import { createPages } from './pages.ts';

// Readable on purpose: a test can then see that nothing is stored in the clear.
const vault: Vault = {
  seal: (plain) => Buffer.from(`sealed:${plain}`).toString('base64'),
  open: (text) => Buffer.from(text, 'base64').toString().slice('sealed:'.length),
};
const text = z.object({ text: z.string().nullable() });

let db: TestDatabase;
let tenantId: number;
let stores: ReturnType<typeof storesOf>;

const storesOf = ({ database }: TestDatabase) => ({
  connections: createConnections({ ...database, vault }),
  attempts: createOauthAttempts({ ...database, vault }),
  pages: createPages({ ...database, vault }),
  adAccounts: createAdAccounts(database),
  inbox: createInbox(database),
});

beforeAll(async () => {
  db = await testDatabase();
  stores = storesOf(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
});

async function anAttempt(given: { expiresAt?: Date } = {}): Promise<string> {
  const id = randomUUID();
  const attempt = { id, userId: null, stateHash: Buffer.from('hash'), codeVerifier: null };
  const expiresAt = given.expiresAt ?? new Date(Date.now() + 600_000);
  await stores.attempts.start(tenantId, { ...attempt, expiresAt }, system('test'));
  return id;
}

const page = { pageId: '100200300400500', name: 'Aurora Odontología', tasks: ['MANAGE'], accessToken: 'page-token' };
const account = {
  adAccountId: '1002003004005',
  name: 'Aurora Argentina',
  currency: 'ARS',
  timeZone: 'America/Argentina/Buenos_Aires',
  status: 1,
  businessId: '2003',
};

async function connect(given: { pages?: (typeof page)[]; accounts?: (typeof account)[]; token?: string } = {}) {
  const id = await anAttempt();
  const token = {
    accessToken: given.token ?? 'user-token',
    expiresAt: new Date('2027-01-20T00:00:00Z'),
    dataAccessExpiresAt: new Date('2027-02-20T00:00:00Z'),
    metaUserId: '10220000000000001',
  };
  await stores.attempts.park(tenantId, id, { code: 'code' });
  await stores.attempts.saveExchanged(tenantId, id, {
    ...token,
    scopes: ['ads_read'],
    missingScopes: [],
    businesses: [],
  });
  await stores.connections.confirm(tenantId, {
    attempt: await stores.attempts.byId(tenantId, id),
    token,
    business: { id: '2003', name: 'Aurora Salud' },
    accounts: given.accounts ?? [account],
    pages: given.pages ?? [page],
  });
  return id;
}

const storedText = (column: string, table: string) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.anyFirst(sql.type(text)`SELECT ${sql.identifier([column])}::text AS text FROM ${sql.identifier([table])}`),
  );

describe('A sign-in at Meta', () => {
  it('takes the code once, sealed; a second callback changes nothing', async () => {
    const id = await anAttempt();
    expect(await stores.attempts.park(tenantId, id, { code: 'first-code' })).toBe(true);
    expect(await stores.attempts.park(tenantId, id, { code: 'second-code' })).toBe(false);
    expect(await stores.attempts.codeOf(tenantId, id, 600_000)).toEqual({
      code: 'first-code',
      codeVerifier: undefined,
    });
    expect(await storedText('code', 'oauth_attempts')).not.toContain('first-code');
  });

  it('refuses a callback after its ten minutes', async () => {
    const id = await anAttempt({ expiresAt: new Date(Date.now() - 1000) });
    expect(await stores.attempts.park(tenantId, id, { code: 'late' })).toBe(false);
  });

  it('is due for the dispatcher from its return until it is delivered', async () => {
    const id = await anAttempt();
    const due = async () =>
      (
        await db.database.pool.any(sql.type(z.object({ work: z.string(), object_id: z.string() }))`
        SELECT work, object_id FROM due_work() WHERE tenant_id = ${tenantId}`)
      ).map((row) => row.object_id);
    expect(await due()).toEqual([]);
    await stores.attempts.park(tenantId, id, { code: 'code' });
    expect(await due()).toEqual([id]);
    await stores.attempts.markDelivered(tenantId, id);
    expect(await due()).toEqual([]);
  });

  it('erases code and token when it fails, and fails once', async () => {
    const id = await anAttempt();
    await stores.attempts.park(tenantId, id, { code: 'code' });
    await stores.attempts.fail(tenantId, id, 'expired');
    await stores.attempts.fail(tenantId, id, 'unavailable');
    expect(await stores.attempts.byId(tenantId, id)).toMatchObject({ status: 'failed', error: 'expired' });
    expect(await storedText('code', 'oauth_attempts')).toEqual([null]);
  });

  it('does not exist for another tenant', async () => {
    const id = await anAttempt();
    const other = await aTenant(db);
    await expect(stores.attempts.byId(other, id)).rejects.toMatchObject({ code: 'not_found' });
    expect(await stores.attempts.maybeStateHash(other, id)).toBeNull();
  });
});

describe('A connection', () => {
  it('is not connected before the first sign-in', async () => {
    expect(await stores.connections.byTenant(tenantId)).toMatchObject({ status: 'not_connected', expiresAt: null });
    await expect(stores.connections.withToken(tenantId)).rejects.toMatchObject({ code: 'reconnect_required' });
  });

  it('saves token, accounts and pages at once, the tokens sealed', async () => {
    const id = await connect();
    expect(await stores.connections.byTenant(tenantId)).toMatchObject({
      status: 'connected',
      businessName: 'Aurora Salud',
    });
    expect((await stores.connections.withToken(tenantId)).token).toBe('user-token');
    expect(await stores.pages.maybeToken(tenantId, page.pageId)).toBe('page-token');
    expect(await stores.adAccounts.listSelected(tenantId)).toMatchObject([
      { adAccountId: account.adAccountId, lastSyncedAt: null },
    ]);
    expect(await stores.attempts.byId(tenantId, id)).toMatchObject({ status: 'confirmed' });
    expect(await storedText('access_token', 'meta_tokens')).not.toContain('user-token');
    expect(await storedText('access_token', 'pages')).not.toContain('page-token');
    expect(await storedText('access_token', 'oauth_attempts')).toEqual([null]);
  });

  it('adopts the leads that came for its pages before, and no others', async () => {
    for (const [source, key] of [
      [page.pageId, 'a'],
      ['999', 'b'],
    ]) {
      await db.database.pool.query(sql.unsafe`
        INSERT INTO webhook_events (provider, dedupe_key, kind, subject, source_id, payload, state)
        VALUES ('meta', ${`${tenantId}:${key}`}, 'leadgen', '1', ${source ?? ''}, '{}', 'orphan')`);
    }
    await connect();
    const adopted = await db.database.inTenant(tenantId, (tx) =>
      tx.any(sql.type(z.object({ source_id: z.string(), state: z.string() }))`
        SELECT source_id, state FROM webhook_events WHERE tenant_id = ${tenantId}`),
    );
    expect(adopted).toEqual([{ source_id: page.pageId, state: 'pending' }]);
  });

  it('gives each tenant that connects a page the leads that came for it before, once', async () => {
    const pageId = `70${tenantId}`;
    await anInboxRow(db, null, { state: 'orphan', key: `meta:leadgen:${pageId}:733`, pageId });
    const before = await stores.inbox.orphans();
    const adopt = async () => {
      await connect({ pages: [{ ...page, pageId }] });
      return db.database.inTenant(tenantId, (tx) =>
        tx.anyFirst(sql.type(z.object({ key: z.string() }))`
          SELECT dedupe_key AS key FROM webhook_events WHERE tenant_id = ${tenantId} AND source_id = ${pageId}`),
      );
    };
    const first = tenantId;
    expect(await adopt()).toEqual([`meta:leadgen:${pageId}:733:${first}`]);
    expect(await adopt()).toHaveLength(1);
    expect(await stores.inbox.orphans()).toBe(before - 1);
    tenantId = await aTenant(db);
    expect(await adopt()).toEqual([`meta:leadgen:${pageId}:733:${tenantId}`]);
  });

  it('replaces accounts and pages when it is made again, and keeps what is still chosen', async () => {
    await connect();
    const other = { ...account, adAccountId: '77', name: 'Aurora Turismo' };
    await connect({ accounts: [other], pages: [], token: 'new-token' });
    expect((await stores.adAccounts.listSelected(tenantId)).map((row) => row.adAccountId)).toEqual(['77']);
    expect(await stores.pages.listForTenant(tenantId)).toEqual([]);
    expect(await stores.pages.tenantsOf(page.pageId)).not.toContain(tenantId);
    expect((await stores.connections.withToken(tenantId)).token).toBe('new-token');
  });

  it('needs a person after Meta refused its token, once', async () => {
    await connect();
    const { version } = await stores.connections.withToken(tenantId);
    expect(await stores.connections.markReconnectNeeded(tenantId, 'expired', version)).toBe(true);
    expect(await stores.connections.markReconnectNeeded(tenantId, 'expired', version)).toBe(false);
    expect(await stores.connections.byTenant(tenantId)).toMatchObject({
      status: 'reconnect_needed',
      reason: 'expired',
    });
    await expect(stores.connections.withToken(tenantId)).rejects.toMatchObject({ code: 'reconnect_required' });
  });

  it('ignores the refusal of a token that was replaced meanwhile', async () => {
    await connect();
    const { version } = await stores.connections.withToken(tenantId);
    await connect({ token: 'new-token' });
    expect(await stores.connections.markReconnectNeeded(tenantId, 'expired', version - 1)).toBe(false);
    expect(await stores.connections.byTenant(tenantId)).toMatchObject({ status: 'connected' });
  });

  it('keeps its old token while a renewal runs, and says when the end did not move', async () => {
    await connect();
    await stores.connections.markRefreshing(tenantId);
    expect((await stores.connections.withToken(tenantId)).token).toBe('user-token');
    const ends = { expiresAt: new Date('2027-03-20T00:00:00Z'), dataAccessExpiresAt: null };
    await stores.connections.saveRenewal(tenantId, { token: 'renewed', ...ends }, false);
    expect(await stores.connections.byTenant(tenantId)).toMatchObject({ status: 'connected', reason: 'not_renewed' });
    expect((await stores.connections.withToken(tenantId)).token).toBe('renewed');
  });

  it('erases every token when it ends, and keeps the accounts', async () => {
    await connect();
    await stores.connections.disconnect(tenantId, system('test'), 'not_revoked');
    expect(await stores.connections.byTenant(tenantId)).toMatchObject({ status: 'disconnected' });
    expect(await storedText('access_token', 'meta_tokens')).toEqual([]);
    expect(await storedText('access_token', 'pages')).toEqual([null]);
    expect(await stores.adAccounts.listSelected(tenantId)).toHaveLength(1);
  });

  it('leaves an audit row for every step, with ids only', async () => {
    await connect();
    const names = await db.database.inTenant(tenantId, (tx) =>
      tx.anyFirst(sql.type(text)`SELECT name AS text FROM system_events WHERE kind = 'change' ORDER BY id`),
    );
    expect(names).toEqual([
      'connection.sign_in_started',
      'connection.sign_in_moved',
      'connection.sign_in_moved',
      'connection.connected',
    ]);
    expect((await storedText('details', 'system_events')).join()).not.toMatch(/user-token|page-token|code"/);
  });
});

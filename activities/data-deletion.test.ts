import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createVault } from '../adapters/crypto/fernet.ts';
import { createStores, type Stores } from '../adapters/postgres/stores.ts';
import { system } from '../domain/actor.ts';
import { aTenant, type TestDatabase, tablesNaming, testDatabase } from '../test/database.ts';
import { createDataDeletionActivities } from './data-deletion.ts';

const PERSON = '8800123';
let db: TestDatabase;
let stores: Stores;
let ended: number[];
let isWorkflowThere: boolean;
let activities: ReturnType<typeof createDataDeletionActivities>;

beforeAll(async () => {
  db = await testDatabase();
  stores = createStores(db.database, createVault(['cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=']), {
    onFallback: () => {},
  } as never);
  activities = createDataDeletionActivities({
    ...stores,
    endConnection: async (tenantId) => ended.push(tenantId) > 0 && isWorkflowThere,
    live: { publish: () => {}, subscribe: () => () => {} },
  });
});
beforeEach(() => {
  ended = [];
  isWorkflowThere = false;
});

async function aConnectedTenant(metaUserId = PERSON): Promise<number> {
  const tenantId = await aTenant(db);
  const id = randomUUID();
  const stateHash = Buffer.from('h');
  await stores.oauthAttempts.start(
    tenantId,
    { id, userId: null, stateHash, codeVerifier: null, expiresAt: new Date(Date.now() + 600_000) },
    system('test'),
  );
  await stores.oauthAttempts.park(tenantId, id, { code: 'code' });
  await stores.oauthAttempts.saveExchanged(tenantId, id, {
    accessToken: 'user-token',
    expiresAt: null,
    dataAccessExpiresAt: null,
    metaUserId,
    scopes: ['ads_read'],
    missingScopes: [],
    businesses: [{ businessId: '2003', name: 'Aurora' }],
  });
  await stores.connections.confirm(tenantId, {
    attempt: await stores.oauthAttempts.byId(tenantId, id),
    token: await stores.oauthAttempts.candidateOf(tenantId, id),
    business: { id: '2003', name: 'Aurora' },
    accounts: [
      { adAccountId: '100', name: 'Aurora', status: 1, currency: 'ARS', timeZone: 'America/Bogota', businessId: null },
    ],
    pages: [],
  });
  return tenantId;
}

const naming = (text: string) => tablesNaming(db, text);

async function erase(confirmationCode: string): Promise<number[]> {
  const tenantIds = await activities.tenantsToErase({ confirmationCode });
  for (const tenantId of tenantIds) await activities.erasePerson({ confirmationCode, tenantId });
  await activities.proveErasure({ confirmationCode, tenantIds });
  return tenantIds;
}

describe('Erasing a person of Meta', () => {
  it('ends their connections, erases what their sign-ins brought, in every tenant, and leaves the figures', async () => {
    const tenants = [await aConnectedTenant(), await aConnectedTenant()];
    const stranger = await aConnectedTenant('8800999');
    expect((await naming(PERSON)).length).toBeGreaterThan(0);
    await stores.deletionRequests.note('erase-1', PERSON);
    expect(await erase('erase-1')).toEqual(tenants);
    expect(await naming(PERSON)).toEqual([]);
    expect(await stores.deletionRequests.maybeState('erase-1')).toMatchObject({ state: 'done' });
    for (const tenantId of tenants) {
      expect(await stores.connections.byTenant(tenantId)).toMatchObject({ status: 'disconnected', scopes: [] });
      expect(await stores.adAccounts.listSelected(tenantId)).toHaveLength(1);
    }
    expect(await stores.connections.byTenant(stranger)).toMatchObject({ status: 'connected' });
    expect((await stores.connections.withToken(stranger)).token).toBe('user-token');
  });

  it('may be done again after a crash', async () => {
    await aConnectedTenant();
    await stores.deletionRequests.note('erase-2', PERSON);
    const [tenantId = 0] = await activities.tenantsToErase({ confirmationCode: 'erase-2' });
    await activities.erasePerson({ confirmationCode: 'erase-2', tenantId });
    expect(await activities.tenantsToErase({ confirmationCode: 'erase-2' })).toEqual([]);
    await erase('erase-2');
    await activities.proveErasure({ confirmationCode: 'erase-2', tenantIds: [tenantId] });
  });

  it('waits for the connection’s own workflow to end it', async () => {
    isWorkflowThere = true;
    const tenantId = await aConnectedTenant();
    await stores.deletionRequests.note('erase-3', PERSON);
    const first = activities.erasePerson({ confirmationCode: 'erase-3', tenantId });
    await expect(first).rejects.toMatchObject({ code: 'unavailable' });
    expect(ended).toEqual([tenantId]);
    await expect(activities.proveErasure({ confirmationCode: 'erase-3', tenantIds: [tenantId] })).rejects.toMatchObject(
      {
        code: 'unavailable',
      },
    );
    await stores.connections.disconnect(tenantId, system('test'), 'not_revoked');
    await activities.erasePerson({ confirmationCode: 'erase-3', tenantId });
    await activities.proveErasure({ confirmationCode: 'erase-3', tenantIds: [tenantId] });
  });

  it('leaves alone what the person granted after they asked', async () => {
    await stores.deletionRequests.note('erase-4', PERSON);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const tenantId = await aConnectedTenant();
    expect(await erase('erase-4')).toEqual([tenantId]);
    expect(await stores.connections.byTenant(tenantId)).toMatchObject({ status: 'connected' });
  });

  it('leaves a row in the audit trail without the person', async () => {
    const tenantId = await aConnectedTenant();
    await stores.deletionRequests.note('erase-5', PERSON);
    await erase('erase-5');
    const names = await db.database.inTenant(tenantId, (tx) =>
      tx.anyFirst(sql.type(z.object({ name: z.string() }))`SELECT name FROM system_events ORDER BY id`),
    );
    expect(names).toContain('connection.person_erased');
  });
});

import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CampaignSyncs } from '../adapters/temporal/campaign-sync.ts';
import { AppError } from '../domain/error.ts';
import { type TestApp, testApp } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { aPerson, type Person } from '../test/person.ts';
import { syncRoutes } from './sync.ts';

let db: TestDatabase;
let app: TestApp;
let tenantId: number;
let person: Person;
let started: number[];
let running: boolean;
let temporalIsDown: boolean;

const syncs = {
  isRunning: async () => {
    if (temporalIsDown) throw new AppError('unavailable', 'Temporal does not answer');
    return running;
  },
  start: async (tenant) => void started.push(tenant),
} satisfies CampaignSyncs;

beforeAll(async () => {
  db = await testDatabase();
  app = await testApp(db, ({ stores }) => syncRoutes({ ...stores, syncs }));
});
beforeEach(async () => {
  started = [];
  running = false;
  temporalIsDown = false;
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
  await connection('connected');
});

const connection = (status: string) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`
      INSERT INTO connections (tenant_id, status) VALUES (${tenantId}, ${status})
      ON CONFLICT (tenant_id) DO UPDATE SET status = excluded.status`),
  );
const ask = async () =>
  fetch(`${app.url}/api/v1/sync-runs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await app.tokens.issue({ tenantId, userId: person.userId })}` },
  });

describe('Sync now', () => {
  it('starts a sync, then asks for patience with the seconds left', async () => {
    const first = await ask();
    expect(first.status).toBe(202);
    expect(await first.json()).toMatchObject({ status: 'started' });
    const second = await ask();
    expect(second.status).toBe(429);
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(50);
    expect(started).toEqual([tenantId]);
  });

  it('says that one is running, and starts none', async () => {
    running = true;
    const reply = await ask();
    expect(reply.status).toBe(202);
    expect(await reply.json()).toMatchObject({ status: 'running' });
    expect(started).toEqual([]);
  });

  it.each([
    ['not_connected', 409],
    ['reconnect_needed', 409],
    ['disconnected', 409],
  ])('refuses while the connection is %s', async (status, expected) => {
    await connection(status);
    const reply = await ask();
    expect(reply.status).toBe(expected);
    expect(await reply.json()).toMatchObject({ error: { todo: expect.stringMatching(/./) } });
    expect(started).toEqual([]);
  });

  it('answers 503 while Temporal is down, and costs no cooldown', async () => {
    temporalIsDown = true;
    expect((await ask()).status).toBe(503);
    temporalIsDown = false;
    expect((await ask()).status).toBe(202);
  });
});

describe('The button', () => {
  it('leads back to the hub without script, and swaps its region with it', async () => {
    expect((await person.post('/crm/sync-runs')).headers.get('location')).toBe('/crm/marketing');
    const fragment = await person.post('/crm/sync-runs', {}, { 'hx-request': 'true' });
    expect(await fragment.text()).toContain('wait a minute');
  });

  it('shows how far a running sync is', async () => {
    const { syncRuns } = app.stores;
    const runId = await syncRuns.start(tenantId, { kind: 'manual', workflowRunId: randomUUID(), accountsTotal: 5 });
    await syncRuns.addProgress(tenantId, runId, { accounts: 2 });
    const region = await (await person.get('/crm/marketing/sync-status')).text();
    expect(region).toContain('Syncing: 2 of 5 accounts');
    expect(region).toContain('aria-busy="true"');
    await syncRuns.finish(tenantId, runId, 'permission_missing');
    expect(await (await person.get('/crm/marketing/sync-status')).text()).toContain('An account gives no permission');
  });

  it('says when it was last synced and when it comes next', async () => {
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`
        INSERT INTO ad_accounts (tenant_id, ad_account_id, name, currency, time_zone, account_status, last_synced_at)
        VALUES (${tenantId}, '1', 'Aurora', 'ARS', 'America/Bogota', 1, now() - interval '9 hours')`),
    );
    const region = await (await person.get('/crm/marketing/sync-status')).text();
    expect(region).toMatch(/Synced 9 hr\. ago · next \d\d:\d\d · .*Older than 8 hours/);
  });
});

import { sql } from 'slonik';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createVault } from '../adapters/crypto/fernet.ts';
import { createStores, type Stores } from '../adapters/postgres/stores.ts';
import { createYCloud } from '../adapters/ycloud/client.ts';
import { system } from '../domain/actor.ts';
import { type Client, KEY, startClient } from '../simulators/ycloud/testing.ts';
import { TEST_FERNET_KEY } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { aPhone } from '../test/outbound.ts';
import { silentLog } from '../test/silent-log.ts';
import { createOptOutDesk, type OptOutDesk } from './opt-outs.ts';

let db: TestDatabase;
let stores: Stores;
let ycloud: Client;
let tenantId: number;
let desk: OptOutDesk;
let phone: string;
let n = 0;

beforeAll(async () => {
  db = await testDatabase();
  stores = createStores(db.database, createVault([TEST_FERNET_KEY]), {
    ycloudApiKey: KEY,
    ycloudWebhookSecret: undefined,
    onFallback: () => {},
  });
});
beforeEach(async () => {
  ycloud = await startClient();
  tenantId = await aTenant(db);
  phone = aPhone();
  desk = createOptOutDesk({ ...stores, ycloud: createYCloud({ url: ycloud.url, log: silentLog }) });
  await stores.credentials.save(tenantId, 'ycloud', 'api_key', KEY, system('test'));
});
afterEach(() => ycloud.close());

const writes = (body: string, from = phone) =>
  stores.conversations.receive(tenantId, 0, {
    providerId: `in-${n++}-${tenantId}`,
    phone: from,
    kind: 'text',
    body,
    sentAt: new Date(),
  });
const listChanges = (consent: 'stopped' | 'resumed') =>
  stores.conversations.changeConsent(tenantId, 0, { phone, consent, source: 'ycloud_list', at: new Date() });
/** What the dispatcher of either program would do now. */
const tellDue = async () => {
  const due = (await stores.inbox.dueWork()).filter(
    ({ work, tenant_id }) => work === 'opt_out' && tenant_id === tenantId,
  );
  for (const { object_id } of due) await desk.push(tenantId, object_id);
  return due.length;
};
const theirs = async (): Promise<string[]> =>
  (await ycloud.v2('GET', 'unsubscribers?limit=100')).body.items.map(({ customer }: { customer: string }) => customer);
const suppressionRow = z.object({ source: z.string(), active: z.boolean() });
const ours = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.any(sql.type(suppressionRow)`
      SELECT source, lifted_at IS NULL AS active FROM suppressions WHERE tenant_id = ${tenantId} AND phone = ${phone} ORDER BY created_at, source`),
  );
const eventsOf = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.anyFirst(sql.type(z.object({ name: z.string() }))`
      SELECT name FROM system_events WHERE tenant_id = ${tenantId} AND name LIKE 'suppression%' ORDER BY id`),
  );
const dueAgain = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`UPDATE suppressions SET push_at = now() WHERE tenant_id = ${tenantId} AND push_at IS NOT NULL`),
  );

describe('an opt-out that we hear of', () => {
  it('is told to YCloud once, with a row in the trail', async () => {
    await writes('BAJA');
    expect(await tellDue()).toBe(1);
    expect(await theirs()).toEqual([phone]);
    expect(await tellDue()).toBe(0);
    expect(await eventsOf()).toEqual(['suppression.added', 'suppression.pushed']);
  });

  it('is told later when YCloud is away, and counts here meanwhile', async () => {
    await ycloud.control('POST', 'faults', {
      match: { path: '/v2/unsubscribers' },
      kind: 'status',
      value: 503,
      times: 1,
    });
    await writes('BAJA');
    await expect(tellDue()).rejects.toMatchObject({ code: 'unavailable' });
    expect([await theirs(), (await ours())[0]?.active]).toEqual([[], true]);
    expect(await tellDue()).toBe(0);
    await dueAgain();
    expect(await tellDue()).toBe(1);
    expect(await theirs()).toEqual([phone]);
  });

  it('does not come back from there as another word against the person, and goes when they start again', async () => {
    await writes('BAJA');
    await tellDue();
    await listChanges('stopped');
    await desk.pull(tenantId);
    expect(await ours()).toEqual([{ source: 'stop_word', active: true }]);
    await writes('ALTA');
    await desk.pull(tenantId);
    expect(await ours()).toEqual([{ source: 'stop_word', active: false }]);
    await tellDue();
    expect(await theirs()).toEqual([]);
    expect(await desk.pull(tenantId)).toBe(0);
    expect((await eventsOf()).at(-1)).toBe('suppression.withdrawn');
  });

  it('stays there while another reason stands', async () => {
    await writes('BAJA');
    await stores.conversations.changeConsent(tenantId, 0, {
      ...{ phone, consent: 'stopped', source: 'user_preference', at: new Date() },
    });
    await tellDue();
    await writes('ALTA');
    await tellDue();
    expect(await theirs()).toEqual([phone]);
  });

  it('is kept to itself by a tenant on the installation’s key', async () => {
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`DELETE FROM credentials WHERE tenant_id = ${tenantId}`),
    );
    await writes('BAJA');
    expect([await tellDue(), await theirs(), await tellDue()]).toEqual([1, [], 0]);
  });
});

describe('YCloud’s own list', () => {
  it('is taken over whole, whoever put people on it, and lifts nothing', async () => {
    const others = Array.from({ length: 104 }, (_, i) => `+54911555${String(60_000 + i)}`);
    for (const customer of [phone, ...others])
      await ycloud.v2('POST', 'unsubscribers', { customer, channel: 'whatsapp', type: 'PHONE_NUMBER' });
    expect(await desk.pull(tenantId)).toBe(105);
    expect(await ours()).toEqual([{ source: 'ycloud_list', active: true }]);
    expect(await eventsOf()).toEqual(['suppressions.pulled']);
    await ycloud.v2('DELETE', `unsubscribers/${encodeURIComponent(phone)}/whatsapp`);
    expect([await desk.pull(tenantId), (await ours())[0]?.active, await tellDue()]).toEqual([0, true, 0]);
  });
});

import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createVault } from '../adapters/crypto/fernet.ts';
import { createMetrics } from '../adapters/metrics.ts';
import { createStores, type Stores } from '../adapters/postgres/stores.ts';
import { createYCloud } from '../adapters/ycloud/client.ts';
import { system } from '../domain/actor.ts';
import { NOTICE_EVENTS } from '../domain/whatsapp-notices.ts';
import { type Client, KEY, NUMBER, startClient } from '../simulators/ycloud/testing.ts';
import { TEST_FERNET_KEY } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { silentLog } from '../test/silent-log.ts';
import { createWhatsappNotices } from './whatsapp-notices.ts';

let db: TestDatabase;
let stores: Stores;
let ycloud: Client;
let tenantId: number;
let metrics: ReturnType<typeof createMetrics>;
let notices: ReturnType<typeof createWhatsappNotices>;
const actor = system('test');

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
  metrics = createMetrics();
  notices = createWhatsappNotices({
    ...stores,
    ycloud: createYCloud({ url: ycloud.url, log: silentLog }),
    metrics,
    publicUrl: 'https://hub.example.com',
  });
});
afterEach(() => ycloud.close());

const ownKey = () => stores.credentials.save(tenantId, 'ycloud', 'api_key', KEY, actor);
const endpoints = async () => (await ycloud.v2('GET', 'webhookEndpoints')).body.items;
const secrets = () => stores.credentials.ycloudWebhookSecrets(tenantId);
const lows = async () => (await metrics.balanceLow.get()).values[0]?.value ?? 0;

describe('Notices from YCloud', () => {
  it('are the operator’s matter on the installation’s key', async () => {
    expect(await notices.stateOf(tenantId)).toBe('shared');
    await expect(notices.register(tenantId, actor)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('are set up in one press: our address with every event, and the secret it signs with', async () => {
    await ownKey();
    expect(await notices.stateOf(tenantId)).toBe('missing');
    await notices.register(tenantId, actor);
    const [endpoint] = await endpoints();
    expect(endpoint).toMatchObject({ url: `https://hub.example.com/webhook/ycloud/${tenantId}`, status: 'active' });
    expect(endpoint.enabledEvents).toEqual(NOTICE_EVENTS);
    expect(await secrets()).toEqual([endpoint.secret]);
    expect(await notices.stateOf(tenantId)).toBe('complete');
    await notices.register(tenantId, actor);
    expect(await endpoints()).toHaveLength(1);
    expect(await secrets()).toHaveLength(1);
  });

  it('are mended when the address was switched off or lost events', async () => {
    await ownKey();
    await notices.register(tenantId, actor);
    const [{ id }] = await endpoints();
    await ycloud.v2('PATCH', `webhookEndpoints/${id}`, {
      status: 'disabled',
      enabledEvents: ['whatsapp.message.updated'],
    });
    expect(await notices.stateOf(tenantId)).toBe('partial');
    await notices.register(tenantId, actor);
    expect(await notices.stateOf(tenantId)).toBe('complete');
  });

  it('get a new secret when YCloud knows the address and we know no secret', async () => {
    await ownKey();
    const url = `https://hub.example.com/webhook/ycloud/${tenantId}`;
    await ycloud.v2('POST', 'webhookEndpoints', { url, enabledEvents: [...NOTICE_EVENTS] });
    expect(await notices.stateOf(tenantId)).toBe('no_secret');
    await notices.register(tenantId, actor);
    const [{ secret }] = await endpoints();
    expect(await secrets()).toEqual([secret]);
    expect(await notices.stateOf(tenantId)).toBe('complete');
  });

  it('are not known while YCloud gives no answer', async () => {
    await ownKey();
    await ycloud.control('POST', 'faults', { match: { path: '/v2/webhookEndpoints' }, kind: 'status', value: 503 });
    expect(await notices.stateOf(tenantId)).toBe('unknown');
  });
});

describe('The balance', () => {
  beforeEach(() =>
    stores.senders.choose(tenantId, { wabaId: '900100', phone: NUMBER, status: 'CONNECTED', quality: 'GREEN' }, actor),
  );

  it('is kept with its time, and heard of before a send fails', async () => {
    expect(await stores.senders.maybeBalance(tenantId)).toBeNull();
    await ycloud.control('POST', 'balance', { amount: 42.5 });
    await notices.noteBalance(tenantId);
    expect(await stores.senders.maybeBalance(tenantId)).toMatchObject({
      amount: '42.500000',
      spentInAWeek: '0.000000',
    });
    expect(await lows()).toBe(0);
    await ycloud.control('POST', 'balance', { amount: 0.4 });
    await notices.noteBalance(tenantId);
    expect(await lows()).toBe(1);
  });
});

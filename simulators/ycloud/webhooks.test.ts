import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RETRY_SECONDS } from './outbox.ts';
import { type Client, PERSON, type Receiver, startClient, startReceiver } from './testing.ts';
import { signature } from './wire.ts';

const SECRET = 'whsec_test';
let client: Client;
let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
  client = await startClient({ webhook: { url: receiver.url, secret: SECRET } });
});
afterEach(async () => {
  await client.close();
  await receiver.close();
});

const write = (text = 'hola') => client.control('POST', 'replies', { to: PERSON, text });
const advance = (advanceSeconds: number) => client.control('POST', 'clock', { advanceSeconds });
const attempts = () => client.ledger.rows().deliveries.map(({ attempt, status }) => [attempt, status]);
/** Resolves once so many deliveries have ended: the ledger writes them after the answer. */
const deliveriesToBe = (count: number) =>
  vi.waitFor(
    () => {
      expect(attempts().length).toBeGreaterThanOrEqual(count);
      return attempts();
    },
    { timeout: 10_000, interval: 5 },
  );

describe('the signature', () => {
  it('is the HMAC of time, dot and exact body under the whole secret', () => {
    // Computed with another program.
    expect(signature('whsec_inventado', '{"id":"evt_inventado","note":"café ☕"}', 1764000000)).toBe(
      't=1764000000,s=52ac01141328c7f18689aa181933b78204a8f3fc6b3812e65a2ded6eb794f036',
    );
  });

  it('stands on every event, over the bytes that arrive', async () => {
    await write('¿Qué tal? ☕');
    const [arrived] = await receiver.until((all) => all.length === 1);
    const seconds = Number(/^t=(\d+),s=[0-9a-f]{64}$/.exec(arrived?.signature ?? '')?.[1]);
    expect(arrived?.signature).toBe(signature(SECRET, arrived?.text ?? '', seconds));
    expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(60);
  });

  it('is made anew for a redelivery, in the time the receiver lives in', async () => {
    receiver.answer = () => (receiver.received.length === 1 ? 500 : 200);
    await write();
    await deliveriesToBe(1);
    await advance(3600);
    const all = await receiver.until((some) => some.length === 2);
    expect(all[1]?.text).toBe(all[0]?.text);
    const seconds = Number(/^t=(\d+)/.exec(all[1]?.signature ?? '')?.[1]);
    expect(all[1]?.signature).toBe(signature(SECRET, all[1]?.text ?? '', seconds));
    expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(60);
  });

  it('can be wrong, when a test wants to see it refused', async () => {
    await client.control('POST', 'events', { type: 'whatsapp.message.updated', badSignature: true });
    const [arrived] = await receiver.until((all) => all.length === 1);
    const seconds = Number(/^t=(\d+)/.exec(arrived?.signature ?? '')?.[1]);
    expect(arrived?.signature).not.toBe(signature(SECRET, arrived?.text ?? '', seconds));
  });

  it('is made with the new secret as soon as it is rotated', async () => {
    const [{ id }] = (await client.v2('GET', 'webhookEndpoints')).body.items;
    const { secret } = (await client.v2('POST', `webhookEndpoints/${id}/rotateSecret`)).body;
    expect(secret).toMatch(/^whsec_/);
    await write();
    const [arrived] = await receiver.until((all) => all.length === 1);
    const seconds = Number(/^t=(\d+)/.exec(arrived?.signature ?? '')?.[1]);
    expect(arrived?.signature).toBe(signature(secret, arrived?.text ?? '', seconds));
  });
});

describe('an event', () => {
  it('has an id, a type, a version and a time', async () => {
    await write();
    const [arrived] = await receiver.until((all) => all.length === 1);
    expect(arrived?.event).toMatchObject({
      id: expect.stringMatching(/^evt_\w{6,}$/),
      type: 'whatsapp.inbound_message.received',
      apiVersion: 'v2',
      createTime: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  it('goes to the endpoints that want its type, and to no others', async () => {
    const other = await startReceiver();
    await client.v2('POST', 'webhookEndpoints', { url: other.url, enabledEvents: ['whatsapp.message.updated'] });
    await write();
    await client.send();
    await other.until((all) => all.length >= 2);
    expect(new Set(other.received.map(({ event }) => event.type))).toEqual(new Set(['whatsapp.message.updated']));
    expect(receiver.received.some(({ event }) => event.type === 'whatsapp.inbound_message.received')).toBe(true);
    await other.close();
  });

  it('may carry fields nobody knows, always the same ones for a seed', async () => {
    await client.control('POST', 'settings', { surprises: 1 });
    for (let n = 0; n < 6; n++)
      await client.control('POST', 'events', { type: 'whatsapp.future.thing', payload: { thing: { n } } });
    const all = await receiver.until((some) => some.length === 6);
    const strange = all.filter(
      ({ event }) => event.futureField !== undefined || event.thing.futureDetail !== undefined,
    );
    expect(strange).toHaveLength(6);
    expect(new Set(all.map(({ event }) => event.id)).size).toBe(6);
  });

  it('is not sent to a disabled or a deleted endpoint', async () => {
    const [{ id }] = (await client.v2('GET', 'webhookEndpoints')).body.items;
    await client.v2('PATCH', `webhookEndpoints/${id}`, { status: 'disabled' });
    await write('unheard');
    await client.v2('PATCH', `webhookEndpoints/${id}`, { status: 'active' });
    await write('heard');
    await receiver.until((all) => all.length === 1);
    expect(receiver.received[0]?.event.whatsappInboundMessage.text.body).toBe('heard');
    expect((await client.v2('DELETE', `webhookEndpoints/${id}`)).body.status).toBe('active');
    await write('unheard');
    expect((await client.control('GET', 'webhooks')).body.outboxes[0]).toMatchObject({ waiting: 0, underWay: 0 });
  });
});

describe('a failed delivery', () => {
  it('is tried seven more times, each when its time has come, and then dropped', async () => {
    receiver.answer = () => 503;
    await write();
    await deliveriesToBe(1);
    for (const [at, seconds] of RETRY_SECONDS.entries()) {
      await advance(seconds - 5);
      expect(attempts()).toHaveLength(at + 1);
      await advance(5);
      await deliveriesToBe(at + 2);
    }
    await advance(24 * 3600);
    expect(attempts()).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((attempt) => [attempt, 503]));
    expect((await client.control('GET', 'webhooks')).body.outboxes[0].waiting).toBe(0);
  });

  it('goes through all attempts of a time that passed at once', async () => {
    receiver.answer = () => (receiver.received.length < 4 ? 500 : 204);
    await write();
    await deliveriesToBe(1);
    await advance(6 * 3600);
    expect(await deliveriesToBe(4)).toEqual([
      [1, 500],
      [2, 500],
      [3, 500],
      [4, 204],
    ]);
  });

  it('is any answer but 2xx, a redirect too, and silence', async () => {
    receiver.answer = () => 302;
    await write();
    expect(await deliveriesToBe(1)).toEqual([[1, 302]]);
    await client.control('POST', 'settings', { webhookTimeoutMs: 50 });
    receiver.answer = () => new Promise<number>((resolve) => setTimeout(() => resolve(200), 2_000).unref());
    await write();
    expect((await deliveriesToBe(2))[1]).toEqual([1, 0]);
  });

  it('is one to an address beyond this machine, which is never called', async () => {
    const [{ id }] = (await client.v2('GET', 'webhookEndpoints')).body.items;
    await client.v2('PATCH', `webhookEndpoints/${id}`, { url: 'http://127.0.0.1.example.test/hook' });
    await write();
    expect(await deliveriesToBe(1)).toEqual([[1, 0]]);
  });

  it('does not hold up another endpoint', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
    await client.v2('POST', 'webhookEndpoints', { url, enabledEvents: ['whatsapp.inbound_message.received'] });
    for (let n = 0; n < 20; n++) await write();
    await receiver.until((all) => all.length === 20);
    silent.closeAllConnections();
    silent.close();
  });
});

describe('an endpoint that fails more than 200 times a minute', () => {
  it('gets nothing for three minutes, and what happened meanwhile never', async () => {
    receiver.answer = () => 500;
    await client.control('POST', 'events', { type: 'whatsapp.message.updated', times: 201 });
    await deliveriesToBe(201);
    expect((await client.control('GET', 'webhooks')).body.outboxes[0].isSuspended).toBe(true);
    receiver.answer = () => 200;
    await write('lost');
    await advance(60); // the failed ones were due again: those attempts are lost too
    expect(attempts()).toHaveLength(201);
    await advance(121);
    await write('heard');
    await receiver.until((all) => all.some(({ event }) => event.whatsappInboundMessage?.text.body === 'heard'));
    expect(receiver.received.some(({ event }) => event.whatsappInboundMessage?.text.body === 'lost')).toBe(false);
    await advance(301);
    const retried = (await deliveriesToBe(403)).filter(([, status]) => status === 200);
    expect(retried).toHaveLength(202);
  });
});

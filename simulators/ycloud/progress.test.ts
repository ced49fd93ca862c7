import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Client, type Receiver, startClient, startReceiver, statusesOf } from './testing.ts';

let client: Client;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  client = await startClient({ webhook: { url: receiver.url, secret: 'whsec_test' } });
});
afterAll(async () => {
  await client.close();
  await receiver.close();
});
afterEach(() => client.control('POST', 'reset', {}));

const SENDS = { method: 'POST', path: '/v2/whatsapp/messages' };
const endOf = async (id: string, status: string) => {
  const all = await receiver.until((some) => statusesOf(some, id).includes(status));
  return all.find(({ event }) => event.whatsappMessage?.id === id && event.whatsappMessage.status === status)?.event
    .whatsappMessage;
};

describe('the statuses of a message', () => {
  const withFault = async (kind: string, value?: unknown) => {
    await client.control('POST', 'faults', { match: SENDS, kind, value, times: 1 });
    return (await client.send()).body.id as string;
  };
  const ofMessage = (id: string) => receiver.received.filter(({ event }) => event.whatsappMessage?.id === id);

  it('may come twice with the same event id', async () => {
    const id = await withFault('duplicate_status');
    await receiver.until((all) => statusesOf(all, id).length >= 4);
    const [one, other] = ofMessage(id).filter(({ event }) => event.whatsappMessage.status === 'sent');
    expect([one?.text, one?.event.id]).toEqual([other?.text, other?.event.id]);
  });

  it('may come twice as events of their own', async () => {
    const id = await withFault('repeat_status');
    await receiver.until((all) => statusesOf(all, id).length >= 4);
    const ids = ofMessage(id).map(({ event }) => event.id);
    expect(new Set(ids).size).toBe(4);
  });

  it('may come under one id with two bodies', async () => {
    const id = await withFault('conflict_status');
    await receiver.until((all) => statusesOf(all, id).length >= 2);
    const [one, other] = ofMessage(id);
    expect(one?.event.id).toBe(other?.event.id);
    expect(one?.text).not.toBe(other?.text);
  });

  it('may come in the wrong order, each with its true times', async () => {
    const id = await withFault('reorder_status');
    await receiver.until((all) => statusesOf(all, id).filter((status) => status !== 'read').length >= 2);
    expect(statusesOf(receiver.received, id).filter((status) => status !== 'read')).toEqual(['delivered', 'sent']);
    expect((await client.v2('GET', `whatsapp/messages/${id}`)).body.status).not.toBe('sent');
  });

  it('may be lost, while the message itself moves on', async () => {
    const id = await withFault('drop_status');
    await endOf((await client.send()).body.id, 'delivered'); // by then the other's time has passed too
    expect(ofMessage(id)).toEqual([]);
    expect((await client.v2('GET', `whatsapp/messages/${id}`)).body.status).not.toBe('accepted');
  });

  it('may lose one of them only', async () => {
    const id = await withFault('drop_status', 'sent');
    await endOf(id, 'delivered');
    expect(statusesOf(receiver.received, id)).toEqual(['delivered']);
  });

  it('may stay sent for ever', async () => {
    const id = await withFault('stuck_sent');
    await endOf((await client.send()).body.id, 'delivered');
    expect(statusesOf(receiver.received, id)).toEqual(['sent']);
  });

  it('may fail with any code, also after delivery', async () => {
    expect((await endOf(await withFault('failed_status', 131049), 'failed')).errorCode).toBe('131049');
    const id = await withFault('failed_after_delivered');
    expect((await endOf(id, 'failed')).errorCode).toBe('131026');
    expect(new Set(statusesOf(receiver.received, id))).toEqual(new Set(['sent', 'delivered', 'failed']));
  });

  it('may come before the reply', async () => {
    const id = await withFault('event_before_reply');
    expect(statusesOf(receiver.received, id)).toEqual(['sent']);
  });
});

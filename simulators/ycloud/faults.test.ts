import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  aTemplateMessage,
  type Client,
  KEY,
  type Receiver,
  startClient,
  startReceiver,
  statusesOf,
} from './testing.ts';

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
const fault = (kind: string, more: object = {}) => client.control('POST', 'faults', { match: SENDS, kind, ...more });
const ledger = async () => (await client.control('GET', 'ledger')).body;
/** The send as a plain request, for replies that are no JSON or no reply at all. */
const rawSend = (given: RequestInit = {}) =>
  fetch(`${client.url}/v2/whatsapp/messages`, {
    method: 'POST',
    headers: { 'x-api-key': KEY },
    body: JSON.stringify({ ...aTemplateMessage(), externalId: 'raw' }),
    ...given,
  });

describe('before anything happens', () => {
  it('a status comes in the envelope, a 429 with its wait', async () => {
    await fault('status', { value: 429, times: 1 });
    const { status, headers, body } = await client.send();
    expect([status, body.error.status, body.error.code]).toEqual([429, 429, 'TOO_MANY_REQUESTS']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    await fault('status', { value: 503, times: 1 });
    expect((await client.send()).body.error).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
    expect((await ledger()).messages).toEqual([]);
  });

  it("a code is Meta's with Meta's status, or one of YCloud's own catalogue", async () => {
    for (const [value, status] of [
      [131009, 400],
      ['131056', 429],
      [131057, 500],
      [132001, 404],
    ] as const) {
      await fault('code', { value, times: 1 });
      const sent = await client.send();
      expect([sent.status, sent.body.error.whatsappApiError.code]).toEqual([status, String(value)]);
    }
    await fault('code', { value: 'ACCOUNT_LIMITED', times: 1 });
    const { body } = await client.send();
    expect([body.error.status, body.error.code, body.error.whatsappApiError]).toEqual([
      403,
      'ACCOUNT_LIMITED',
      undefined,
    ]);
  });

  it('a page of HTML comes with any status', async () => {
    for (const value of [502, 200]) {
      await fault('html', { value, times: 1 });
      const reply = await rawSend();
      expect([reply.status, reply.headers.get('content-type')]).toEqual([value, 'text/html']);
      expect(await reply.text()).toMatch(/^<html>/);
    }
    expect((await ledger()).messages).toEqual([]);
  });

  it('the connection is cut: status 0, and no message', async () => {
    await fault('cut_before', { times: 1 });
    await expect(rawSend()).rejects.toThrow();
    const { calls, messages } = await ledger();
    expect([calls, messages]).toEqual([[expect.objectContaining({ status: 0, path: SENDS.path })], []]);
  });
});

describe('after the message was accepted', () => {
  it('the connection is cut: the message stands in the ledger, and its statuses follow', async () => {
    await fault('cut_after_accept', { times: 1 });
    await expect(rawSend()).rejects.toThrow();
    const { calls, messages } = await ledger();
    expect(calls).toMatchObject([{ method: 'POST', path: SENDS.path, status: 0 }]);
    expect(messages).toMatchObject([{ externalId: 'raw', template: 'bienvenida_lead', cut: true }]);
    await receiver.until((all) => statusesOf(all, messages[0].id).includes('delivered'));
  });

  it('a 500 comes', async () => {
    await fault('status_after_accept', { value: 500, times: 1 });
    expect((await client.send()).status).toBe(500);
    expect((await ledger()).messages).toMatchObject([{ cut: false }]);
  });

  it('the answer breaks off in the middle', async () => {
    await fault('truncate', { times: 1 });
    const reply = await rawSend();
    expect(reply.status).toBe(200);
    await expect(reply.text()).rejects.toThrow();
    expect((await ledger()).messages).toHaveLength(1);
  });

  it('the answer is slower than its caller, and the simulator lives on', async () => {
    await fault('slow', { value: 5_000, times: 1 });
    await expect(rawSend({ signal: AbortSignal.timeout(200) })).rejects.toThrow();
    expect((await ledger()).messages).toHaveLength(1);
    expect((await client.send()).status).toBe(200);
  });
});

describe('which fault applies', () => {
  it('is the first unspent one that matches method and path', async () => {
    await client.control('POST', 'faults', { match: { method: 'GET' }, kind: 'status', value: 400 });
    await client.control('POST', 'faults', { match: { path: '/v2/balance' }, kind: 'status', value: 401 });
    await fault('status', { value: 500, times: 2 });
    await fault('status', { value: 502 });
    const statuses: number[] = [];
    for (let n = 0; n < 4; n++) statuses.push((await client.send()).status);
    expect(statuses).toEqual([500, 500, 502, 502]);
    expect((await client.v2('GET', 'balance?fresh=1')).status).toBe(400);
  });

  it('is none once they are cleared', async () => {
    await fault('status', { value: 500 });
    expect((await client.control('GET', 'faults')).body.faults).toMatchObject([{ kind: 'status', left: null }]);
    await client.control('DELETE', 'faults');
    expect((await client.send()).status).toBe(200);
  });

  it('is refused when it is not a fault', async () => {
    for (const wrong of [{ kind: 'earthquake' }, { kind: 'status', times: 0 }, { kind: 'status', match: 'all' }, {}])
      expect((await client.control('POST', 'faults', wrong)).status).toBe(400);
  });
});

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createSocketServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startYCloudSimulator, type YCloudSimulator } from '../../simulators/ycloud/server.ts';
import { silentLog } from '../../test/silent-log.ts';
import { freePort } from '../free-port.ts';
import { createYCloud, type TemplateMessage, type YCloud } from './client.ts';

const KEY = 'key-for-tests';
const servers: Server[] = [];
let simulator: YCloudSimulator;
let ycloud: YCloud;

beforeAll(async () => {
  simulator = await startYCloudSimulator({ apiKeys: [KEY] });
  ycloud = createYCloud({ url: simulator.url, log: silentLog });
});
afterEach(() => {
  simulator.faults.clear();
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => simulator.close());

const aMessage = (given: Partial<TemplateMessage> = {}): TemplateMessage => ({
  from: '+541155550001',
  to: '+5491155551234',
  templateName: 'bienvenida_lead',
  language: 'es',
  bodyParameters: ['Lucía'],
  externalId: crypto.randomUUID(),
  ...given,
});
const fault = (kind: string, given: { value?: number | string; path?: string } = {}) => {
  const { value, path = '/v2/whatsapp/messages' } = given;
  return fetch(`${simulator.url}/_control/faults`, {
    method: 'POST',
    body: JSON.stringify({ match: { path }, kind, times: 1, ...(value === undefined ? {} : { value }) }),
  });
};
const messages = () => simulator.ledger.rows().messages;
const at = (url: string) => createYCloud({ url, log: silentLog });
/** Listens on the loopback for one test, and gives the port. */
async function listening(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
/** YCloud's place, taken by a server that answers as told. */
const answering = async (listener: RequestListener) =>
  at(`http://127.0.0.1:${await listening(createServer(listener))}`);
const replying = (status: number, body: string, headers: Record<string, string> = {}) =>
  answering((_req, res) => void res.writeHead(status, { connection: 'close', ...headers }).end(body));

describe('Sending a template', () => {
  it('says what it was accepted as, with its price as text', async () => {
    const message = aMessage();
    expect(await ycloud.sendTemplate(KEY, message)).toEqual({
      outcome: 'accepted',
      providerId: expect.stringMatching(/./),
      wamid: null,
      price: '0.0618',
      currency: 'USD',
    });
    expect(messages().at(-1)).toMatchObject({ to: message.to });
  });

  it.each<[string, number | string | undefined, string]>([
    ['html', undefined, 'HTTP 502'],
    ['truncate', undefined, 'unreadable 200'],
    ['status_after_accept', 500, 'HTTP 500'],
    ['status', 503, 'HTTP 503'],
    ['cut_after_accept', undefined, 'UND_ERR_SOCKET'],
    ['cut_before', undefined, 'UND_ERR_SOCKET'],
  ])('does not guess after %s %s', async (kind, value, why) => {
    await fault(kind, value === undefined ? {} : { value });
    expect(await ycloud.sendTemplate(KEY, aMessage())).toEqual({ outcome: 'unclear', why });
  });

  it('knows that nothing left when nobody listens', async () => {
    expect(await at(`http://127.0.0.1:${await freePort()}`).sendTemplate(KEY, aMessage())).toEqual({
      outcome: 'not_sent',
      why: 'ECONNREFUSED',
      retryAfterMs: 5_000,
    });
  });

  it('knows that nothing left after a 429, and how long to wait', async () => {
    await fault('code', { value: 'SENDER_RATE_LIMITED' });
    const outcome = await ycloud.sendTemplate(KEY, aMessage());
    expect(outcome).toMatchObject({ outcome: 'not_sent', why: 'SENDER_RATE_LIMITED' });
    expect(outcome.outcome === 'not_sent' && outcome.retryAfterMs).toBeGreaterThan(0);
  });

  it.each<[string, Partial<TemplateMessage>]>([
    ['WHATSAPP_TEMPLATE_UNAVAILABLE', { templateName: 'promo_verano' }],
    ['PARAM_INVALID', { to: '5491155551234' }],
  ])('passes on the refusal %s', async (code, given) => {
    expect(await ycloud.sendTemplate(KEY, aMessage(given))).toEqual({ outcome: 'rejected', code });
  });

  it('tells a wrong key as a refusal', async () => {
    expect(await ycloud.sendTemplate('wrong', aMessage())).toEqual({ outcome: 'rejected', code: 'UNAUTHORIZED' });
  });

  it('follows no redirect with the key in hand', async () => {
    const moved = await replying(307, '', { location: simulator.url });
    const before = messages().length;
    expect(await moved.sendTemplate(KEY, aMessage())).toMatchObject({ outcome: 'unclear' });
    expect(messages()).toHaveLength(before);
  });

  it('asks YCloud to leave out people on its own lists', async () => {
    const bodies: unknown[] = [];
    const ycloud = await answering(async (req, res) => {
      bodies.push(JSON.parse(Buffer.concat(await req.toArray()).toString()));
      res.end('{"id":"m1"}');
    });
    await ycloud.sendTemplate(KEY, aMessage({ bodyParameters: [] }));
    expect(bodies).toMatchObject([{ type: 'template', filterUnsubscribed: true, filterBlocked: true }]);
    expect(bodies[0]).not.toHaveProperty('template.components');
  });

  it.each(['{"id":"m1"}', '{"id":"m1","wamid":7,"totalPrice":"0.05","currency":"","new":[1]}'])(
    'is accepted with its id, whatever else the reply holds: %s',
    async (reply) => {
      const ycloud = await replying(200, reply);
      expect(await ycloud.sendTemplate(KEY, aMessage())).toEqual({
        outcome: 'accepted',
        providerId: 'm1',
        wamid: null,
        price: null,
        currency: null,
      });
    },
  );

  it.each([
    [200, '{}'],
    [200, ''],
    [204, ''],
    [400, '<html>a proxy speaks</html>'],
    [404, ''],
  ])('does not guess what %i "%s" means', async (status, body) => {
    const ycloud = await replying(status, body);
    expect(await ycloud.sendTemplate(KEY, aMessage())).toMatchObject({ outcome: 'unclear' });
  });
});

describe('A template that certainly was not sent', () => {
  it.each([
    ['7', 7_000],
    ['0', 1_000],
    ['soon', 5_000],
    ['86400', 3_600_000],
  ])('waits as long as it is told, neither no time nor for ever: %s', async (retryAfter, retryAfterMs) => {
    const ycloud = await replying(429, 'slow down', { 'retry-after': retryAfter });
    expect(await ycloud.sendTemplate(KEY, aMessage())).toEqual({ outcome: 'not_sent', why: '429', retryAfterMs });
  });

  it('is one whose 429 was cut off', async () => {
    const ycloud = await answering((_req, res) => {
      res.writeHead(429, { 'content-length': '100' }).write('{"err', () => res.destroy());
    });
    expect(await ycloud.sendTemplate(KEY, aMessage())).toMatchObject({ outcome: 'not_sent' });
  });

  it('is one that found nobody at any address, no such name, no TLS, or a handshake cut off', async () => {
    const plain = await listening(createServer((_req, res) => void res.end('{"id":"m1"}')));
    const hangsUp = await listening(createSocketServer((socket) => socket.destroy()));
    for (const url of [
      `http://localhost:${await freePort()}`,
      'http://ycloud.invalid',
      `https://127.0.0.1:${plain}`,
      `https://127.0.0.1:${hangsUp}`,
    ])
      expect([url, await at(url).sendTemplate(KEY, aMessage())]).toMatchObject([url, { outcome: 'not_sent' }]);
  });

  it('is one that waited for a connection until it gave up', async () => {
    const silent = await listening(createSocketServer(() => {}));
    const outcome = await at(`https://127.0.0.1:${silent}`).sendTemplate(KEY, aMessage());
    expect(outcome).toMatchObject({ outcome: 'not_sent', why: 'UND_ERR_CONNECT_TIMEOUT' });
  });
});

describe('Reading from YCloud', () => {
  it('gives the templates of one account or of all', async () => {
    const one = await ycloud.templates(KEY, '90010001');
    expect(one.map(({ name }) => name)).toContain('bienvenida_lead');
    expect(new Set(one.map(({ wabaId }) => wabaId))).toEqual(new Set(['90010001']));
    expect((await ycloud.templates(KEY)).length).toBe(one.length * 3);
  });

  it('gives the numbers with their state', async () => {
    const numbers = await ycloud.phoneNumbers(KEY);
    expect(numbers[0]).toMatchObject({ wabaId: '90010001', phoneNumber: '+541155550001', status: 'CONNECTED' });
  });

  it.each<[string, string, number | string | undefined]>([
    ['unavailable', 'status', 503],
    ['unavailable', 'html', undefined],
    ['unavailable', 'truncate', undefined],
    ['unavailable', 'cut_before', undefined],
    ['rate_limited', 'code', 'ACCOUNT_RATE_LIMITED'],
    ['unauthorized', 'status', 403],
    ['invalid', 'status', 400],
  ])('is %s after %s %s', async (code, kind, value) => {
    await fault(kind, { path: '/v2/whatsapp/templates', ...(value === undefined ? {} : { value }) });
    await expect(ycloud.templates(KEY)).rejects.toMatchObject({ name: 'AppError', code });
  });

  it('is unauthorized with a wrong key', async () => {
    await expect(ycloud.phoneNumbers('wrong')).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('reads on over several pages', async () => {
    const rows = Array.from({ length: 120 }, (_, n) => ({ wabaId: '1', phoneNumber: `+5411555${50_000 + n}` }));
    const ycloud = await answering((req, res) => {
      const query = new URL(req.url ?? '', 'http://ycloud').searchParams;
      const [page, limit] = [Number(query.get('page')), Number(query.get('limit'))];
      res.end(JSON.stringify({ items: rows.slice((page - 1) * limit, page * limit) }));
    });
    expect(await ycloud.phoneNumbers(KEY)).toEqual(rows);
  });
});

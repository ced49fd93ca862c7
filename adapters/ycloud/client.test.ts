import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startYCloudSimulator, type YCloudSimulator } from '../../simulators/ycloud/server.ts';
import { silentLog } from '../../test/silent-log.ts';
import { freePort } from '../free-port.ts';
import { createYCloud, type TemplateMessage, type YCloud } from './client.ts';

const KEY = 'key-for-tests';
let simulator: YCloudSimulator;
let ycloud: YCloud;

beforeAll(async () => {
  simulator = await startYCloudSimulator({ apiKeys: [KEY] });
  ycloud = createYCloud({ url: simulator.url, log: silentLog });
});
afterEach(() => simulator.faults.clear());
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
    const nobody = createYCloud({ url: `http://127.0.0.1:${await freePort()}`, log: silentLog });
    expect(await nobody.sendTemplate(KEY, aMessage())).toEqual({
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
    const elsewhere = createServer((_req, res) => res.writeHead(307, { location: simulator.url }).end());
    elsewhere.listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const before = messages().length;
    const { port } = elsewhere.address() as AddressInfo;
    const moved = createYCloud({ url: `http://127.0.0.1:${port}`, log: silentLog });
    expect(await moved.sendTemplate(KEY, aMessage())).toMatchObject({ outcome: 'unclear' });
    expect(messages()).toHaveLength(before);
    elsewhere.close();
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
});

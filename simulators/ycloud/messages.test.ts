import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  aTemplate,
  type Client,
  NUMBER,
  PERSON,
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

const DIRECT = 'whatsapp/messages/sendDirectly';
const aText = { type: 'text', text: { body: 'hola' }, template: undefined };
const endOf = async (id: string, status: string) => {
  const all = await receiver.until((some) => statusesOf(some, id).includes(status));
  return all.find(({ event }) => event.whatsappMessage?.id === id && event.whatsappMessage.status === status)?.event
    .whatsappMessage;
};
const failureOf = async (sent: { body: { id: string } }) => (await endOf(sent.body.id, 'failed')).errorCode;

describe('a queued message', () => {
  it('is accepted with an estimate, without a wamid', async () => {
    const { status, headers, body } = await client.send({ externalId: 'run_1:step_1' });
    expect(status).toBe(200);
    expect(headers.get('ycloud-request-id')).toMatch(/^req_/);
    expect(body).toMatchObject({
      wabaId: '90010001',
      from: NUMBER,
      to: PERSON,
      externalId: 'run_1:step_1',
      status: 'accepted',
      totalPrice: 0.0618,
      currency: 'USD',
      regionCode: 'AR',
      pricingCategory: 'marketing',
    });
    expect(body.createTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(body).not.toHaveProperty('wamid');
  });

  it('is told as sent, then delivered, with its wamid', async () => {
    const { body } = await client.send({ externalId: 'run_2' });
    const delivered = await endOf(body.id, 'delivered');
    expect(delivered).toMatchObject({ externalId: 'run_2', wamid: expect.stringMatching(/^wamid\./) });
    expect(statusesOf(receiver.received, body.id)).toContain('sent');
    const again = await client.v2('GET', `whatsapp/messages/${encodeURIComponent(delivered.wamid)}`);
    expect(again.body).toMatchObject({ id: body.id, wamid: delivered.wamid });
  });

  it('is two messages when the same externalId comes twice', async () => {
    const [one, other] = [await client.send({ externalId: 'same' }), await client.send({ externalId: 'same' })];
    expect(one.body.id).not.toBe(other.body.id);
    expect((await client.control('GET', 'ledger')).body.messages).toHaveLength(2);
  });

  it('is read by a share of people that the seed decides', async () => {
    await client.control('POST', 'settings', { readShare: 1 });
    const { body } = await client.send();
    expect((await endOf(body.id, 'read')).readTime).toBeDefined();
  });

  it('may go to a person known only by their user id', async () => {
    const { status, body } = await client.send({ to: undefined, recipient: 'AR.777' });
    expect([status, body.recipient, body.to]).toEqual([200, 'AR.777', undefined]);
  });
});

describe('a message that YCloud refuses at once', () => {
  const text = (body: unknown) => ({ type: 'text', text: { body } });
  const template = (change: object) => ({ template: { ...aTemplate('Lucía'), ...change } });
  it.each<[string, string, string, Record<string, unknown>]>([
    ['without a sender', 'PARAM_MISSING', 'from', { from: undefined }],
    ['without a type', 'PARAM_MISSING', 'type', { type: undefined }],
    ['without a recipient', 'PARAM_MISSING', 'to', { to: undefined }],
    ['to a number without its plus', 'PARAM_INVALID', 'to', { to: '5491155551234' }],
    ['of an unknown type', 'PARAM_INVALID', 'type', { type: 'telegram' }],
    ['without its content', 'PARAM_MISSING', 'template', { template: null }],
    ['with an externalId that is no text', 'PARAM_INVALID', 'externalId', { externalId: 7 }],
    ['with an empty text', 'PARAM_MISSING', 'text.body', text('')],
    ['with a text of 4097 characters', 'PARAM_INVALID_LENGTH', 'text.body', text('x'.repeat(4097))],
    [
      'with media by id and link',
      'PARAM_INVALID',
      'image',
      { type: 'image', image: { id: '1', link: 'https://x.test' } },
    ],
    ['without a language', 'PARAM_MISSING', 'template.language.code', template({ language: undefined })],
    ['with components that are no list', 'PARAM_INVALID', 'template.components', template({ components: {} })],
    [
      'with upper-case types',
      'PARAM_INVALID',
      'template.components.type',
      template({ components: [{ type: 'BODY' }] }),
    ],
  ])('comes %s', async (_, code, target, change) => {
    const { status, headers, body } = await client.send(change);
    expect([status, body.error.code, body.error.target]).toEqual([400, code, target]);
    expect(body.error).toMatchObject({ status: 400, requestId: headers.get('ycloud-request-id') });
    expect((await client.control('GET', 'ledger')).body.messages).toEqual([]);
  });

  it('names a template that is not approved', async () => {
    for (const name of ['promo_verano', 'oferta_relampago', 'encuesta_visita']) {
      const { status, body } = await client.send({ template: { ...aTemplate('Lucía'), name } });
      expect([status, body.error.code]).toEqual([403, 'WHATSAPP_TEMPLATE_UNAVAILABLE']);
    }
  });

  it('comes from a number that is not ours or cannot send', async () => {
    const stranger = await client.send({ from: '+541155559999' });
    await client.control('POST', 'phones', { phoneNumber: NUMBER, status: 'BANNED' });
    const banned = await client.send();
    for (const { status, body } of [stranger, banned])
      expect([status, body.error.code]).toEqual([403, 'WHATSAPP_PHONE_NUMBER_UNAVAILABLE']);
  });

  it('finds no money', async () => {
    await client.control('POST', 'balance', { amount: 0 });
    expect((await client.send()).body.error).toMatchObject({
      status: 403,
      code: 'BALANCE_INSUFFICIENT',
      target: 'balance',
    });
  });
});

describe('a template that Meta cannot render', () => {
  const filled = (...parameters: object[]) => ({
    template: { ...aTemplate(), components: [{ type: 'body', parameters }] },
  });
  it.each<[string, string, Record<string, unknown>]>([
    ['has too few values', '132000', { template: aTemplate() }],
    ['has too many values', '132000', { template: aTemplate('Lucía', 'jueves') }],
    [
      'has a part that the definition lacks',
      '132000',
      { template: { ...aTemplate('L'), components: [{ type: 'header' }] } },
    ],
    ['has an empty value', '131008', { template: aTemplate('') }],
    ['has a picture for a word', '132012', filled({ type: 'image', image: { link: 'https://x.test' } })],
    ['is longer than 1024 when filled', '132005', { template: aTemplate('x'.repeat(1000)) }],
    ['does not exist', '132001', { template: { ...aTemplate('L'), name: 'nada' } }],
    ['does not exist in that language', '132001', { template: { ...aTemplate('L'), language: { code: 'es_AR' } } }],
  ])('%s: later when queued, at once when sent directly', async (_, code, change) => {
    const queued = await client.send(change);
    expect(queued.status).toBe(200);
    expect(await failureOf(queued)).toBe(code);
    const direct = await client.send(change, DIRECT);
    expect(direct.status).toBe(code === '132001' ? 404 : 400);
    expect(direct.body.error).toMatchObject({
      target: 'whatsappApiError',
      message: expect.stringMatching(new RegExp(`^\\(#${code}\\)`)),
      whatsappApiError: { code, error_data: { messaging_product: 'whatsapp' } },
    });
  });

  it('may carry a button whose index is a number or text', async () => {
    const buttons = [
      { type: 'QUICK_REPLY', text: 'Baja' },
      { type: 'URL', text: 'Ver', url: 'https://example.com/{{1}}' },
    ];
    const components = [
      { type: 'BODY', text: 'Hola, hay turnos.' },
      { type: 'BUTTONS', buttons },
    ];
    const request = { wabaId: '90010001', name: 'con_botones', language: 'es', category: 'UTILITY', components };
    await client.v2('POST', 'whatsapp/templates', request);
    await client.control('POST', 'templates', { ...request, category: undefined, status: 'APPROVED' });
    const button = (index: unknown) => ({
      type: 'button',
      sub_type: 'url',
      index,
      parameters: [{ type: 'text', text: 'c/1' }],
    });
    for (const index of [1, '1']) {
      const sent = await client.send(
        { template: { ...aTemplate(), name: 'con_botones', components: [button(index)] } },
        DIRECT,
      );
      expect([sent.status, sent.body.pricingCategory]).toEqual([200, 'utility']);
    }
    const without = await client.send({ template: { ...aTemplate(), name: 'con_botones' } });
    expect(await failureOf(without)).toBe('132000');
  });
});

describe('free words', () => {
  it('fail later outside the 24-hour window, on both routes', async () => {
    expect(await failureOf(await client.send(aText))).toBe('131047');
    const direct = await client.send(aText, DIRECT);
    expect([direct.status, direct.body.wamid]).toEqual([200, expect.stringMatching(/^wamid\./)]);
    expect(await failureOf(direct)).toBe('131047');
  });

  it('arrive within 24 hours of what the person wrote to that number', async () => {
    await client.control('POST', 'replies', { to: PERSON, text: 'hola', from: NUMBER });
    const open = await client.send(aText);
    expect(open.body).toMatchObject({
      totalPrice: 0,
      pricingCategory: 'service',
      pricingType: 'free_customer_service',
    });
    await endOf(open.body.id, 'delivered');
    expect(await failureOf(await client.send({ ...aText, from: '+541155550002' }))).toBe('131047');
    await client.control('POST', 'clock', { advanceSeconds: 24 * 3600 + 1 });
    expect(await failureOf(await client.send(aText))).toBe('131047');
  });
});

describe('opted-out people', () => {
  it('fail later when the queued route is asked to filter, and only there', async () => {
    await client.v2('POST', 'unsubscribers', { customer: PERSON, channel: 'whatsapp', type: 'PHONE_NUMBER' });
    const filteredOut = await client.send({ filterUnsubscribed: true });
    expect(filteredOut).toMatchObject({ status: 200, body: { status: 'accepted' } });
    expect(await failureOf(filteredOut)).toBe('RECIPIENT_UNSUBSCRIBED');
    await endOf((await client.send()).body.id, 'delivered');
    await endOf((await client.send({ filterUnsubscribed: true }, DIRECT)).body.id, 'delivered');
  });

  it('fail later when they are on the block list', async () => {
    await client.control('POST', 'blocks', { phone: PERSON });
    expect(await failureOf(await client.send({ filterBlocked: true }))).toBe('RECIPIENT_IN_BLOCK_LIST');
  });

  it('get no marketing after stopping it in WhatsApp, but other templates', async () => {
    await client.control('POST', 'preferences', { phone: PERSON, value: 'stop' });
    expect(await failureOf(await client.send())).toBe('131050');
    const reminder = { ...aTemplate('Lucía', 'jueves'), name: 'recordatorio_turno' };
    await endOf((await client.send({ template: reminder })).body.id, 'delivered');
    await client.control('POST', 'preferences', { phone: PERSON, value: 'resume' });
    await endOf((await client.send()).body.id, 'delivered');
  });
});

describe('limits', () => {
  it('let 45 messages to one person pass within 6 seconds', async () => {
    const burst = await Promise.all(Array.from({ length: 46 }, () => client.send()));
    const last = burst.at(-1);
    expect(burst.every(({ status }) => status === 200)).toBe(true);
    const all = await receiver.until((some) => burst.some(({ body }) => statusesOf(some, body.id).includes('failed')));
    const failed = all.filter(({ event }) => event.whatsappMessage?.errorCode === '131056');
    expect([failed.length, last?.status]).toEqual([1, 200]);
    expect((await client.send({}, DIRECT)).body.error).toMatchObject({ status: 429, code: 'TOO_MANY_REQUESTS' });
    await client.control('POST', 'clock', { advanceSeconds: 7 });
    await endOf((await client.send()).body.id, 'delivered');
  });

  it('name the wait when a sender goes over its rate', async () => {
    await client.control('POST', 'settings', { queuedPerSecond: 2, directPerSecond: 1 });
    const sends = [await client.send(), await client.send(), await client.send()];
    expect(sends.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(sends[2]?.body.error.code).toBe('SENDER_RATE_LIMITED');
    expect(Number(sends[2]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await client.send({}, DIRECT)).status).toBe(200); // counted apart
    expect((await client.send({ from: '+541155550002' })).status).toBe(200); // and by sender
    await client.control('POST', 'clock', { advanceSeconds: 1 });
    expect((await client.send()).status).toBe(200);
  });

  it('keep the shared quota of everything else', async () => {
    await client.control('POST', 'settings', { managementPerSecond: 1 });
    const first = await client.v2('GET', 'balance');
    expect([first.status, first.headers.get('ratelimit-remaining')]).toEqual([200, '0']);
    expect((await client.v2('GET', 'whatsapp/templates')).body.error).toMatchObject({
      status: 429,
      code: 'ACCOUNT_RATE_LIMITED',
    });
    expect((await client.send()).status).toBe(200);
  });

  it('stop a portfolio at so many people in 24 hours', async () => {
    await client.control('POST', 'settings', { portfolioLimit: 1 });
    await endOf((await client.send()).body.id, 'delivered');
    await endOf((await client.send({ from: '+541155550002' })).body.id, 'delivered'); // the same person again
    expect(await failureOf(await client.send({ to: '+5491155551235' }))).toBe('131048');
    await client.control('POST', 'clock', { advanceSeconds: 24 * 3600 + 1 });
    await endOf((await client.send({ to: '+5491155551235' })).body.id, 'delivered');
  });

  it('keep marketing from a person who had enough', async () => {
    await client.control('POST', 'settings', { marketingCap: 1 });
    await endOf((await client.send()).body.id, 'delivered');
    expect(await failureOf(await client.send())).toBe('131049');
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { aTemplate, type Client, KEY, NUMBER, PERSON, type Receiver, startClient, startReceiver } from './testing.ts';

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
afterEach(() => client.control('POST', 'reset', { all: true }));

const inboundOf = async (id: string) => {
  const all = await receiver.until((some) => some.some(({ event }) => event.whatsappInboundMessage?.id === id));
  return all.find(({ event }) => event.whatsappInboundMessage?.id === id)?.event.whatsappInboundMessage;
};
const reply = async (body: object) =>
  inboundOf((await client.control('POST', 'replies', { to: PERSON, ...body })).body.id);

describe('a reply', () => {
  it('goes to the number that last wrote to the person', async () => {
    const second = '+541155550002';
    await client.send();
    await client.send({ from: second });
    const message = await reply({ text: 'El jueves a las 10' });
    expect(message).toMatchObject({
      from: PERSON,
      to: second,
      wabaId: '90010002',
      type: 'text',
      text: { body: 'El jueves a las 10' },
      context: { from: '541155550002', id: expect.stringMatching(/^wamid\./) },
      customerProfile: { name: expect.any(String) },
    });
    expect(Date.parse(message.sendTime)).not.toBeNaN();
  });

  it.each<[string, object, object]>([
    [
      'a tapped template button',
      { button: { payload: 'OPT_OUT', text: 'Baja' } },
      { type: 'button', button: { payload: 'OPT_OUT', text: 'Baja' } },
    ],
    [
      'a tapped answer',
      { type: 'interactive', text: 'Sí', payload: 'yes' },
      { type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: 'yes', title: 'Sí' } } },
    ],
    ['a picture', { type: 'image', text: 'mi radiografía' }, { type: 'image', image: { caption: 'mi radiografía' } }],
    ['something unsupported', { type: 'unsupported' }, { type: 'unsupported', errors: [{ code: '131051' }] }],
    [
      'a change of number',
      { type: 'system', newPhone: '+5491155559876' },
      { type: 'system', system: { new_wa_id: '5491155559876' } },
    ],
    ['a type nobody knows', { type: 'hologram' }, { type: 'hologram' }],
  ])('may be %s', async (_, given, expected) => {
    expect(await reply(given)).toMatchObject(expected);
  });

  it('may come from a person without a phone', async () => {
    const message = await reply({ text: 'hola', anonymous: true });
    expect(message).not.toHaveProperty('from');
    expect(message.fromUserId).toBe((await reply({ text: 'hola' })).fromUserId);
  });

  it('can be marked as read by the account it was written to', async () => {
    const { id, wamid } = await reply({ text: 'hola', from: NUMBER });
    for (const verb of ['markAsRead', 'typingIndicator'])
      for (const name of [id, encodeURIComponent(wamid)]) {
        const { status, body } = await client.v2('POST', `whatsapp/inboundMessages/${name}/${verb}`);
        expect([status, body]).toEqual([200, undefined]);
      }
    expect((await client.v2('POST', 'whatsapp/inboundMessages/nobody/markAsRead')).body.error.code).toBe('NOT_FOUND');
  });

  it('needs the phone of a person', async () => {
    expect(await client.control('POST', 'replies', { text: 'hola' })).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/phone/) },
    });
  });
});

describe('people and Meta', () => {
  const eventOf = async (type: string) => {
    const all = await receiver.until((some) => some.some(({ event }) => event.type === type));
    return all.findLast(({ event }) => event.type === type)?.event;
  };

  it('a person unsubscribes', async () => {
    await client.control('POST', 'unsubscribes', { phone: PERSON });
    expect((await eventOf('contact.unsubscribe.created')).unsubscriberChanged).toMatchObject({ phoneNumber: PERSON });
    await client.control('DELETE', 'unsubscribes', { phone: PERSON });
    expect((await eventOf('contact.unsubscribe.deleted')).unsubscriberChanged).toMatchObject({ phoneNumber: PERSON });
  });

  it('a person stops marketing in WhatsApp', async () => {
    await client.control('POST', 'preferences', { phone: PERSON });
    expect((await eventOf('whatsapp.user.preferences')).whatsappUserPreference).toMatchObject({
      contactPhoneNumber: PERSON,
      category: 'marketing_messages',
      value: 'stop',
      timestamp: expect.stringMatching(/^\d{10}$/),
    });
  });

  it('somebody of the business answers by hand', async () => {
    await client.control('POST', 'echoes', { to: PERSON, text: 'Ya te llamo' });
    expect((await eventOf('whatsapp.smb.message.echoes')).whatsappMessage).toMatchObject({ from: NUMBER, to: PERSON });
  });

  it('Meta pauses, moves and rates a template', async () => {
    const name = { wabaId: '90010001', name: 'bienvenida_lead', language: 'es' };
    await client.control('POST', 'templates', { ...name, status: 'PAUSED' });
    expect((await eventOf('whatsapp.template.reviewed')).whatsappTemplate).toMatchObject({
      ...name,
      statusUpdateEvent: 'PAUSED',
    });
    expect((await client.send()).body.error.code).toBe('WHATSAPP_TEMPLATE_UNAVAILABLE');
    await client.control('POST', 'templates', { ...name, category: 'UTILITY', qualityRating: 'RED' });
    expect((await eventOf('whatsapp.template.category_updated')).whatsappTemplate.previousCategory).toBe('MARKETING');
    expect((await eventOf('whatsapp.template.quality_updated')).whatsappTemplate.qualityRating).toBe('RED');
  });

  it('Meta rates a number', async () => {
    await client.control('POST', 'phones', { phoneNumber: NUMBER, qualityRating: 'RED', status: 'FLAGGED' });
    expect((await eventOf('whatsapp.phone_number.quality_updated')).whatsappPhoneNumber).toMatchObject({
      phoneNumber: NUMBER,
      qualityUpdateEvent: 'FLAGGED',
    });
  });

  it('an event of a type that did not exist yesterday arrives everywhere', async () => {
    await client.control('POST', 'events', { type: 'whatsapp.hologram.sent', payload: { hologram: { id: 'h1' } } });
    expect((await eventOf('whatsapp.hologram.sent')).hologram).toMatchObject({ id: 'h1' });
  });
});

describe('accounts', () => {
  const OWN = 'key-of-its-own';

  it('own their WABA alone: sends, lists and events', async () => {
    const { body } = await client.control('POST', 'keys', { key: OWN, wabaId: '90010002' });
    expect(body.wabaIds).toEqual(['90010002']);
    const own = await startReceiver();
    await client.v2(
      'POST',
      'webhookEndpoints',
      { url: own.url, enabledEvents: ['whatsapp.inbound_message.received'] },
      OWN,
    );
    const message = { from: '+541155550002', to: PERSON, type: 'template', template: aTemplate('Lucía') };
    expect((await client.v2('POST', 'whatsapp/messages', message, KEY)).body.error.code).toBe(
      'WHATSAPP_PHONE_NUMBER_UNAVAILABLE',
    );
    const sent = await client.v2('POST', 'whatsapp/messages', message, OWN);
    expect(sent.body.wabaId).toBe('90010002');
    expect((await client.v2('GET', `whatsapp/messages/${sent.body.id}`)).status).toBe(404);
    const idsOf = async (key: string) =>
      (await client.v2('GET', 'whatsapp/businessAccounts', undefined, key)).body.items.map(
        ({ id }: { id: string }) => id,
      );
    expect([await idsOf(OWN), await idsOf(KEY)]).toEqual([['90010002'], ['90010001', '90010003']]);
    await client.control('POST', 'replies', { to: PERSON, text: 'for the second' });
    await own.until((all) => all.length === 1);
    await reply({ text: 'for the first', from: NUMBER });
    const heard = (all: Receiver) =>
      all.received.flatMap(({ event }) => event.whatsappInboundMessage?.text?.body ?? []);
    expect(heard(own)).toEqual(['for the second']);
    expect(heard(receiver)).not.toContain('for the second');
    await own.close();
  });

  it('may have several keys', async () => {
    await client.control('POST', 'keys', { key: 'another-key' });
    expect((await client.v2('GET', 'whatsapp/phoneNumbers', undefined, 'another-key')).body.length).toBe(3);
  });

  it('may open one more WABA', async () => {
    const { body } = await client.control('POST', 'wabas', { name: 'Taller Sur', key: OWN });
    expect(body).toEqual({ wabaId: '90010004', phoneNumber: '+541155550004' });
    expect((await client.v2('GET', 'whatsapp/templates?limit=100', undefined, OWN)).body.length).toBe(6);
    expect((await client.v2('GET', 'whatsapp/templates?limit=100')).body.length).toBe(18);
  });
});

describe('the controls', () => {
  it('show the world without secrets', async () => {
    const { body } = await client.control('GET', 'world');
    expect(body.wabas).toHaveLength(3);
    expect(body.phones.map(({ phoneNumber }: { phoneNumber: string }) => phoneNumber)).toContain(NUMBER);
    expect(body.endpoints).toMatchObject([{ url: receiver.url, status: 'active' }]);
    expect(JSON.stringify(body)).not.toContain('whsec_');
  });

  it('keep every call in the ledger, and none of their own', async () => {
    await client.v2('GET', 'balance?x=1');
    await client.v2('GET', 'nothing');
    await client.v2('GET', 'balance', undefined, 'wrong');
    const { body } = await client.control('GET', 'ledger');
    expect(
      body.calls.map(({ method, path, status }: { method: string; path: string; status: number }) => [
        method,
        path,
        status,
      ]),
    ).toEqual([
      ['GET', '/v2/balance', 200],
      ['GET', '/v2/nothing', 404],
      ['GET', '/v2/balance', 401],
    ]);
    expect(Object.keys(body)).toEqual(['calls', 'messages', 'leads', 'deliveries']);
  });

  it('reset what happened, but nobody is disconnected', async () => {
    await client.control('POST', 'keys', { key: 'key-that-stays' });
    await client.v2('POST', 'webhookEndpoints', { url: receiver.url, enabledEvents: ['whatsapp.message.updated'] });
    await client.v2('POST', 'unsubscribers', { customer: PERSON, channel: 'whatsapp', type: 'PHONE_NUMBER' });
    await client.control('POST', 'templates', {
      wabaId: '90010001',
      name: 'bienvenida_lead',
      language: 'es',
      status: 'PAUSED',
    });
    await client.control('POST', 'clock', { advanceSeconds: 86_400 });
    await client.control('POST', 'settings', { readShare: 0 });
    await client.control('POST', 'reset', {});
    const { body } = await client.control('GET', 'ledger');
    expect([body.calls, body.messages, body.deliveries]).toEqual([[], [], []]);
    expect(Date.parse((await client.control('GET', 'clock')).body.now)).toBeLessThan(Date.now() + 60_000);
    expect((await client.control('GET', 'settings')).body.readShare).toBe(0.4);
    expect((await client.control('GET', 'world')).body).toMatchObject({ unsubscribers: [], endpoints: [{}, {}] });
    expect((await client.v2('GET', 'balance', undefined, 'key-that-stays')).status).toBe(200);
    expect((await client.send()).status).toBe(200);
    await client.control('POST', 'reset', { all: true });
    expect((await client.v2('GET', 'balance', undefined, 'key-that-stays')).status).toBe(401);
    expect((await client.control('GET', 'world')).body.endpoints).toHaveLength(1);
  });

  it('answer mistakes with a sentence', async () => {
    const wrong: [string, string, unknown][] = [
      ['POST', 'clock', { advanceSeconds: -1 }],
      ['POST', 'clock', '{'],
      ['POST', 'settings', { speed: 1 }],
      ['POST', 'settings', { readShare: 'all' }],
      ['POST', 'keys', { key: 'short' }],
      ['POST', 'keys', { key: 'long-enough', wabaId: '1' }],
      ['POST', 'phones', { phoneNumber: '+541155559999' }],
      ['POST', 'templates', { wabaId: '1', name: 'x', language: 'es' }],
      ['POST', 'unsubscribes', {}],
      ['POST', 'events', {}],
    ];
    for (const [method, path, body] of wrong) {
      const answer = await client.control(method, path, body);
      expect([path, answer.status, typeof answer.body.error]).toEqual([path, 400, 'string']);
    }
    expect((await client.control('POST', 'tokens', {})).status).toBe(404);
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Client, KEY, NUMBER, PERSON, type Receiver, startClient, startReceiver } from './testing.ts';

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

const refusal = ({ status, body }: { status: number; body: { error: { code: string; target?: string } } }) => [
  status,
  body.error.code,
  body.error.target,
];

describe('the key', () => {
  it('is asked for everywhere, and a bad one is named', async () => {
    for (const key of ['', 'wrong', `${KEY}x`]) {
      const { status, body } = await client.v2('GET', 'whatsapp/templates', undefined, key);
      expect([status, body.error.code, body.error.message]).toEqual([401, 'UNAUTHORIZED', 'INVALID_API_KEY']);
    }
  });

  it('opens nothing outside /v2', async () => {
    const reply = await fetch(`${client.url}/whatsapp/templates`, { headers: { 'x-api-key': KEY } });
    expect(reply.status).toBe(404);
    for (const path of ['whatsapp/messages/a/b', 'nothing', 'whatsapp/%E0%A4%A'])
      expect(refusal(await client.v2('GET', path))).toEqual([404, 'NOT_FOUND', undefined]);
    expect((await client.v2('PUT', 'balance', {})).status).toBe(404);
  });

  it('does not help a body that is no JSON object or too large', async () => {
    for (const body of ['{', '[]', '7'])
      expect(refusal(await client.v2('POST', 'whatsapp/messages', body))).toEqual([400, 'BAD_REQUEST', undefined]);
    expect((await client.v2('POST', 'whatsapp/messages', ' '.repeat(5_000_001))).status).toBe(413);
  });
});

describe('a list', () => {
  const list = async (query = '') => (await client.v2('GET', `whatsapp/templates${query}`)).body;

  it('has ten a page, and its total only when asked', async () => {
    expect(await list()).toMatchObject({ offset: 0, limit: 10, length: 10 });
    expect(await list()).not.toHaveProperty('total');
    const last = await list('?page=2&limit=12&includeTotal=true&offset=3');
    expect(last).toMatchObject({ offset: 12, limit: 12, length: 6, total: 18 });
    expect(last.items).toHaveLength(6);
    expect(await list('?page=9')).toMatchObject({ offset: 80, length: 0, items: [] });
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'page=0', 'page=101', 'page=1.5'])('refuses %s', async (query) => {
    const answer = await client.v2('GET', `whatsapp/templates?${query}`);
    expect(refusal(answer)).toEqual([400, 'PARAM_INVALID', query.split('=')[0]]);
  });

  it('is filtered by literal dotted names and comma lists', async () => {
    expect((await list('?filter.wabaId=90010002&limit=100')).length).toBe(6);
    expect((await list('?filter.status=PAUSED,REJECTED&filter.wabaId=90010001')).length).toBe(2);
    expect((await list('?filter.name=welcome_lead&filter.language=en')).length).toBe(3);
    expect((await list('?filter.language=fr')).length).toBe(0);
  });
});

describe('a template', () => {
  const request = {
    wabaId: '90010001',
    name: 'turno_confirmado',
    language: 'es_AR',
    category: 'UTILITY',
    components: [{ type: 'BODY', text: 'Hola {{1}}, el turno está confirmado.', example: { body_text: [['Lucía']] } }],
  };
  const path = 'whatsapp/templates/90010001/turno_confirmado/es_AR';
  const isReviewed = (status: string) =>
    receiver.until((all) =>
      all.some(
        ({ event: { whatsappTemplate } }) =>
          whatsappTemplate?.name === request.name && whatsappTemplate.statusUpdateEvent === status,
      ),
    );

  it('is created pending, approved with an event, edited back into review and deleted', async () => {
    const created = await client.v2('POST', 'whatsapp/templates', request);
    expect(created).toMatchObject({ status: 200, body: { ...request, status: 'PENDING', qualityRating: 'UNKNOWN' } });
    expect(refusal(await client.v2('PATCH', path, request))).toEqual([403, 'WHATSAPP_TEMPLATE_UNEDITABLE', undefined]);
    await isReviewed('APPROVED');
    expect((await client.v2('GET', path)).body.status).toBe('APPROVED');
    const components = [{ type: 'BODY', text: 'Turno confirmado.' }];
    expect((await client.v2('PATCH', path, { components })).body).toMatchObject({ components, status: 'PENDING' });
    expect((await client.v2('DELETE', path)).body.status).toBe('DELETED');
    expect((await client.v2('GET', path)).status).toBe(404);
  });

  it('is deleted in all its languages at once', async () => {
    await client.v2('POST', 'whatsapp/templates', request);
    await client.v2('POST', 'whatsapp/templates', { ...request, language: 'pt_BR' });
    const { body } = await client.v2('DELETE', 'whatsapp/templates/90010001/turno_confirmado');
    expect(body.map(({ language }: { language: string }) => language)).toEqual(['es_AR', 'pt_BR']);
    expect((await client.v2('DELETE', 'whatsapp/templates/90010001/turno_confirmado')).status).toBe(404);
  });

  it('may be rejected with a reason instead', async () => {
    await client.control('POST', 'settings', { reviewMs: 0 });
    await client.v2('POST', 'whatsapp/templates', request);
    await client.control('POST', 'templates', {
      ...request,
      category: undefined,
      status: 'REJECTED',
      reason: 'PROMOTIONAL',
    });
    await isReviewed('REJECTED');
    expect((await client.v2('GET', path)).body).toMatchObject({ status: 'REJECTED', reason: 'PROMOTIONAL' });
  });

  const body = (text: unknown, samples: string[] = []) => ({
    components: [{ type: 'BODY', text, example: { body_text: [samples] } }],
  });
  it.each<[string, unknown[], object]>([
    ['without a WABA', [400, 'PARAM_MISSING', 'wabaId'], { wabaId: undefined }],
    ['in a WABA of others', [403, 'WHATSAPP_WABA_UNAVAILABLE', 'wabaId'], { wabaId: '1' }],
    ['with capitals in its name', [400, 'PARAM_INVALID', 'name'], { name: 'Turno' }],
    ['in no language', [400, 'PARAM_INVALID', 'language'], { language: 'castellano' }],
    ['of no category', [400, 'PARAM_INVALID', 'category'], { category: 'PROMO' }],
    ['without a body', [400, 'PARAM_MISSING', 'components.BODY'], { components: [] }],
    ['with an empty body', [400, 'PARAM_MISSING', 'components.BODY.text'], body('')],
    ['with a body of 1025', [400, 'PARAM_INVALID_LENGTH', 'components.BODY.text'], body('x'.repeat(1025))],
    ['with lower-case parts', [400, 'PARAM_INVALID', 'components'], { components: [{ type: 'body', text: 'Hola' }] }],
    ['with a gap in its variables', [400, 'BAD_REQUEST', 'whatsappApiError'], body('Hola {{2}}, gracias', ['a'])],
    ['with a variable at the end', [400, 'BAD_REQUEST', 'whatsappApiError'], body('Hola {{1}}', ['a'])],
    ['without samples', [400, 'BAD_REQUEST', 'whatsappApiError'], body('Hola {{1}}, gracias')],
    ['twice', [409, 'ALREADY_EXISTS', undefined], { name: 'bienvenida_lead', language: 'es' }],
  ])('is refused %s', async (_, expected, change) => {
    expect(refusal(await client.v2('POST', 'whatsapp/templates', { ...request, ...change }))).toEqual(expected);
  });

  it("carries Meta's error data as plain text", async () => {
    const { body: answer } = await client.v2('POST', 'whatsapp/templates', {
      ...request,
      ...body('Hola {{1}}', ['a']),
    });
    expect(answer.error.whatsappApiError).toMatchObject({
      code: '100',
      error_data: expect.stringMatching(/end of the template/),
    });
  });
});

describe('a webhook endpoint', () => {
  const request = { url: 'http://127.0.0.1:9/hook', enabledEvents: ['whatsapp.message.updated'] };

  it('is created with a secret, changed, listed and deleted', async () => {
    const { body } = await client.v2('POST', 'webhookEndpoints', { ...request, description: 'hub' });
    expect(body).toMatchObject({
      ...request,
      id: expect.stringMatching(/^wh/),
      secret: expect.stringMatching(/^whsec_[0-9a-f]{32}$/),
      status: 'active',
      description: 'hub',
    });
    const path = `webhookEndpoints/${body.id}`;
    expect((await client.v2('PATCH', path, { status: 'disabled', id: 'wh1', secret: 'mine' })).body).toMatchObject({
      ...body,
      status: 'disabled',
      updateTime: expect.any(String),
    });
    expect((await client.v2('GET', 'webhookEndpoints')).body.length).toBe(2);
    expect((await client.v2('POST', `${path}/rotateSecret`)).body.secret).not.toBe(body.secret);
    expect((await client.v2('DELETE', path)).body.id).toBe(body.id);
    expect(refusal(await client.v2('GET', path))).toEqual([404, 'NOT_FOUND', undefined]);
  });

  it.each<[unknown[], object]>([
    [[400, 'PARAM_MISSING', 'url'], { url: undefined }],
    [[400, 'PARAM_INVALID', 'url'], { url: 'ftp://127.0.0.1/' }],
    [[400, 'PARAM_INVALID_LENGTH', 'url'], { url: `http://127.0.0.1/${'x'.repeat(500)}` }],
    [[400, 'PARAM_MISSING', 'enabledEvents'], { enabledEvents: [] }],
    [[400, 'PARAM_INVALID', 'enabledEvents'], { enabledEvents: ['whatsapp_message_updated'] }],
    [[400, 'PARAM_MISSING', 'eventProperties'], { enabledEvents: ['contact.attributes_changed'] }],
    [[400, 'PARAM_INVALID', 'status'], { status: 'asleep' }],
    [[400, 'PARAM_INVALID_LENGTH', 'description'], { description: 'x'.repeat(401) }],
  ])('is refused with %j', async (expected, change) => {
    expect(refusal(await client.v2('POST', 'webhookEndpoints', { ...request, ...change }))).toEqual(expected);
  });

  it('is one of at most 20', async () => {
    for (let n = 1; n < 20; n++) expect((await client.v2('POST', 'webhookEndpoints', request)).status).toBe(200);
    expect((await client.v2('POST', 'webhookEndpoints', request)).status).toBe(403);
  });
});

describe('an opt-out', () => {
  const request = { customer: PERSON, channel: 'whatsapp', type: 'PHONE_NUMBER' };
  const path = `unsubscribers/${encodeURIComponent(PERSON)}`;

  it('is added with an event, found as a bare list and by channel, and removed with an event', async () => {
    expect(refusal(await client.v2('GET', path))).toEqual([404, 'NOT_FOUND', undefined]);
    const { body } = await client.v2('POST', 'unsubscribers', request);
    expect(body).toMatchObject({ ...request, regionCode: 'AR' });
    expect((await client.v2('POST', 'unsubscribers', request)).body).toEqual(body);
    expect((await client.v2('GET', path)).body).toEqual([body]);
    expect((await client.v2('GET', `${path}/whatsapp`)).body).toEqual(body);
    expect((await client.v2('GET', `${path}/sms`)).status).toBe(404);
    expect((await client.v2('DELETE', `${path}/whatsapp`)).body).toEqual(body);
    const all = await receiver.until((some) => some.some(({ event }) => event.type === 'contact.unsubscribe.deleted'));
    const events = all.filter(({ event }) => event.unsubscriberChanged?.phoneNumber === PERSON);
    expect(events.map(({ event }) => event.type)).toEqual([
      'contact.unsubscribe.created',
      'contact.unsubscribe.deleted',
    ]);
  });

  it('is refused without its type', async () => {
    const { customer, channel } = request;
    expect(refusal(await client.v2('POST', 'unsubscribers', { customer, channel }))).toEqual([
      400,
      'PARAM_MISSING',
      'type',
    ]);
    expect(refusal(await client.v2('POST', 'unsubscribers', { ...request, customer: '54911' }))).toEqual([
      400,
      'PARAM_INVALID',
      'customer',
    ]);
  });

  it('is read page by page with a cursor that ends', async () => {
    expect((await client.v2('GET', 'unsubscribers')).body).toMatchObject({ length: 0, cursor: {} });
    for (let n = 0; n < 5; n++) await client.v2('POST', 'unsubscribers', { ...request, customer: `+549115555000${n}` });
    const seen: string[] = [];
    for (let after: string | undefined = '0'; after !== undefined; ) {
      const { body }: { body: { items: { customer: string }[]; cursor: { after?: string } } } = await client.v2(
        'GET',
        `unsubscribers?limit=2&pageAfter=${after}`,
      );
      seen.push(...body.items.map(({ customer }) => customer));
      after = body.cursor.after;
    }
    expect(seen).toEqual([0, 1, 2, 3, 4].map((n) => `+549115555000${n}`));
    const one = await client.v2('GET', `unsubscribers?filter.customer=${encodeURIComponent('+5491155550003')}`);
    expect(one.body.length).toBe(1);
    expect(refusal(await client.v2('GET', 'unsubscribers?pageAfter=x'))).toEqual([400, 'PARAM_INVALID', 'pageAfter']);
  });
});

describe('numbers, money and contacts', () => {
  it('numbers are found by WABA and phone, not by their id', async () => {
    expect((await client.v2('GET', 'whatsapp/phoneNumbers?filter.wabaId=90010001')).body).toMatchObject({
      length: 1,
      items: [{ phoneNumber: NUMBER, status: 'CONNECTED', qualityRating: 'GREEN' }],
    });
    const path = (phone: string) => `whatsapp/phoneNumbers/90010001/${encodeURIComponent(phone)}`;
    expect((await client.v2('GET', path(NUMBER))).body.wabaId).toBe('90010001');
    expect((await client.v2('GET', path('80010001'))).status).toBe(404);
    expect((await client.v2('GET', 'whatsapp/businessAccounts/90010003')).body.name).toBe('Estudio Palta');
  });

  it('money goes down by what was sent', async () => {
    const before = (await client.v2('GET', 'balance')).body;
    expect(before).toEqual({ amount: 100_000, currency: 'USD' });
    await client.send();
    expect((await client.v2('GET', 'balance')).body.amount).toBe(99_999.9382);
  });

  it('messages are listed newest first, by WABA and person only', async () => {
    const ids = [(await client.send()).body.id, (await client.send()).body.id];
    await client.send({ from: '+541155550002' });
    const { body } = await client.v2('GET', `whatsapp/messages?filter.wabaId=90010001&filter.status=failed`);
    expect(body.items.map(({ id }: { id: string }) => id)).toEqual(ids.toReversed());
  });

  it('contacts are found by id or phone', async () => {
    const { body } = await client.v2('POST', 'contact/contacts', { phoneNumber: PERSON, nickname: 'Lu' });
    expect((await client.v2('GET', `contact/contacts/${encodeURIComponent(PERSON)}`)).body).toEqual(body);
    expect((await client.v2('GET', 'contact/contacts?pageAfter=0')).body).toMatchObject({ length: 1, cursor: {} });
    expect((await client.v2('POST', 'contact/contacts', { phoneNumber: PERSON })).status).toBe(409);
    expect((await client.v2('DELETE', `contact/contacts/${body.id}`)).body).toEqual(body);
    expect((await client.v2('GET', `contact/contacts/${body.id}`)).status).toBe(404);
  });
});

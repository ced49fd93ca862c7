import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { normalizePhone } from '../adapters/phone.ts';
import { system } from '../domain/actor.ts';
import { AppError, type ErrorCode } from '../domain/error.ts';
import { type TestApp, testApp } from '../test/app.ts';
import { aConnection, aLead } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aRun } from '../test/outbound.ts';
import { aPerson, type Person } from '../test/person.ts';
import { createFirstStepList } from './first-steps.ts';
import { senderRoutes } from './senders.ts';

const PATH = '/crm/settings/whatsapp';
const actor = { type: 'system', id: 'test' } as const;
const phones = [
  {
    wabaId: '900',
    phoneNumber: '+5491155550001',
    status: 'CONNECTED',
    qualityRating: 'GREEN',
    messagingLimit: 'TIER_1K',
  },
  { wabaId: '901', phoneNumber: '+5491155550002', status: 'FLAGGED', qualityRating: 'RED' },
];
let db: TestDatabase;
let app: TestApp;
let tenantId: number;
let person: Person;
let failure: ErrorCode | null;
let copied: number[];
let noticeState: string;
let registered: number[];
let started: string[];

beforeAll(async () => {
  db = await testDatabase();
  app = await testApp(db, ({ stores }) =>
    senderRoutes({
      ...stores,
      phoneNumbers: async () => {
        if (failure !== null) throw new AppError(failure, 'YCloud');
        return phones;
      },
      normalizePhone,
      startMessage: async ({ messageId }) => void started.push(messageId),
      live: { publish: () => {}, subscribe: () => () => {} },
      copyTemplates: async (tenant) => void copied.push(tenant),
      notices: {
        urlOf: (tenant) => `https://hub.example.com/webhook/ycloud/${tenant}`,
        stateOf: async () => noticeState,
        register: async (tenant) => void registered.push(tenant),
      },
    }),
  );
});
beforeEach(async () => {
  [failure, copied, noticeState, registered, started] = [null, [], 'missing', [], []];
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId, { locale: 'en' });
});

const text = async (who = person) => textOf(await (await who.get(PATH)).text());
const choose = (phone: string, who = person) => who.post(PATH, { phone });
const run = (query: ReturnType<typeof sql.unsafe>) => db.database.inTenant(tenantId, (tx) => tx.query(query));

describe('The first steps', () => {
  const isDone = { hasGlobalWebhook: async () => false };
  const stepsIn = async (list = createFirstStepList(isDone), isConnected = true) => {
    const { steps } = await app.stores.hubPage.forTenant(tenantId, { withSteps: true });
    return steps && list.of(tenantId, isConnected, steps);
  };
  const next = async (list = createFirstStepList(isDone), isConnected = true) =>
    (await stepsIn(list, isConnected))?.find(({ isNext }) => isNext)?.name ?? null;

  it('go from connecting to the first lead, and are over for good then', async () => {
    expect(await next(createFirstStepList(isDone), false)).toBe('connect');
    await aConnection(db, tenantId);
    expect(await next()).toBe('webhook');
    const secret = {
      provider: 'ycloud',
      category: 'webhook_secret',
      secret: 'whsec-0123456789',
      settings: {},
    } as const;
    await app.stores.vaultEntries.save(tenantId, secret, null, actor);
    expect(await next()).toBe('sender');
    await choose('+5491155550001');
    expect(await next()).toBe('template');
    await run(sql.unsafe`
      INSERT INTO meta_templates (tenant_id, meta_template_id, waba_id, name, language, category, status, components)
      VALUES (${tenantId}, '1', '900', 'bienvenida_lead', 'es', 'MARKETING', 'APPROVED', '[]')`);
    expect(await next()).toBe('rule');
    await run(sql.unsafe`
      INSERT INTO automation_rules (tenant_id, name, trigger_type, trigger_conditions, action_type, action_config) VALUES (${tenantId}, 'B', 'new_lead', '{}', 'send_template', '{}')`);
    expect(await next()).toBe('lead');
    await aLead(db, tenantId);
    const list = createFirstStepList(isDone);
    expect(list.isOver(tenantId, true)).toBe(false);
    expect(await stepsIn(list)).toBeNull();
    expect(list.isOver(tenantId, true)).toBe(true);
    expect(list.isOver(tenantId, false)).toBe(false);
    expect((await app.stores.hubPage.forTenant(tenantId, { withSteps: false })).steps).toBeNull();
  });

  it("count the installation's webhook for tenants without a key of their own, and for no other", async () => {
    const withGlobal = createFirstStepList({ hasGlobalWebhook: async () => true });
    expect(await next(withGlobal)).toBe('sender');
    await app.stores.vaultEntries.save(
      tenantId,
      { provider: 'ycloud', category: 'api_key', secret: 'key-0123456789', settings: {} },
      null,
      actor,
    );
    expect(await next(withGlobal)).toBe('webhook');
  });
});

describe('The WhatsApp number', () => {
  it('is chosen among those of the key, with quality and limits, and its templates are copied', async () => {
    expect(await text()).toMatch(
      /\+5491155550001 High quality · up to 1,000 people a day Connected \+5491155550002 Low quality Flagged/,
    );
    expect((await choose('+5491155550001')).headers.get('location')).toBe(PATH);
    expect(await text()).toContain('Sends from +5491155550001');
    expect(copied).toEqual([tenantId]);
    await choose('+5491155550002');
    const senders = await app.stores.senders.listForTenant(tenantId);
    expect(senders.filter((sender) => sender.is_default).map(({ phone }) => phone)).toEqual(['+5491155550002']);
  });

  it('says whether its notices come, and sets them up in one press', async () => {
    expect(await text()).toContain(`https://hub.example.com/webhook/ycloud/${tenantId}`);
    expect((await person.post(`${PATH}/notices`)).status).toBe(303);
    expect(registered).toEqual([tenantId]);
    noticeState = 'complete';
    expect(await text()).not.toContain('Register our address at YCloud');
  });

  it('shows what is left to send with, and warns when it will not last', async () => {
    const sender = { wabaId: '1', phone: '+5491155550077', status: 'CONNECTED', quality: null };
    await app.stores.senders.choose(tenantId, sender, system('test'));
    await app.stores.senders.noteBalance(tenantId, { amount: '0.4', currency: 'USD' });
    expect(await text()).toContain('This will not last another week');
    await app.stores.senders.noteBalance(tenantId, { amount: '40', currency: 'USD' });
    expect(await text()).toContain('The last week’s messages cost');
  });

  it('is never one that is not offered, nor one that another tenant on the key sends from', async () => {
    expect((await choose('+5491155559999')).status).toBe(422);
    await choose('+5491155550001');
    const other = await aPerson(app, db, await aTenant(db), { locale: 'en' });
    expect(await text(other)).not.toContain('+5491155550001');
    expect((await choose('+5491155550001', other)).status).toBe(422);
  });

  it.each([
    ['misconfigured', 'key is missing'],
    ['unauthorized', 'refuses the key'],
    ['unavailable', 'does not answer'],
  ] as const)('cannot be chosen while YCloud is %s, and the page says why', async (code, words) => {
    failure = code;
    expect(await text()).toContain(words);
    expect((await choose('+5491155550001')).status).toBe(422);
  });
});

describe('Sending oneself a test', () => {
  const KEY = '5f0e7f5e-9a52-4d5c-8a53-3f1f8a4a6f10';
  const send = (given: Record<string, string> = {}) =>
    person.post(`${PATH}/tests`, { key: KEY, phone: '11 5555 0199', template: 'bienvenida_lead|es', ...given });
  const claim = (id = started[0] ?? '', at = new Date()) => app.stores.messagesByHand.claim(tenantId, id, at);
  beforeEach(async () => {
    await aRun(db.database, tenantId);
  });

  it('sends one approved template to the phone, once a form, through the same protocol, and shows what became of it', async () => {
    const reply = await send();
    expect([reply.status, reply.headers.get('location')]).toEqual([303, `${PATH}#test`]);
    await send();
    expect(started).toHaveLength(1);
    expect(await claim()).toMatchObject({
      decision: 'send',
      message: { to: '+5491155550199', templateName: 'bienvenida_lead', bodyParameters: ['Carla Domínguez'] },
    });
    expect(await claim()).toMatchObject({ decision: 'already', state: 'unconfirmed' });
    expect(await text()).toMatch(/Unconfirmed bienvenida_lead · \+5491155550199/);
    const facts = await db.database.inTenant(tenantId, (tx) =>
      tx.one(sql.type(z.object({ is_test: z.boolean(), body: z.string(), log: z.string(), events: z.number() }))`
        SELECT l.is_test, c.body, a.status AS log, (SELECT count(*) FROM system_events e WHERE e.tenant_id = l.tenant_id AND e.name = 'message.test_asked') AS events
        FROM leads l JOIN chat_messages c ON c.lead_id = l.id JOIN automation_logs a ON a.lead_id = l.id WHERE l.tenant_id = ${tenantId} AND l.phone = '+5491155550199'`),
    );
    expect(facts).toEqual({ is_test: true, body: 'Hola Carla Domínguez, gracias', log: 'unconfirmed', events: 1 });
  });

  it('never goes to a number that asked for no more messages, not even when it asked meanwhile', async () => {
    await send();
    await run(
      sql.unsafe`INSERT INTO suppressions (tenant_id, phone, source) VALUES (${tenantId}, '+5491155550199', 'stop_word')`,
    );
    expect(await claim()).toEqual({ decision: 'skip', reason: 'opted_out' });
    const again = await send({ key: KEY.replace('5f', '6f') });
    expect([again.status, textOf(await again.text()).includes('asked for no more messages')]).toEqual([422, true]);
    expect(started).toHaveLength(1);
  });

  it.each([
    [{ phone: 'mañana' }, 'Write a phone with its area code'],
    [{ template: '' }, 'Choose a template'],
    [{ template: 'otra|es' }, 'the template is gone'],
  ])('says what is wrong and keeps what was typed', async (given, words) => {
    const reply = await send(given);
    const html = await reply.text();
    expect([reply.status, textOf(html).includes(words), started]).toEqual([422, true, []]);
    expect(html).toContain(`value="${'phone' in given ? given.phone : '11 5555 0199'}"`);
  });
});

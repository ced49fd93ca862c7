import { randomBytes } from 'node:crypto';
import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createMetrics } from '../adapters/metrics.ts';
import { createConversations } from '../adapters/postgres/conversations.ts';
import { createInbox } from '../adapters/postgres/inbox.ts';
import { createOutboundMessages } from '../adapters/postgres/outbound-messages.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { aRun, messagesOf, type SendCase } from '../test/outbound.ts';
import { createConversationIntake } from './conversations.ts';

let db: TestDatabase;
let run: SendCase;
let externalId: string;
let told: string[];
let published: string[];
let refreshed: number[];
let invalidated: number[];
let temporalIsDown: boolean;
let nextEvent = 1;

beforeAll(async () => {
  db = await testDatabase();
});
beforeEach(async () => {
  [told, published, refreshed, invalidated, temporalIsDown] = [[], [], [], [], false];
  run = await aRun(db.database, await aTenant(db));
  const claim = await createOutboundMessages(db.database).claim(run.tenantId, run.runId, new Date());
  if (claim.decision !== 'send') throw new Error(claim.decision);
  externalId = claim.message.externalId;
});

/** Leases `events` as the dispatcher would, and applies them. Gives the state of each row after it. */
async function apply(events: readonly { kind: string; payload: object | string }[]): Promise<string[]> {
  const inbox = createInbox(db.database);
  const rows = await Promise.all(
    events.map(async ({ kind, payload }) => {
      const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
      const id = await db.database.inTenant(run.tenantId, (tx) =>
        tx.oneFirst(sql.type(z.object({ id: z.number() }))`
          INSERT INTO webhook_events (provider, dedupe_key, tenant_id, kind, payload)
          VALUES ('ycloud', ${`test:${nextEvent++}`}, ${run.tenantId}, ${kind}, ${text}) RETURNING id`),
      );
      return { id, kind };
    }),
  );
  await createConversationIntake({
    inbox,
    conversations: createConversations(db.database),
    tell: async (workflowId, news) => {
      if (temporalIsDown) throw new Error('Temporal does not answer');
      told.push(`${workflowId}:${news}`);
    },
    tellSeller: async (_, leadId) => {
      told.push(`${leadId}:seller`);
      throw new Error('the mail server does not answer');
    },
    refreshTemplates: async (tenantId) => void refreshed.push(tenantId),
    live: { publish: (_, topic) => void published.push(topic), subscribe: () => () => {} },
    invalidateFigures: async (tenantId) => void invalidated.push(tenantId),
    metrics: createMetrics(),
  }).apply(run.tenantId, rows);
  return db.database.inTenant(run.tenantId, async (tx) => {
    const states = await tx.any(sql.type(z.object({ id: z.number(), state: z.string() }))`
      SELECT id, state FROM webhook_events WHERE tenant_id = ${run.tenantId}`);
    return rows.map(({ id }) => states.find((row) => row.id === id)?.state ?? 'gone');
  });
}

const aStatus = (status: string, given: object = {}) => ({
  kind: 'status',
  payload: { whatsappMessage: { id: 'm1', externalId, status, ...given } },
});
const aStatusOf = (given: object) => () => aStatus('delivered', given);
const written = (text: string, id = `in-${nextEvent++}`) => ({
  kind: 'inbound',
  payload: { whatsappInboundMessage: { id, from: run.phone, type: 'text', text: { body: text } } },
});
const stateOf = async () => (await messagesOf(db.database, run)).messages[0]?.state;
const news = () => told.map((each) => each.split(':').at(-1));

describe('What YCloud tells', () => {
  it('moves a message forward, whatever the order, and leaves its rows done', async () => {
    expect(await apply([aStatus('delivered'), aStatus('sent'), aStatus('accepted')])).toEqual(['done', 'done', 'done']);
    expect(await stateOf()).toBe('delivered');
    expect(published).toContain('messages');
  });

  it('tells the run that its message failed, also when the row says nothing else', async () => {
    await apply([aStatus('failed', { errorCode: '131026' })]);
    expect([await stateOf(), news()]).toEqual(['failed', ['message_failed']]);
  });

  it.each([
    ['a status nobody knows', { kind: 'status', payload: { whatsappMessage: { id: 'm1', status: 'dreamt' } } }],
    ['a status that is no object', { kind: 'status', payload: '[]' }],
    ['a message without an id', { kind: 'inbound', payload: { whatsappInboundMessage: { type: 'text' } } }],
    ['a consent without a phone', { kind: 'unsubscribe', payload: {} }],
  ])('is done with %s', async (_, event) => {
    expect(await apply([event])).toEqual(['done']);
    expect(told).toEqual([]);
  });

  it.each([
    ['a price without end', aStatusOf({ totalPrice: 1e40, currency: 'USD' })],
    ['no currency', aStatusOf({ totalPrice: 0.05, currency: 'U\0D' })],
    ['a time before all calendars', aStatusOf({ deliverTime: '0000-01-01T00:00:00Z' })],
    ['a time after them', aStatusOf({ deliverTime: '9999-12-31T23:59:59-23:59' })],
    ['ids that no index holds', aStatusOf({ id: 'é'.repeat(9000), wamid: randomBytes(9000).toString('hex') })],
    ['ids that no text holds', aStatusOf({ id: 'm\0', wamid: '\0' })],
  ])('counts a status with %s', async (_, event) => {
    expect(await apply([event()])).toEqual(['done']);
    expect(await stateOf()).toBe('delivered');
  });

  it('keeps a status of an unknown message for later', async () => {
    const stranger = { kind: 'status', payload: { whatsappMessage: { id: 'not-ours-yet', status: 'sent' } } };
    expect(await apply([stranger])).toEqual(['pending']);
  });

  it('reads a template again when its status changed, once for several', async () => {
    const changed = { kind: 'template', payload: { whatsappTemplate: { name: 'bienvenida_lead' } } };
    expect(await apply([changed, changed])).toEqual(['done', 'done']);
    expect(refreshed).toEqual([run.tenantId]);
  });
});

describe('What people write', () => {
  it('is kept once, tells the run and moves the live feed', async () => {
    expect(await apply([written('Hola', 'in-same'), written('Hola', 'in-same')])).toEqual(['done', 'done']);
    expect(news()).toEqual(['replied']);
    expect(published).toContain('leads');
  });

  it.each([
    { text: { body: 'Ho\0la \ud83d' } },
    { type: 'te\0xt', text: { body: 'Hola' } },
    { text: { body: 'Hola' }, sendTime: '0000-01-01T00:00:00Z' },
    { text: { body: 'Hola' }, sendTime: '9999-12-31T23:59:59-23:59' },
    { id: `in\0${'x'.repeat(20)}`, text: { body: 'Hola' } },
    { text: { body: 'Hola' }, customerProfile: { name: 'A\0na' }, referral: { source_id: '1', ctwa_clid: '\0' } },
  ])('is kept with values that no column holds: %j', async (odd) => {
    const { kind, payload } = written('');
    const message = { ...payload.whatsappInboundMessage, ...odd };
    expect(await apply([{ kind, payload: { whatsappInboundMessage: message } }])).toEqual(['done']);
    expect(news()).toContain('replied');
  });

  it('stops everything also when the time of it is none', async () => {
    const preference = { contactPhoneNumber: run.phone, value: 'stop', timestamp: '1790000000000' };
    expect(await apply([{ kind: 'preference', payload: { whatsappUserPreference: preference } }])).toEqual(['done']);
    expect(news()).toEqual(['opted_out']);
  });

  it('stops everything when it is a stop word', async () => {
    await apply([written('BAJA')]);
    expect(news()).toEqual(['opted_out']);
  });

  it('is kept although Temporal cannot be told: dispatch reads the tables', async () => {
    temporalIsDown = true;
    expect(await apply([written('Hola')])).toEqual(['done']);
    const again = await createOutboundMessages(db.database).claim(run.tenantId, run.runId, new Date());
    expect(again.decision).not.toBe('send');
  });

  it('from an ad changes the figures; anything else does not', async () => {
    await apply([written('Hola')]);
    expect(invalidated).toEqual([]);
    const clicked = written('Hola');
    const referral = { source_type: 'ad', source_id: '120210000000000003', ctwa_clid: 'c' };
    await apply([
      { ...clicked, payload: { whatsappInboundMessage: { ...clicked.payload.whatsappInboundMessage, referral } } },
    ]);
    expect(invalidated).toEqual([run.tenantId]);
    expect(news()).not.toContain('seller');
  });

  it('mails the seller of somebody new who wrote from an ad, and holds nothing up when that fails', async () => {
    const clicked = written('Hola');
    const referral = { source_type: 'ad', source_id: '120210000000000003', ctwa_clid: 'c' };
    const payload = {
      whatsappInboundMessage: { ...clicked.payload.whatsappInboundMessage, from: '+5491155557788', referral },
    };
    expect(await apply([{ ...clicked, payload }])).toEqual(['done']);
    expect(news()).toEqual(['seller']);
    await apply([
      {
        ...written('¿Precio?'),
        payload: { whatsappInboundMessage: { ...payload.whatsappInboundMessage, id: 'again' } },
      },
    ]);
    expect(news()).toEqual(['seller']);
  });
});

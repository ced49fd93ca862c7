import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AppError } from '../domain/error.ts';
import { type TestApp, testApp } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aRun, messagesOf, type SendCase } from '../test/outbound.ts';
import { aPerson, type Person } from '../test/person.ts';
import { unconfirmedRoutes } from './unconfirmed.ts';

let db: TestDatabase;
let app: TestApp;
let tenantId: number;
let person: Person;
let started: string[];
let isAway: boolean;
let now: Date;

beforeAll(async () => {
  db = await testDatabase();
  app = await testApp(db, ({ stores }) =>
    unconfirmedRoutes({
      unconfirmedMessages: stores.unconfirmedMessages,
      async startMessage({ messageId }) {
        if (isAway) throw new AppError('unavailable', 'Temporal does not answer');
        started.push(messageId);
      },
      live: { publish: () => {}, subscribe: () => () => {} },
      now: () => now,
    }),
  );
});
beforeEach(async () => {
  [started, isAway, now] = [[], false, new Date(Date.now() + 20 * 60_000)];
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId, { locale: 'es' });
});

/** A rule's message that got no answer. */
async function aDoubt(why = 'HTTP 502'): Promise<SendCase & { messageId: string }> {
  const run = await aRun(db.database, tenantId);
  const claim = await app.stores.outboundMessages.claim(tenantId, run.runId, new Date());
  if (claim.decision !== 'send') throw new Error(claim.decision);
  await app.stores.outboundMessages.markUnconfirmed(tenantId, claim.message.messageId, why);
  return { ...run, messageId: claim.message.messageId };
}
const page = async (path = '/crm/unconfirmed') => textOf(await (await person.get(path)).text());
const stateOf = async (doubt: SendCase) => (await messagesOf(db.database, doubt)).messages.map(({ state }) => state);
const auditOf = (messageId: string) => app.stores.systemEvents.changesOf(tenantId, { type: 'message', id: messageId });

describe('the page of unconfirmed messages', () => {
  it('says that there are none', async () => {
    expect(await page()).toContain('No hay mensajes en duda');
  });

  it('shows each with its evidence: what was sent, what broke off, until when a report may come', async () => {
    await aDoubt();
    const text = await page();
    for (const words of [
      'Lucía Fernández',
      'bienvenida_lead',
      'Hola Lucía, gracias',
      'YCloud respondió con el error 502',
    ])
      expect(text).toContain(words);
    expect(text).toContain('YCloud todavía puede informar hasta el');
    now = new Date(Date.now() + 7 * 60 * 60_000);
    expect(await page('/crm/unconfirmed/list')).toContain('YCloud ya no informa sobre este mensaje');
  });

  it.each([
    ['found_sending', 'El programa se detuvo'],
    ['no_answer', 'No hubo respuesta en dos minutos'],
    ['unreadable 200', 'No se pudo leer'],
    ['ECONNRESET', 'La conexión se cortó'],
  ])('says what %s means', async (why, words) => {
    await aDoubt(why);
    expect(await page()).toContain(words);
  });

  it('notes that the person wrote after it', async () => {
    const doubt = await aDoubt();
    await app.stores.conversations.receive(tenantId, 0, {
      providerId: `in-${doubt.leadId}`,
      phone: doubt.phone,
      kind: 'text',
      body: 'Hola',
      sentAt: new Date(Date.now() + 60_000),
    });
    expect(await page()).toContain('La persona escribió después');
  });

  it('offers to send again from a quarter of an hour on', async () => {
    const doubt = await aDoubt();
    now = new Date();
    expect(await page()).toContain('Se puede reenviar desde las');
    const link = `/crm/unconfirmed/${doubt.messageId}/again`;
    expect(await (await person.get('/crm/unconfirmed')).text()).not.toContain(link);
    now = new Date(Date.now() + 16 * 60_000);
    expect(await (await person.get('/crm/unconfirmed')).text()).toContain(link);
  });

  it('shows names and words as text', async () => {
    await aDoubt();
    await db.database.inTenant(tenantId, async (tx) => {
      await tx.query(sql.unsafe`UPDATE leads SET full_name = '<i>x</i>' WHERE tenant_id = ${tenantId}`);
      await tx.query(sql.unsafe`UPDATE chat_messages SET body = '<b>y</b>' WHERE tenant_id = ${tenantId}`);
    });
    const html = await (await person.get('/crm/unconfirmed')).text();
    expect(html).not.toMatch(/<i>x|<b>y/);
  });
});

describe('its three buttons', () => {
  const resolve = (messageId: string, finding: string) =>
    person.post(`/crm/unconfirmed/${messageId}/resolution`, { finding });
  const again = (messageId: string, given: Record<string, string> = { sure: 'yes' }) =>
    person.post(`/crm/unconfirmed/${messageId}/attempts`, given);

  it.each([
    ['arrived', 'delivered', 'llegó, según Carla Domínguez'],
    ['lost', 'failed', 'no llegó, según Carla Domínguez'],
  ])('"it %s" settles the message, says by whom, and leaves an audit row', async (finding, state, words) => {
    const doubt = await aDoubt();
    expect((await resolve(doubt.messageId, finding)).headers.get('location')).toBe('/crm/unconfirmed');
    expect(await stateOf(doubt)).toEqual([state]);
    expect(await page()).toContain(words);
    expect((await auditOf(doubt.messageId))[0]).toMatchObject({
      name: 'message.resolved',
      actor_id: person.userId,
      details: { resolution: finding },
    });
  });

  it('send again only with the promise to have looked', async () => {
    const doubt = await aDoubt();
    expect(await page(`/crm/unconfirmed/${doubt.messageId}/again`)).toContain('lo recibirá dos veces');
    const refused = await again(doubt.messageId, {});
    expect([refused.status, await stateOf(doubt)]).toEqual([422, ['unconfirmed']]);
    expect(await refused.text()).toContain('Primero revisar el teléfono');
    expect((await again(doubt.messageId)).status).toBe(303);
    expect(await stateOf(doubt)).toEqual(expect.arrayContaining(['unconfirmed', 'claimed']));
    expect(started).toHaveLength(1);
    expect(await page()).toContain('reenviado por Carla Domínguez');
    expect(await page()).toContain('No hay mensajes en duda');
  });

  it('send again later by themselves when Temporal is down: the dispatcher finds the message', async () => {
    const doubt = await aDoubt();
    isAway = true;
    expect((await again(doubt.messageId)).status).toBe(303);
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`UPDATE outbound_messages SET due_at = now() - interval '1 second' WHERE state = 'claimed'`),
    );
    const { id } = await db.database.inTenant(tenantId, (tx) =>
      tx.one(sql.type(z.object({ id: z.string() }))`SELECT id FROM outbound_messages WHERE state = 'claimed'`),
    );
    expect(await app.stores.inbox.dueWork()).toContainEqual({
      work: 'message_by_hand',
      tenant_id: tenantId,
      object_id: id,
    });
  });

  it('say so when somebody or a report was quicker', async () => {
    const doubt = await aDoubt();
    await resolve(doubt.messageId, 'arrived');
    for (const late of [await resolve(doubt.messageId, 'lost'), await again(doubt.messageId)]) {
      expect(late.status).toBe(409);
      expect(await late.text()).toContain('se resolvió mientras tanto');
    }
    expect(await stateOf(doubt)).toEqual(['delivered']);
  });

  it('do nothing for a stranger', async () => {
    const doubt = await aDoubt();
    const stranger = await aPerson(app, db, await aTenant(db));
    const path = `/crm/unconfirmed/${doubt.messageId}`;
    expect((await stranger.get(`${path}/again`)).status).toBe(404);
    expect((await stranger.post(`${path}/resolution`, { finding: 'arrived' })).status).toBe(404);
    expect((await stranger.post(`${path}/attempts`, { sure: 'yes' })).status).toBe(404);
    expect(await stateOf(doubt)).toEqual(['unconfirmed']);
  });
});

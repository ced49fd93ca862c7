import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMessageActivities } from '../activities/messages.ts';
import { createMetrics } from '../adapters/metrics.ts';
import { createYCloud } from '../adapters/ycloud/client.ts';
import { startYCloudSimulator, type YCloudSimulator } from '../simulators/ycloud/server.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aRun, messagesOf, type SendCase } from '../test/outbound.ts';
import { aPerson, type Person } from '../test/person.ts';
import { silentLog } from '../test/silent-log.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

const KEY = 'ycloud-test-key';
const OUR_NUMBER = '+541155550001';
let db: TestDatabase;
let app: WholeApp;
let simulator: YCloudSimulator;
let tenantId: number;
let person: Person;
let lead: SendCase;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
  simulator = await startYCloudSimulator({ apiKeys: [KEY] });
});
afterAll(() => simulator.close());
beforeEach(async () => {
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId, { locale: 'es' });
  lead = await aRun(db.database, tenantId);
});

/** The person wrote to us, at YCloud too: it opens the window there. */
async function wrote(body = 'Hola', hoursAgo = 0): Promise<void> {
  await fetch(`${simulator.url}/_control/replies`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ to: lead.phone, from: OUR_NUMBER, text: body }),
  });
  await app.stores.conversations.receive(tenantId, 0, {
    providerId: randomUUID(),
    phone: lead.phone,
    kind: 'text',
    body,
    sentAt: new Date(Date.now() - hoursAgo * 3_600_000),
  });
}
const page = async () => textOf(await (await person.get(`/crm/leads/${lead.leadId}`)).text());
const reply = (text: string, key: string = randomUUID()) =>
  person.post(`/crm/leads/${lead.leadId}/replies`, { text, key });
const change = (statement: ReturnType<typeof sql.unsafe>) =>
  db.database.inTenant(tenantId, (tx) => tx.query(statement));
const dispatch = async () => {
  const [message] = (await messagesOf(db.database, lead)).messages.filter(({ state }) => state === 'claimed');
  return createMessageActivities({
    outbound: app.stores.outboundMessages,
    byHand: app.stores.messagesByHand,
    credentials: { ycloudKey: async () => KEY },
    ycloud: createYCloud({ url: simulator.url, log: silentLog }),
    live: app.live,
    metrics: createMetrics(),
    tellColleague: async () => {},
    takeSendSlot: async () => {},
    diagnose: () => {},
  }).dispatchByHand({ tenantId, messageId: message?.id ?? '' });
};
const sentTo = () => simulator.ledger.rows().messages.filter(({ to }) => to === lead.phone);

describe('answering in the conversation', () => {
  it('sends free words through the same protocol, under the name of who wrote', async () => {
    await wrote();
    expect((await reply('Hola, ¿le queda bien el jueves?')).headers.get('location')).toBe(
      `/crm/leads/${lead.leadId}#chat`,
    );
    expect(await page()).toContain('Carla Domínguez Hola, ¿le queda bien el jueves?');
    expect(await dispatch()).toEqual({ outcome: 'sent' });
    expect(sentTo()).toHaveLength(1);
    const { messages, logs } = await messagesOf(db.database, lead);
    expect([messages[0]?.state, logs.at(-1)?.status]).toEqual(['accepted', 'accepted']);
    const changes = await app.stores.systemEvents.changesOf(tenantId, { type: 'lead', id: lead.leadId });
    expect(changes).toContainEqual(
      expect.objectContaining({ name: 'conversation.reply_written', actor_id: person.userId }),
    );
  });

  it('is one message when its form is sent twice', async () => {
    await wrote();
    const key = randomUUID();
    const replies = await Promise.all([reply('Hola', key), reply('Hola', key)]);
    expect(replies.map(({ status }) => status)).toEqual([303, 303]);
    expect((await messagesOf(db.database, lead)).messages).toHaveLength(1);
  });

  it('takes over: what runs for this person stops', async () => {
    await wrote();
    const second = await aRun(db.database, tenantId);
    await change(sql.unsafe`UPDATE automation_runs SET lead_id = ${lead.leadId} WHERE id = ${second.runId}`);
    await reply('Yo me ocupo');
    expect(await app.stores.outboundMessages.claim(tenantId, second.runId, new Date())).toEqual({
      decision: 'skip',
      reason: 'run_ended',
    });
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['nobody wrote yet', async () => {}, 'dentro de las 24 horas'],
    ['the last message is a day old', () => wrote('Hola', 25), 'dentro de las 24 horas'],
    ['the person asked for no more', () => wrote('BAJA'), 'pidió no recibir más mensajes'],
    [
      'sending is paused',
      async () => {
        await wrote();
        await change(sql.unsafe`UPDATE tenants SET sending = 'paused' WHERE id = ${tenantId}`);
      },
      'Todo el envío está en pausa',
    ],
  ])('is not possible while %s, and says so', async (_, happens, words) => {
    await happens();
    const html = await (await person.get(`/crm/leads/${lead.leadId}`)).text();
    expect(textOf(html)).toContain(words);
    expect(html).not.toContain('id="reply-form"');
    const refused = await reply('Hola <b>');
    expect([refused.status, textOf(await refused.text())]).toEqual([
      422,
      expect.stringContaining('No se envió: Hola <b>'),
    ]);
    expect((await messagesOf(db.database, lead)).messages).toHaveLength(0);
  });

  it('keeps what was typed when it is too long, and wants some words', async () => {
    await wrote();
    const long = await reply('x'.repeat(4097));
    expect([long.status, (await long.text()).includes('x'.repeat(4097))]).toEqual([422, true]);
    expect(textOf(await (await reply('  ')).text())).toContain('Escribir algo');
  });

  it('is checked again when it leaves: an opt-out or the end of the window in between cancels it', async () => {
    await wrote();
    await reply('Hola');
    await wrote('BAJA');
    expect(await dispatch()).toEqual({ outcome: 'ended', reason: 'opted_out' });
    expect(sentTo()).toHaveLength(0);
    expect(await page()).toContain('Cancelado: pidió no recibir más mensajes');
  });

  it('in doubt is listed, and is never sent again by itself', async () => {
    await wrote();
    await reply('Hola');
    simulator.faults.add({ match: { path: '/v2/whatsapp/messages' }, kind: 'status', value: 503, times: 1 });
    expect(await dispatch()).toEqual({ outcome: 'sent' });
    expect(textOf(await (await person.get('/crm/unconfirmed')).text())).toContain('Texto propio');
    simulator.faults.clear();
  });

  it('is nobody else’s', async () => {
    await wrote();
    const stranger = await aPerson(app, db, await aTenant(db));
    const path = `/crm/leads/${lead.leadId}`;
    expect((await stranger.post(`${path}/replies`, { text: 'Hola', key: randomUUID() })).status).toBe(404);
    expect((await stranger.get(`${path}/reply`)).status).toBe(404);
  });
});

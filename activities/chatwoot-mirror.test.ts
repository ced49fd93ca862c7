import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createChatwootConversations } from '../adapters/chatwoot/conversations.ts';
import { createVault } from '../adapters/crypto/fernet.ts';
import { createChatwootOutbox } from '../adapters/postgres/chatwoot-outbox.ts';
import { createInbox } from '../adapters/postgres/inbox.ts';
import { startChatwoot } from '../simulators/chatwoot/server.ts';
import { TEST_FERNET_KEY } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { copyToChatwoot, noteText } from './chatwoot-mirror.ts';

const vault = createVault([TEST_FERNET_KEY]);
let db: TestDatabase;
let chatwoot: Awaited<ReturnType<typeof startChatwoot>>;
let outbox: ReturnType<typeof createChatwootOutbox>;
let tenantId: number;
let leadId: string;

beforeAll(async () => {
  db = await testDatabase();
  outbox = createChatwootOutbox({ ...db.database, vault });
});
beforeEach(async () => {
  chatwoot = await startChatwoot({ token: 'agent-token' });
  tenantId = await aTenant(db);
  leadId = randomUUID();
  await db.database.inTenant(tenantId, async (tx) => {
    await tx.query(sql.unsafe`
      INSERT INTO leads (tenant_id, id, full_name, phone) VALUES (${tenantId}, ${leadId}, 'Lucía Fernández', '+5491155550123')`);
  });
  await aChatwoot();
});
afterEach(() => chatwoot.close());

const aChatwoot = (token = 'agent-token') =>
  db.database.inTenant(tenantId, async (tx) => {
    await tx.query(sql.unsafe`
      INSERT INTO credentials (tenant_id, provider, category, secret, last_four, settings)
      VALUES (${tenantId}, 'chatwoot', 'api_key', ${vault.seal(token)}, '1234', ${sql.jsonb({ url: chatwoot.url, accountId: '1' })})
      ON CONFLICT (tenant_id, provider, category) DO UPDATE SET secret = excluded.secret`);
  });

const aMessage = (body: string, direction: 'in' | 'out' = 'in') =>
  db.database.inTenant(tenantId, async (tx) => {
    await tx.query(sql.unsafe`
      INSERT INTO chat_messages (tenant_id, lead_id, phone, direction, author, body)
      VALUES (${tenantId}, ${leadId}, '+5491155550123', ${direction}, ${direction === 'in' ? 'contact' : 'human'}, ${body})`);
  });

/** What is due now, done as the worker does it. */
async function copyDue(): Promise<void> {
  const due = (await createInbox(db.database).dueCopies()).filter(({ tenant_id }) => tenant_id === tenantId);
  const deps = { outbox, chatwoot: createChatwootConversations({ isInnerAllowed: true }) };
  for (const { object_id } of due) await copyToChatwoot(deps, tenantId, object_id).catch(() => {});
}
const makeDue = () =>
  db.database.inTenant(tenantId, (tx) => tx.query(sql.unsafe`UPDATE chatwoot_outbox SET next_attempt_at = now()`));
const states = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.any(sql.type(z.object({ state: z.string(), error: z.string().nullable() }))`
      SELECT state, error FROM chatwoot_outbox WHERE tenant_id = ${tenantId} ORDER BY id`),
  );
const notes = () => chatwoot.conversations.flatMap(({ messages }) => messages);

describe('The mirror in Chatwoot', () => {
  it('copies what was said into one conversation of the person, as notes that nobody is sent', async () => {
    for (const body of ['Hola', '¿Cuánto cuesta?']) await aMessage(body);
    await aMessage('Le cuento', 'out');
    await copyDue();
    expect(chatwoot.contacts).toMatchObject([{ phone_number: '+5491155550123', name: 'Lucía Fernández' }]);
    expect(chatwoot.conversations).toMatchObject([{ inbox_id: 4, status: 'open' }]);
    expect(notes().map(({ content }) => content)).toEqual([
      '← WhatsApp: Hola',
      '← WhatsApp: ¿Cuánto cuesta?',
      '☺ → WhatsApp: Le cuento',
    ]);
    expect(notes().every((note) => note.private)).toBe(true);
    expect(await outbox.maybeLeadOf(tenantId, '1')).toBe(leadId);
  });

  it('uses the contact and the open conversation that are there', async () => {
    chatwoot.contacts.push({
      id: 77,
      name: 'Lu',
      phone_number: '+5491155550123',
      identifier: null,
      contact_inboxes: [],
    });
    chatwoot.conversations.push({ id: 12, inbox_id: 4, contact_id: 77, status: 'open', messages: [] });
    await aMessage('Hola');
    await copyDue();
    expect(chatwoot.contacts).toHaveLength(1);
    expect(await outbox.maybeLeadOf(tenantId, '12')).toBe(leadId);
    expect(notes()).toHaveLength(1);
  });

  it('writes a note once although its answer was lost', async () => {
    await aMessage('Hola');
    await copyDue();
    await aMessage('Otra');
    chatwoot.faults.push({ path: '/messages', status: 0, afterwards: true, times: 1 });
    await copyDue();
    expect(await states()).toEqual([
      { state: 'done', error: null },
      { state: 'pending', error: 'unavailable' },
    ]);
    await makeDue();
    await copyDue();
    expect(notes().map(({ content }) => content)).toEqual(['← WhatsApp: Hola', '← WhatsApp: Otra']);
  });

  it('begins a new conversation when the old one was deleted over there', async () => {
    await aMessage('Hola');
    await copyDue();
    chatwoot.conversations.splice(0, 1, { id: 9, inbox_id: 4, contact_id: 5, status: 'open', messages: [] });
    await aMessage('Otra');
    await copyDue();
    await makeDue();
    await copyDue();
    expect(notes().map(({ content }) => content)).toEqual(['← WhatsApp: Otra']);
  });

  it.each([
    ['a token that is refused', 401, 'unauthorized'],
    ['too many calls', 429, 'rate_limited'],
    ['a Chatwoot that is down', 502, 'unavailable'],
  ])('keeps the copy for later after %s', async (_, status, error) => {
    await aMessage('Hola');
    chatwoot.faults.push({ path: '/inboxes', status, times: 1 });
    await copyDue();
    expect(await states()).toEqual([{ state: 'pending', error }]);
    await copyDue(); // not due yet
    expect(notes()).toEqual([]);
    await makeDue();
    await copyDue();
    expect(notes()).toHaveLength(1);
  });

  it('is taken by one process at a time', async () => {
    await aMessage('Hola');
    const due = (await createInbox(db.database).dueCopies()).filter(({ tenant_id }) => tenant_id === tenantId);
    const id = due[0]?.object_id ?? '';
    expect(await outbox.take(tenantId, id)).toMatchObject({ attempts: 1 });
    expect(await outbox.take(tenantId, id)).toBeNull();
  });

  it('gives up after most of a day, and says why', async () => {
    await aMessage('Hola');
    chatwoot.faults.push({ path: '/inboxes', status: 500, times: 20 });
    for (let i = 0; i < 12; i++) {
      await makeDue();
      await copyDue();
    }
    expect(await states()).toEqual([{ state: 'failed', error: 'unavailable' }]);
  });

  it('copies nothing of a tenant without a Chatwoot, and writes no row for it', async () => {
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`DELETE FROM credentials WHERE tenant_id = ${tenantId}`),
    );
    await aMessage('Hola');
    expect(await states()).toEqual([]);
  });

  it('waits for a message that is still leaving, and marks what did not leave', async () => {
    const id = randomUUID();
    await db.database.inTenant(tenantId, async (tx) => {
      await tx.query(sql.unsafe`
        INSERT INTO outbound_messages (tenant_id, id, origin, lead_id, occurrence, external_id, sender_phone, phone, state, sending_at)
        VALUES (${tenantId}, ${id}, 'reply', ${leadId}, 'x', ${randomUUID()}, '+5491155550100', '+5491155550123', 'sending', now())`);
      await tx.query(sql.unsafe`
        INSERT INTO chat_messages (tenant_id, lead_id, phone, direction, author, body, outbound_message_id)
        VALUES (${tenantId}, ${leadId}, '+5491155550123', 'out', 'automation', 'Hola Lucía', ${id})`);
    });
    await copyDue();
    expect([await states(), notes()]).toEqual([[{ state: 'pending', error: null }], []]);
    await db.database.inTenant(tenantId, (tx) => tx.query(sql.unsafe`UPDATE outbound_messages SET state = 'rejected'`));
    await makeDue();
    await copyDue();
    expect(notes().map(({ content }) => content)).toEqual(['⚙ → WhatsApp ✗: Hola Lucía']);
  });

  it('says what kind a message without text was', () => {
    const image = { direction: 'in', author: 'contact', body: null, kind: 'image', sendState: null } as const;
    expect(noteText({ ...image } as never)).toBe('← WhatsApp: [image]');
  });
});

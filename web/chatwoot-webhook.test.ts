import { createHmac, randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createVault } from '../adapters/crypto/fernet.ts';
import { TEST_FERNET_KEY, type TestApp, testApp } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { chatwootWebhookRoutes } from './chatwoot-webhook.ts';

const SECRET = 'chatwoot-webhook-secret';
let db: TestDatabase;
let app: TestApp;
let tenantId: number;
let leadId: string;
let woken: string[];

beforeAll(async () => {
  db = await testDatabase();
  app = await testApp(db, ({ stores }) =>
    chatwootWebhookRoutes({
      ...stores,
      wake: async (ids) => void woken.push(...ids),
      live: { publish: () => {}, subscribe: () => () => {} },
    }),
  );
});
beforeEach(async () => {
  woken = [];
  tenantId = await aTenant(db);
  leadId = randomUUID();
  await db.database.inTenant(tenantId, async (tx) => {
    await tx.query(sql.unsafe`INSERT INTO leads (tenant_id, id, full_name) VALUES (${tenantId}, ${leadId}, 'Lucía')`);
    const ruleId = await tx.oneFirst(sql.type(z.object({ id: z.string() }))`
      INSERT INTO automation_rules (tenant_id, name, trigger_type, trigger_conditions, action_type, action_config, is_active)
      VALUES (${tenantId}, 'r', 'new_lead', '{}', 'send_template', '{}', true) RETURNING id`);
    await tx.query(sql.unsafe`
      INSERT INTO automation_runs (tenant_id, rule_id, rule_version, lead_id, occurrence, workflow_id, state)
      VALUES (${tenantId}, ${ruleId}, 1, ${leadId}, 'x', ${`run:${tenantId}`}, 'waiting')`);
    await tx.query(sql.unsafe`
      INSERT INTO credentials (tenant_id, provider, category, secret, last_four)
      VALUES (${tenantId}, 'chatwoot', 'webhook_secret', ${createVault([TEST_FERNET_KEY]).seal(SECRET)}, 'cret')`);
  });
  await app.stores.chatwootOutbox.saveConversation(tenantId, leadId, '12');
});

const event = (change: object = {}) => ({
  event: 'message_created',
  id: 55,
  content: 'hola',
  message_type: 'outgoing',
  private: false,
  content_attributes: {},
  sender: { id: 3, name: 'Ana', type: 'user' },
  conversation: { id: 12, status: 'open' },
  ...change,
});
const now = () => Math.floor(Date.now() / 1000);
function post(body: object | string, { secret = SECRET, at = now(), tenant = String(tenantId) } = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const signature = `sha256=${createHmac('sha256', secret).update(`${at}.${text}`).digest('hex')}`;
  const headers = {
    'content-type': 'application/json',
    'x-chatwoot-timestamp': String(at),
    'x-chatwoot-signature': signature,
  };
  return fetch(`${app.url}/webhook/chatwoot/${tenant}`, { method: 'POST', body: text, headers });
}
const run = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.one(sql.type(z.object({ state: z.string(), reason: z.string().nullable() }))`
      SELECT state, reason FROM automation_runs WHERE tenant_id = ${tenantId}`),
  );

describe('Somebody of the team who writes in Chatwoot', () => {
  it('takes over: what runs for the person stops, once', async () => {
    expect((await post(event())).status).toBe(200);
    expect(await run()).toEqual({ state: 'stopped', reason: 'human_took_over' });
    expect(woken).toEqual([`run:${tenantId}`]);
    await post(event());
    expect(woken).toHaveLength(1);
  });

  it.each([
    ['a private note', { private: true }],
    ['what the person wrote', { message_type: 'incoming' }],
    ['a bot', { sender: { id: 1, type: 'agent_bot' } }],
    ['our own copy', { content_attributes: { marketing_hub: 'x' } }],
    ['another conversation', { conversation: { id: 13 } }],
    ['another event', { event: 'conversation_updated' }],
    ['a message without a sender', { sender: null }],
  ])('is not %s', async (_, change) => {
    expect((await post(event(change))).status).toBe(200);
    expect(await run()).toEqual({ state: 'waiting', reason: null });
  });

  it.each([
    ['another secret', { secret: 'not-the-secret' }],
    ['an old signature', { at: now() - 301 }],
    ['a tenant that is none', { tenant: 'abc' }],
    ['a tenant without a secret', { tenant: '999999' }],
  ])('is not believed with %s', async (_, given) => {
    expect((await post(event(), given)).status).toBe(401);
    expect(await run()).toMatchObject({ state: 'waiting' });
  });

  it('may send what is no JSON: nothing breaks', async () => {
    for (const body of ['', '[]', 'null', '{', '{"event":"message_created"}'])
      expect((await post(body)).status).toBe(200);
  });

  it.each(['a\0b', '\ud800', '9'.repeat(1000), 1e300, 1.5, -1, {}, null])(
    'may name a conversation that cannot be (%j): nothing breaks',
    async (id) => {
      expect((await post(event({ conversation: { id } }))).status).toBe(200);
      expect(await run()).toMatchObject({ state: 'waiting' });
    },
  );
});

import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { asAdmin } from '../../dev/stack/roles.ts';
import { system } from '../../domain/actor.ts';
import { aCampaign, aDay, aLead, aMessage, anAccount, aTouch } from '../../test/crm.ts';
import { aTenant, monthsPass, type TestDatabase, tablesNaming, testDatabase } from '../../test/database.ts';
import { createStatsService } from '../../web/stats.ts';
import { createVault } from '../crypto/fernet.ts';
import { createCache } from '../redis/cache.ts';
import { createStores, type Stores } from './stores.ts';

const somebody = system('test');
/** Of the lead and of the submission that went into it: each of these must be gone. */
const traces = [
  '5491155550777',
  'lucia.f@example.com',
  'Lucía Fernández',
  'lucia.otra@example.com',
  'caries del juicio',
  'un turno para mi hija',
  'wamid.HBgNNTQ5',
  'click-7f3a',
  'Implante de Lucía',
];
const PHONE = '+5491155550777';
let db: TestDatabase;
let stores: Stores;
let tenantId: number;

beforeAll(async () => {
  db = await testDatabase();
  const vault = createVault(['cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=']);
  stores = createStores(db.database, vault, {
    ycloudApiKey: undefined,
    ycloudWebhookSecret: undefined,
    onFallback: () => {},
  });
});
beforeEach(async () => {
  await asAdmin(db.adminUrl, (client) => client.query('TRUNCATE tenants CASCADE'));
  await asAdmin(db.adminUrl, (client) => client.query('TRUNCATE webhook_events'));
  tenantId = await aTenant(db);
  // Longer than people: what Meta and YCloud sent must not outlive them.
  await db.database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`UPDATE tenants SET event_days = 730 WHERE id = ${tenantId}`),
  );
  await anAccount(db, tenantId);
  await aCampaign(db, tenantId);
  const today = new Date().toISOString().slice(0, 10);
  await aDay(db, tenantId, today, { spend: '1000.33' });
});

/** Somebody with a row in every table that knows people, all of it long ago. Gives the lead and the submission that went into it. */
async function aKnownPerson(tenant = tenantId): Promise<{ leadId: string; mergedId: string }> {
  const answers = [{ name: 'motivo', values: ['caries del juicio'] }];
  const given = { name: 'Lucía Fernández', phone: PHONE, answers };
  const leadId = await aLead(db, tenant, { ...given, email: 'lucia.f@example.com' });
  const mergedId = await aLead(db, tenant, { ...given, email: 'lucia.otra@example.com' });
  await aTouch(db, tenant, leadId);
  await aTouch(db, tenant, mergedId);
  await aMessage(db, tenant, leadId, { state: 'read', body: 'Hola Lucía Fernández' });
  await aMessage(db, tenant, leadId, { state: 'unconfirmed', body: 'Hola otra vez' });
  await aMessage(db, tenant, leadId, { body: 'Quiero un turno para mi hija' });
  await stores.leadMerges.join(tenant, leadId, mergedId, somebody);
  await stores.sales.openOpportunity(
    tenant,
    leadId,
    { name: 'Implante de Lucía', value: '500', currency: 'ARS' },
    somebody,
  );
  const soldOn = new Date().toISOString().slice(0, 10);
  await stores.sales.recordSale(
    tenant,
    leadId,
    { amount: '1284500.51', currency: 'ARS', soldOn, reference: 'F-7' },
    somebody,
  );
  await theRest(tenant, leadId);
  return { leadId, mergedId };
}

/** What no test helper makes. */
const theRest = (tenant: number, leadId: string) =>
  asAdmin(db.adminUrl, async (client) => {
    const of = [tenant, leadId];
    await client.query(`UPDATE leads SET field_data = answers WHERE tenant_id = $1`, [tenant]);
    await client.query(`UPDATE lead_touches SET click_id = 'click-7f3a' WHERE tenant_id = $1 AND lead_id = $2`, of);
    await client.query(
      `UPDATE outbound_messages SET phone = '${PHONE}', wamid = 'wamid.HBgNNTQ5' || id, provider_id = 'wamid.HBgNNTQ5' || id, price = 0.0618, price_currency = 'USD',
         sent_at = now(), delivered_at = CASE state WHEN 'read' THEN now() END WHERE tenant_id = $1 AND lead_id = $2`,
      of,
    );
    await client.query(
      `UPDATE chat_messages SET phone = '${PHONE}', provider_message_id = CASE direction WHEN 'in' THEN 'wamid.HBgNNTQ5' || id END WHERE tenant_id = $1 AND lead_id = $2`,
      of,
    );
    await client.query(
      `INSERT INTO chat_messages (tenant_id, phone, direction, author, body, provider_message_id) VALUES ($1, '${PHONE}', 'in', 'contact', 'Quiero un turno para mi hija', 'wamid.HBgNNTQ5-before')`,
      [tenant],
    );
    await client.query(
      `INSERT INTO consents (tenant_id, lead_id, key, text, is_given, answered_at) VALUES ($1, $2, 'Lucía Fernández acepta', 'x', true, now())`,
      of,
    );
    await client.query(
      `WITH rule AS (INSERT INTO automation_rules (tenant_id, name, trigger_type, trigger_conditions, action_type, action_config)
         VALUES ($1, 'Bienvenida', 'keyword', '{}', 'send_template', '{}') RETURNING id)
       INSERT INTO automation_runs (tenant_id, rule_id, rule_version, lead_id, occurrence, workflow_id, state)
       SELECT $1, id, 1, $2, 'inbound:wamid.HBgNNTQ5', 'automation:wamid.HBgNNTQ5', 'done' FROM rule`,
      of,
    );
    await client.query(
      `INSERT INTO chatwoot_conversations (tenant_id, lead_id, conversation_id) VALUES ($1, $2, '77')`,
      of,
    );
    await client.query(
      `INSERT INTO chatwoot_outbox (tenant_id, chat_message_id) SELECT tenant_id, id FROM chat_messages WHERE tenant_id = $1 AND lead_id = $2 ON CONFLICT DO NOTHING`,
      of,
    );
    await client.query(
      `INSERT INTO suppressions (tenant_id, phone, source, lifted_at) VALUES ($1, '${PHONE}', 'stop_word', now())`,
      [tenant],
    );
    for (const state of ['done', 'ignored', 'parked', 'conflict'])
      await client.query(
        `INSERT INTO webhook_events (provider, dedupe_key, tenant_id, kind, subject, payload, state)
         VALUES ('ycloud', $1 || $2, $1::int, 'message', 'wamid.HBgNNTQ5', '{"from":"${PHONE}","name":"Lucía Fernández"}', $2)`,
        [String(tenant), state],
      );
  });

/** What every screen and every program is told of the tenant's figures. */
async function figures() {
  const now = () => new Date();
  const stats = createStatsService(stores.stats, createCache(undefined), now);
  const period = { since: '2020-01-01', until: now().toISOString().slice(0, 10) };
  const told: Record<string, unknown> = {
    speed: await stores.leadSpeed.ofCampaign(tenantId, '200', period),
    first: await stores.leadSpeed.firstResponse(tenantId, period, null),
    costs: await stores.messageCosts.ofCampaign(tenantId, '200', period),
    channels: await stores.breakdowns.groups(tenantId, 'channel', period),
    forms: await stores.breakdowns.groups(tenantId, 'form', period),
  };
  for (const view of ['date', 'cohort'] as const)
    for (const model of ['last', 'first', 'linear'] as const) {
      const { as_of: _, ...json } = await stats.json(tenantId, { days: 900, view, model });
      told[`${view} ${model}`] = json;
    }
  return told;
}
const named = async () => {
  const found: string[] = [];
  for (const trace of traces) for (const table of await tablesNaming(db, trace)) found.push(`${table}: ${trace}`);
  return found;
};
async function eraseOld(): Promise<number> {
  await stores.leadRetention.setMonths(tenantId, 12, somebody);
  await stores.pastEvents.purgeSome(tenantId);
  return stores.leadRetention.eraseSome(tenantId);
}

describe('Erasing a lead', () => {
  it('leaves nothing of the person in any table', async () => {
    await aKnownPerson();
    await monthsPass(db, tenantId, 13);
    const before = await named();
    for (const table of [
      'leads',
      'lead_touches',
      'chat_messages',
      'outbound_messages',
      'automation_runs',
      'consents',
      'opportunities',
      'suppressions',
      'webhook_events',
    ])
      expect(before.filter((line) => line.startsWith(`${table}:`))).not.toEqual([]);
    expect(await eraseOld()).toBe(1);
    expect(await named()).toEqual([]);
    const rows = await asAdmin(db.adminUrl, (client) =>
      client.query('SELECT FROM chatwoot_conversations UNION ALL SELECT FROM chatwoot_outbox'),
    );
    expect(rows.rowCount).toBe(0);
  });

  it('changes no figure, to the cent', async () => {
    await aKnownPerson();
    await monthsPass(db, tenantId, 13);
    const before = await figures();
    expect(JSON.stringify(before)).toContain('1284500.51');
    expect(JSON.stringify(before)).toContain('1000.33');
    expect(before['costs']).toMatchObject([{ currency: 'USD', amount: '0.061800', messages: 1 }]);
    expect(before['channels']).not.toEqual([]);
    await eraseOld();
    expect(await figures()).toEqual(before);
  });

  it('touches nobody else, here or in another space, though they share every word', async () => {
    const other = await aTenant(db);
    await anAccount(db, other);
    await aCampaign(db, other);
    await aKnownPerson();
    await monthsPass(db, tenantId, 13);
    await aKnownPerson(other);
    await monthsPass(db, other, 13);
    const neighbour = await aLead(db, tenantId, { name: 'Vecina', phone: '+5491155550778', email: null });
    await aMessage(db, tenantId, neighbour, { body: 'Soy otra' });
    const theirs = await dump(other);
    await eraseOld();
    expect(await dump(other)).toBe(theirs);
    expect(await tablesNaming(db, 'Soy otra')).toEqual(['chat_messages']);
    expect(await tablesNaming(db, '5491155550778')).toEqual(['leads']);
  });

  it('done twice does nothing again', async () => {
    await aKnownPerson();
    await monthsPass(db, tenantId, 13);
    await eraseOld();
    const once = await dump(tenantId);
    expect(await stores.leadRetention.eraseSome(tenantId)).toBe(0);
    expect(await dump(tenantId)).toBe(once);
  });

  it('keeps the number of who asked for silence where it must not be written to, and nowhere else', async () => {
    await aKnownPerson();
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(
        sql.unsafe`INSERT INTO suppressions (tenant_id, phone, source) VALUES (${tenantId}, ${PHONE}, 'ycloud_list')`,
      ),
    );
    await monthsPass(db, tenantId, 13);
    await eraseOld();
    expect(await named()).toEqual([`suppressions: ${traces[0]}`]);
  });

  it('lets nothing of theirs wait for somebody any more', async () => {
    await aKnownPerson();
    await aLead(db, tenantId, { phone: '+5491155550779', email: null, status: 'new' });
    await monthsPass(db, tenantId, 13);
    expect(await stores.unconfirmedMessages.open(tenantId)).toHaveLength(1);
    await eraseOld();
    expect(await stores.unconfirmedMessages.open(tenantId)).toEqual([]);
    const unanswered = await db.database.inTenant(tenantId, (tx) =>
      tx.oneFirst(
        sql.type(
          z.object({ n: z.number() }),
        )`SELECT count(*) AS n FROM leads WHERE status = 'new' AND merged_into IS NULL AND erased_at IS NULL`,
      ),
    );
    expect(unanswered).toBe(0);
  });

  it('takes who comes again later for a new person', async () => {
    const { leadId } = await aKnownPerson();
    await monthsPass(db, tenantId, 13);
    await eraseOld();
    const again = await aLead(db, tenantId, { name: 'Lucía Fernández', phone: PHONE });
    expect((await stores.leadDossiers.byLead(tenantId, again)).others).toEqual([]);
    const { lead } = await stores.leadPages.byId(tenantId, leadId);
    expect(lead).toMatchObject({ full_name: null, phone: null, email: null, answers: [] });
  });
});

/** Every row that a space has, as one text. */
const dump = (tenant: number) =>
  asAdmin(db.adminUrl, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'tenant_id' AND table_name !~ '_(default|[0-9]{4}_[0-9]{2})$' ORDER BY 1",
    );
    const lines: string[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ t: string }>(
        `SELECT t::text FROM ${name} t WHERE tenant_id = $1 ORDER BY 1`,
        [tenant],
      );
      lines.push(...rows.map(({ t }) => `${name} ${t}`));
    }
    return lines.join('\n');
  });

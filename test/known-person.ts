import type { Stores } from '../adapters/postgres/stores.ts';
import { createCache } from '../adapters/redis/cache.ts';
import { asAdmin } from '../dev/stack/roles.ts';
import { system } from '../domain/actor.ts';
import { createStatsService } from '../web/stats.ts';
import { aLead, aMessage, aTouch } from './crm.ts';
import { type TestDatabase, tablesNaming } from './database.ts';

interface World {
  db: TestDatabase;
  stores: Stores;
}

const somebody = system('test');
/** Of the lead and of the submission that went into it: each of these must be gone. */
export const traces = [
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
export const PHONE = '+5491155550777';
/** Somebody with a row in every table that knows people, all of it long ago. Gives the lead and the submission that went into it. */
async function aKnownPerson({ db, stores }: World, tenant: number): Promise<{ leadId: string; mergedId: string }> {
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
  await theRest(db, tenant, leadId);
  return { leadId, mergedId };
}

/** What no test helper makes. */
const theRest = (db: TestDatabase, tenant: number, leadId: string) =>
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
async function figures({ stores }: World, tenantId: number) {
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

const named = async ({ db }: World) => {
  const found: string[] = [];
  for (const trace of traces) for (const table of await tablesNaming(db, trace)) found.push(`${table}: ${trace}`);
  return found;
};

/** Every row that a space has, as one text. */
const dump = ({ db }: World, tenant: number) =>
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

export type KnownPeople = ReturnType<typeof knownPeople>;

/** Somebody whom every table knows, and what a tenant's tables and screens say of it all. */
export function knownPeople(db: TestDatabase, stores: Stores) {
  const world = { db, stores };
  return {
    aKnownPerson: (tenantId: number) => aKnownPerson(world, tenantId),
    /** Table and trace of every row that still names the person. */
    named: () => named(world),
    figures: (tenantId: number) => figures(world, tenantId),
    dump: (tenantId: number) => dump(world, tenantId),
  };
}

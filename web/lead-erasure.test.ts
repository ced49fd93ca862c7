import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { asAdmin } from '../dev/stack/roles.ts';
import { system } from '../domain/actor.ts';
import { aCampaign, aDay, aLead, aMessage, anAccount } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { type KnownPeople, knownPeople, PHONE, traces } from '../test/known-person.ts';
import { aPerson, type Person } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

let db: TestDatabase;
let app: WholeApp;
let people: KnownPeople;
let tenantId: number;
let person: Person;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
  people = knownPeople(db, app.stores);
});
beforeEach(async () => {
  await asAdmin(db.adminUrl, (client) => client.query('TRUNCATE tenants CASCADE'));
  await asAdmin(db.adminUrl, (client) => client.query('TRUNCATE webhook_events'));
  tenantId = await aTenant(db);
  await anAccount(db, tenantId);
  await aCampaign(db, tenantId);
  await aDay(db, tenantId, new Date().toISOString().slice(0, 10), { spend: '1000.33' });
  person = await aPerson(app, db, tenantId);
  app.woken.length = 0;
});

const erase = (leadId: string, who = person) => who.post(`/crm/leads/${leadId}/erasure`, { confirmed: 'yes' });
const html = async (path: string, who = person) => (await who.get(path)).text();
const lines = (query: ReturnType<typeof sql.unsafe>) =>
  db.database.inTenant(tenantId, (tx) => tx.anyFirst(sql.type(z.object({ line: z.string() }))`${query}`));
const audit = () =>
  lines(
    sql.unsafe`SELECT name || ' ' || actor_type || ' ' || object_id || ' ' || details::text AS line FROM system_events WHERE name LIKE 'lead%.erased' ORDER BY id`,
  );
/** An automation that runs, with its message that did not leave yet. */
async function aRun(leadId: string, state = 'active'): Promise<void> {
  await db.database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`
      WITH rule AS (INSERT INTO automation_rules (tenant_id, name, trigger_type, trigger_conditions, action_type, action_config)
        VALUES (${tenantId}, 'Seguimiento', 'new_lead', '{}', 'send_template', '{}') RETURNING id)
      INSERT INTO automation_runs (tenant_id, rule_id, rule_version, lead_id, occurrence, workflow_id, state)
      SELECT ${tenantId}, id, 1, ${leadId}, ${state}, ${`automation:${state}`}, ${state} FROM rule`),
  );
}

describe('Erasing a person who asked for it', () => {
  it('leaves nothing of them in any table, whatever was heard today, and changes no figure', async () => {
    const { leadId, mergedId } = await people.aKnownPerson(tenantId);
    const before = await people.figures(tenantId);
    expect(JSON.stringify(before)).toContain('1284500.51');
    expect((await people.named()).length).toBeGreaterThan(10);
    const reply = await erase(leadId);
    expect([reply.status, reply.headers.get('location')]).toEqual([303, '/crm/leads']);
    expect(await people.named()).toEqual([]);
    expect(await people.figures(tenantId)).toEqual(before);
    expect(await audit()).toEqual([`lead.erased user ${leadId} {"runs": 0, "leads": 2}`]);
    expect(textOf(await html('/crm/leads'))).toContain('Person erased');
    expect(textOf(await html(`/crm/leads/${leadId}`))).toContain('This person was erased on');
    expect(textOf(await html('/crm/audit?topic=leads'))).toContain('Erased a person who asked for it');
    expect(await html(`/crm/leads/${leadId}?erase`)).not.toContain('<dialog');
    const once = await people.dump(tenantId);
    for (const again of [leadId, mergedId]) expect((await erase(again)).status).toBe(303);
    expect(await audit()).toHaveLength(1);
    expect(await people.dump(tenantId)).toBe(once);
  });

  it('takes the whole person also by a lead that went into another', async () => {
    const { leadId, mergedId } = await people.aKnownPerson(tenantId);
    await erase(mergedId);
    expect(await people.named()).toEqual([]);
    expect(await audit()).toEqual([`lead.erased user ${leadId} {"runs": 0, "leads": 2}`]);
  });

  it('stops what runs first, says why, and wakes it', async () => {
    const leadId = await aLead(db, tenantId, { phone: PHONE });
    await aRun(leadId);
    await aRun(leadId, 'waiting');
    await aMessage(db, tenantId, leadId, { state: 'claimed' });
    expect(textOf(await html(`/crm/leads/${leadId}?erase`))).toContain('2 automations that run are stopped first');
    await erase(leadId);
    expect(app.woken.sort()).toEqual(['automation:active', 'automation:waiting']);
    const ended = sql.unsafe`SELECT state || ' ' || reason AS line FROM automation_runs WHERE tenant_id = ${tenantId}`;
    expect(await lines(ended)).toEqual(['stopped erased', 'stopped erased']);
    expect(
      await lines(
        sql.unsafe`SELECT status || ' ' || reason AS line FROM automation_logs WHERE tenant_id = ${tenantId}`,
      ),
    ).toEqual(['skipped erased', 'skipped erased']);
    expect(await lines(sql.unsafe`SELECT state AS line FROM outbound_messages WHERE tenant_id = ${tenantId}`)).toEqual([
      'cancelled',
    ]);
  });

  it('waits while a message is leaving, whose answer would bring the number back', async () => {
    const leadId = await aLead(db, tenantId);
    await aMessage(db, tenantId, leadId, { state: 'sending' });
    const reply = await erase(leadId);
    expect(reply.status).toBe(422);
    expect(textOf(await reply.text())).toContain('A message to this person is leaving right now');
    expect(await audit()).toEqual([]);
  });

  it('lets who decides about a message in just this moment finish first', async () => {
    const leadId = await aLead(db, tenantId, { phone: PHONE });
    const erasing = await asAdmin(db.adminUrl, async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [tenantId, PHONE]);
      const waits = erase(leadId);
      await vi.waitFor(async () => {
        await client.query('SELECT pg_stat_clear_snapshot()'); // else the list stands still inside a transaction
        const { rowCount } = await client.query(
          "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        );
        expect(rowCount).toBe(1);
      }, 10_000);
      await aMessage(db, tenantId, leadId, { state: 'sending' });
      await client.query('COMMIT');
      return { waits };
    });
    expect((await erasing.waits).status).toBe(422);
    expect(await audit()).toEqual([]);
  });

  it('takes no ids of WhatsApp from a report that comes later', async () => {
    const leadId = await aLead(db, tenantId, { phone: PHONE });
    await aMessage(db, tenantId, leadId, { state: 'accepted' });
    await erase(leadId);
    const [externalId = ''] = await lines(
      sql.unsafe`SELECT external_id AS line FROM outbound_messages WHERE tenant_id = ${tenantId}`,
    );
    const report = {
      ...{ externalId, providerId: 'wamid.HBgNNTQ5', wamid: 'wamid.HBgNNTQ5', state: 'delivered' as const },
      ...{ at: new Date(), errorCode: null, price: null, currency: null },
    };
    await app.stores.conversations.applyStatuses(tenantId, { reports: [{ inboxId: 0, report }] });
    expect(await lines(sql.unsafe`SELECT state AS line FROM outbound_messages WHERE tenant_id = ${tenantId}`)).toEqual([
      'delivered',
    ]);
    const stop = { ...report, state: 'failed' as const, errorCode: '131050' };
    await app.stores.conversations.applyStatuses(tenantId, { reports: [{ inboxId: 0, report: stop }] });
    expect(await lines(sql.unsafe`SELECT phone AS line FROM suppressions WHERE tenant_id = ${tenantId}`)).toEqual([]);
    expect(await people.named()).toEqual([]);
  });

  it('keeps the number of who wants silence on that list alone', async () => {
    const { leadId } = await people.aKnownPerson(tenantId);
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(
        sql.unsafe`INSERT INTO suppressions (tenant_id, phone, source) VALUES (${tenantId}, ${PHONE}, 'ycloud_list')`,
      ),
    );
    await erase(leadId);
    expect(await people.named()).toEqual([`suppressions: ${traces[0]}`]);
  });
});

describe('The question before', () => {
  it('says what goes, what stays and what it does not reach, and erases nobody by being asked', async () => {
    const leadId = await aLead(db, tenantId, { name: 'Ana <b>Ríos</b>' });
    await app.stores.sales.openOpportunity(
      tenantId,
      leadId,
      { name: 'Plan', value: '1', currency: 'ARS' },
      system('test'),
    );
    expect(await html(`/crm/leads/${leadId}`)).toContain(`href="/crm/leads/${leadId}?erase"`);
    const text = textOf(await html(`/crm/leads/${leadId}?erase`));
    for (const words of [
      'Name, phone, e-mail, answers',
      'Results, sales and their amounts',
      'Chatwoot',
      'YCloud',
      'backups',
      '1 opportunity is still open',
    ])
      expect([words, text.includes(words)]).toEqual([words, true]);
    expect(await audit()).toEqual([]);
  });

  it('wants the box ticked', async () => {
    const leadId = await aLead(db, tenantId);
    const reply = await person.post(`/crm/leads/${leadId}/erasure`);
    expect(reply.status).toBe(422);
    expect(textOf(await reply.text())).toContain('Tick the box to erase');
    expect(await audit()).toEqual([]);
  });

  it('is nobody else’s to answer, nor another site’s', async () => {
    const leadId = await aLead(db, tenantId);
    const before = await people.dump(tenantId);
    const stranger = await aPerson(app, db, await aTenant(db));
    expect((await erase(leadId, stranger)).status).toBe(404);
    expect((await stranger.get(`/crm/leads/${leadId}?erase`)).status).toBe(404);
    const body = new URLSearchParams({ confirmed: 'yes' });
    expect((await person.send(`/crm/leads/${leadId}/erasure`, { method: 'POST', body })).status).toBe(403);
    const visitor = await fetch(`${app.url}/crm/leads/${leadId}/erasure`, { method: 'POST', body, redirect: 'manual' });
    expect(visitor.status).not.toBe(200);
    expect(await people.dump(tenantId)).toBe(before);
  });

  it('touches nobody of another space who shares every word', async () => {
    const other = await aTenant(db);
    await anAccount(db, other);
    await aCampaign(db, other);
    await people.aKnownPerson(other);
    const { leadId } = await people.aKnownPerson(tenantId);
    const theirs = await people.dump(other);
    await erase(leadId);
    expect(await people.dump(other)).toBe(theirs);
  });
});

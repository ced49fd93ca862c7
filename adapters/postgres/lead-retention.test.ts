import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { asAdmin } from '../../dev/stack/roles.ts';
import { system } from '../../domain/actor.ts';
import { aCampaign, aLead, aMessage, anAccount, aTouch } from '../../test/crm.ts';
import { aTenant, monthsPass, type TestDatabase, testDatabase } from '../../test/database.ts';
import { createLeadRetention, type LeadRetention } from './lead-retention.ts';

const somebody = system('test');
let db: TestDatabase;
let retention: LeadRetention;
let tenantId: number;

beforeAll(async () => {
  db = await testDatabase();
  retention = createLeadRetention(db.database);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  await anAccount(db, tenantId);
  await aCampaign(db, tenantId);
});

let people = 0;
/** Somebody whom nobody shares a phone with. */
const aPerson = (given: Parameters<typeof aLead>[2] = {}) => {
  const n = String(++people).padStart(4, '0');
  return aLead(db, tenantId, { name: `Persona ${n}`, phone: `+549115555${n}`, email: `p${n}@example.com`, ...given });
};
const erased = (tenant = tenantId) =>
  db.database.inTenant(tenant, (tx) =>
    tx.anyFirst(sql.type(z.object({ id: z.string() }))`
      SELECT id FROM leads WHERE erased_at IS NOT NULL AND (full_name, phone, email) IS NOT DISTINCT FROM (NULL::text, NULL::text, NULL::text) ORDER BY created_at, id`),
  );
const changes = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.anyFirst(sql.type(z.object({ line: z.string() }))`
      SELECT name || ' ' || actor_type || ' ' || details::text AS line FROM system_events WHERE tenant_id = ${tenantId} ORDER BY id`),
  );
/** Runs until nobody is left; gives how many each turn erased. */
async function eraseAll(atOnce?: number): Promise<number[]> {
  const turns: number[] = [];
  for (let count = 1; count > 0; ) {
    count = await retention.eraseSome(tenantId, atOnce);
    if (count > 0) turns.push(count);
  }
  return turns;
}
const run = (statement: ReturnType<typeof sql.unsafe>) => db.database.inTenant(tenantId, (tx) => tx.query(statement));

describe('Keeping leads', () => {
  it('lasts for ever unless the tenant says otherwise', async () => {
    await aPerson();
    await monthsPass(db, tenantId, 200);
    expect(await retention.months(tenantId)).toBeNull();
    expect(await retention.eraseSome(tenantId)).toBe(0);
    expect(await retention.due(tenantId, 12)).toBe(1);
  });

  it('ends after the months the tenant chose, of nobody else’s people', async () => {
    const stranger = await aTenant(db);
    await aLead(db, stranger);
    await monthsPass(db, stranger, 30);
    const old = await aPerson();
    await monthsPass(db, tenantId, 13);
    const fresh = await aPerson();
    await monthsPass(db, tenantId, 11);
    await retention.setMonths(tenantId, 25, somebody);
    expect(await retention.due(tenantId, 25)).toBe(0);
    await retention.setMonths(tenantId, 12, somebody);
    expect([await retention.due(tenantId, 12), await retention.due(tenantId, 6)]).toEqual([1, 2]);
    expect(await eraseAll()).toEqual([1]);
    expect(await erased()).toEqual([old]);
    expect(await eraseAll()).toEqual([]);
    expect(await retention.due(tenantId, 12)).toBe(0);
    expect(await erased(stranger)).toEqual([]);
    await retention.setMonths(tenantId, 6, somebody);
    expect(await eraseAll()).toEqual([1]);
    expect(await erased()).toContain(fresh);
  });

  it('is counted in the audit trail, without a person', async () => {
    for (let i = 0; i < 5; i++) await aPerson();
    await monthsPass(db, tenantId, 13);
    await retention.setMonths(tenantId, 12, somebody);
    await retention.setMonths(tenantId, 12, somebody);
    expect(await eraseAll(2)).toEqual([2, 2, 1]);
    expect(await changes()).toEqual([
      'tenant.retention_changed system {"months": 12}',
      'leads.erased system {"count": 2, "months": 12}',
      'leads.erased system {"count": 2, "months": 12}',
      'leads.erased system {"count": 1, "months": 12}',
    ]);
  });

  const signs: [string, (leadId: string) => Promise<unknown>][] = [
    ['came again', (id) => aTouch(db, tenantId, id)],
    ['wrote', (id) => aMessage(db, tenantId, id)],
    ['was written to', (id) => aMessage(db, tenantId, id, { state: 'delivered' })],
    [
      'had an opportunity that was lost since',
      (id) =>
        run(sql.unsafe`
        INSERT INTO opportunities (tenant_id, lead_id, name, value, currency, stage) VALUES (${tenantId}, ${id}, 'Plan', 1, 'ARS', 'lost')`),
    ],
    [
      'bought',
      (id) =>
        run(
          sql.unsafe`INSERT INTO sales_transactions (tenant_id, lead_id, amount, currency) VALUES (${tenantId}, ${id}, 1, 'ARS')`,
        ),
    ],
    [
      'was moved by a person',
      (id) => run(sql.unsafe`UPDATE leads SET status = 'contacted', updated_at = now() WHERE id = ${id}`),
    ],
    [
      'asked for silence',
      (id) =>
        run(
          sql.unsafe`INSERT INTO suppressions (tenant_id, phone, source) SELECT tenant_id, phone, 'stop_word' FROM leads WHERE id = ${id}`,
        ),
    ],
    [
      'is somebody of whom another submission is new',
      async (id) =>
        run(sql.unsafe`UPDATE leads SET merged_into = ${id} WHERE id = ${await aPerson({ phone: null, email: null })}`),
    ],
    [
      'shares a phone with somebody who is new',
      (id) =>
        run(
          sql.unsafe`INSERT INTO leads (tenant_id, full_name, phone) SELECT tenant_id, 'Hermana', phone FROM leads WHERE id = ${id}`,
        ),
    ],
    [
      'shares an address with somebody who is new',
      (id) =>
        run(
          sql.unsafe`INSERT INTO leads (tenant_id, full_name, email) SELECT tenant_id, 'Hermana', email FROM leads WHERE id = ${id}`,
        ),
    ],
  ];
  it.each(signs)('goes on for who %s', async (_, live) => {
    const alive = await aPerson();
    const silent = await aPerson();
    await monthsPass(db, tenantId, 13);
    await live(alive);
    await retention.setMonths(tenantId, 12, somebody);
    await eraseAll();
    expect(await erased()).toEqual([silent]);
  });

  const ahead: [string, (leadId: string) => Promise<unknown>][] = [
    [
      'an open opportunity',
      (id) =>
        run(
          sql.unsafe`INSERT INTO opportunities (tenant_id, lead_id, name, value, currency) VALUES (${tenantId}, ${id}, 'Plan', 1, 'ARS')`,
        ),
    ],
    [
      'a date that lies ahead',
      (id) =>
        run(sql.unsafe`
        INSERT INTO opportunities (tenant_id, lead_id, name, value, currency, stage, expected_at)
        VALUES (${tenantId}, ${id}, 'Plan', 1, 'ARS', 'won', now() + interval '40 months')`),
    ],
    ['an automation that runs', (id) => aRun(id, 'active')],
    ['an automation that waits', (id) => aRun(id, 'waiting')],
    ['a message on its way', (id) => aMessage(db, tenantId, id, { state: 'claimed' })],
  ];
  const aRun = (leadId: string, state: string) =>
    run(sql.unsafe`
      WITH rule AS (INSERT INTO automation_rules (tenant_id, name, trigger_type, trigger_conditions, action_type, action_config)
        VALUES (${tenantId}, 'Bienvenida', 'new_lead', '{}', 'send_template', '{}') RETURNING id)
      INSERT INTO automation_runs (tenant_id, rule_id, rule_version, lead_id, occurrence, workflow_id, state)
      SELECT ${tenantId}, id, 1, ${leadId}, ${leadId}, 'w', ${state} FROM rule`);
  it.each(ahead)('never ends with %s', async (_, give) => {
    await give(await aPerson());
    const silent = await aPerson();
    await monthsPass(db, tenantId, 36);
    await retention.setMonths(tenantId, 12, somebody);
    await eraseAll();
    expect(await erased()).toEqual([silent]);
  });

  it('looks again at who writes in just this moment', async () => {
    const leadId = await aPerson();
    await monthsPass(db, tenantId, 13);
    await retention.setMonths(tenantId, 12, somebody);
    const erasing = await asAdmin(db.adminUrl, async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT FROM leads WHERE id = $1 FOR UPDATE', [leadId]);
      const waits = retention.eraseSome(tenantId);
      await vi.waitFor(async () => {
        await client.query('SELECT pg_stat_clear_snapshot()'); // else the list stands still inside a transaction
        const { rowCount } = await client.query(
          "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        );
        expect(rowCount).toBe(1);
      }, 10_000);
      await client.query(
        "INSERT INTO chat_messages (tenant_id, lead_id, direction, author, body, provider_message_id) VALUES ($1, $2, 'in', 'contact', 'Hola', 'w-1')",
        [tenantId, leadId],
      );
      await client.query('COMMIT');
      return { waits };
    });
    expect(await erasing.waits).toBe(0);
    expect(await erased()).toEqual([]);
  });
});

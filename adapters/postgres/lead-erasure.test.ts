import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { asAdmin } from '../../dev/stack/roles.ts';
import { system } from '../../domain/actor.ts';
import { aCampaign, aDay, aLead, aMessage, anAccount } from '../../test/crm.ts';
import { aTenant, monthsPass, type TestDatabase, tablesNaming, testDatabase } from '../../test/database.ts';
import { type KnownPeople, knownPeople, PHONE, traces } from '../../test/known-person.ts';
import { createVault } from '../crypto/fernet.ts';
import { createStores, type Stores } from './stores.ts';

const somebody = system('test');
let db: TestDatabase;
let stores: Stores;
let people: KnownPeople;
let tenantId: number;

beforeAll(async () => {
  db = await testDatabase();
  const vault = createVault(['cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=']);
  stores = createStores(db.database, vault, {
    ycloudApiKey: undefined,
    ycloudWebhookSecret: undefined,
    onFallback: () => {},
  });
  people = knownPeople(db, stores);
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

const aKnownPerson = (tenant = tenantId) => people.aKnownPerson(tenant);
const named = () => people.named();
const figures = () => people.figures(tenantId);
const dump = (tenant: number) => people.dump(tenant);
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

import fc from 'fast-check';
import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import { aCapturedLead } from '../../test/captured-lead.ts';
import { aMessage } from '../../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { createConversations } from './conversations.ts';
import { createLeadMerges } from './lead-merges.ts';
import { createLeadPages } from './lead-pages.ts';
import { createLeads } from './leads.ts';
import { createSales } from './sales.ts';
import { createSystemEvents } from './system-events.ts';

let db: TestDatabase;
let stores: ReturnType<typeof storesOf>;
let tenantId: number;

const storesOf = ({ database }: TestDatabase) => ({
  leads: createLeads(database),
  merges: createLeadMerges(database),
  pages: createLeadPages(database),
  sales: createSales(database),
  events: createSystemEvents(database),
  conversations: createConversations(database),
});
const ana = { phone: '+5491155550101', email: 'ana@example.com' };
const somebody = system('test');

beforeAll(async () => {
  db = await testDatabase();
  stores = storesOf(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
});

const capture = async (given: Parameters<typeof aCapturedLead>[0] = {}) =>
  (await stores.leads.capture(tenantId, aCapturedLead(given))).leadId;
const people = async (q = '') => (await stores.pages.list(tenantId, { q, status: undefined, page: 1 })).rows;
const tableRow = z.object({ row: z.string() });
/** Everything that hangs on a lead, and what is written on it; times aside. */
const everything = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.anyFirst(sql.type(tableRow)`
      SELECT concat_ws(' ', 'lead', id, full_name, phone, email, seller_id, first_reply_at, merged_into, last_touch_at) AS row FROM leads
      UNION ALL SELECT concat_ws(' ', 'touch', id, lead_id) FROM lead_touches
      UNION ALL SELECT concat_ws(' ', 'message', id, lead_id) FROM chat_messages
      UNION ALL SELECT concat_ws(' ', 'opportunity', id, lead_id) FROM opportunities
      UNION ALL SELECT concat_ws(' ', 'sale', id, lead_id) FROM sales_transactions
      UNION ALL SELECT concat_ws(' ', 'consent', id, lead_id) FROM consents
      ORDER BY 1`),
  );
const mergesOf = (leadId: string) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.anyFirst(sql.type(z.object({ id: z.string() }))`
      SELECT id FROM lead_merges WHERE survivor_id = ${leadId} AND undone_at IS NULL ORDER BY merged_at DESC`),
  );

describe('A person who submits again', () => {
  it('is the one who is known, by phone; the new touch is theirs and they stand first in the list', async () => {
    const first = await capture({ ...ana, submittedAt: new Date(Date.now() - 86_400_000), campaignId: '200' });
    await capture({ phone: '+5491155550999' });
    expect(await capture({ phone: ana.phone, email: 'otra@example.com', campaignId: '201' })).toBe(first);
    expect((await people()).map(({ id, is_repeat }) => [id === first, is_repeat])).toEqual([
      [true, true],
      [false, false],
    ]);
    const { touches, lead } = await stores.pages.byId(tenantId, first);
    expect(touches.map(({ meta_campaign_id }) => meta_campaign_id)).toEqual(['200', '201']);
    expect(lead).toMatchObject({ email: ana.email, full_name: 'Lucía Fernández' });
  });

  it('is known by e-mail where the phones do not contradict, and fills what was not known', async () => {
    const first = await capture({ phone: null, email: ana.email, fullName: null });
    expect(await capture(ana)).toBe(first);
    expect((await stores.pages.byId(tenantId, first)).lead).toMatchObject({ ...ana, full_name: 'Lucía Fernández' });
    expect(await capture({ phone: '+5491155550202', email: ana.email })).not.toBe(first);
    expect(await people()).toHaveLength(2);
  });

  it('is not mixed up with a test, nor with anybody of another tenant', async () => {
    await capture(ana);
    await capture({ ...ana, isTest: true });
    expect(await people()).toHaveLength(2);
    tenantId = await aTenant(db);
    await capture(ana);
    expect(await people()).toHaveLength(1);
  });

  it('is one person also when many submissions come in at once, and each of them twice', async () => {
    const leads = Array.from({ length: 8 }, () => aCapturedLead(ana));
    // All connections open, so that the captures really meet.
    await Promise.all(leads.map(() => db.database.pool.query(sql.unsafe`SELECT pg_sleep(0.1)`)));
    const ids = await Promise.all([...leads, ...leads].map((lead) => stores.leads.capture(tenantId, lead)));
    expect(ids.filter(({ isNew }) => isNew)).toHaveLength(8);
    expect(await people()).toHaveLength(1);
    const other = leads.at(-1) ?? aCapturedLead();
    const again = await stores.leads.capture(tenantId, other);
    expect(again).toEqual({ leadId: (await people())[0]?.id, isNew: false });
    expect(await stores.leads.maybeByLeadgenId(tenantId, other.leadgenId)).toMatchObject({ leadId: again.leadId });
  });

  it('is found by what they wrote in any of their submissions', async () => {
    const first = await capture(ana);
    await capture({ phone: ana.phone, fullName: 'Anita', email: 'anita@example.com' });
    for (const q of ['anita@', 'Anita', '5555 0101']) expect((await people(q)).map(({ id }) => id)).toEqual([first]);
  });

  it('gives the rules the submission that is new, not the first', async () => {
    const first = await capture(ana);
    const lead = aCapturedLead({ ...ana, formId: '901', campaignId: '201' });
    await stores.leads.capture(tenantId, lead);
    expect(await stores.leads.facts(tenantId, first, lead.leadgenId)).toMatchObject({
      form_id: '901',
      campaign_id: '201',
    });
    expect(await stores.leads.facts(tenantId, first)).toMatchObject({ form_id: '900', campaign_id: '201' });
  });
});

describe('Two leads that a person joins', () => {
  async function twoLives(): Promise<[string, string]> {
    const stays = await capture({ ...ana, email: null });
    const goes = await capture({ phone: '+5491155550202', email: ana.email });
    await aMessage(db, tenantId, goes, { body: 'Hola' });
    await stores.sales.openOpportunity(tenantId, goes, { name: 'Implante', value: '1', currency: 'ARS' }, somebody);
    const soldOn = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    await stores.sales.recordSale(tenantId, goes, { amount: '1', currency: 'ARS', soldOn }, somebody);
    return [stays, goes];
  }

  it('are one: touches, conversation, opportunities and sales follow', async () => {
    const [stays, goes] = await twoLives();
    await stores.merges.join(tenantId, stays, goes, somebody);
    const whole = await stores.pages.byId(tenantId, stays);
    expect([whole.touches, whole.messages, whole.opportunities, whole.sales].map((rows) => rows.length)).toEqual([
      2, 1, 1, 1,
    ]);
    expect(whole.lead.email).toBe(ana.email);
    expect((await people()).map(({ id }) => id)).toEqual([stays]);
    for (const id of [stays, goes])
      expect((await stores.events.changesOf(tenantId, { type: 'lead', id }))[0]).toMatchObject({ name: 'lead.merged' });
  });

  it('are as they were once they are separated again, and what came since stays', async () => {
    const [stays, goes] = await twoLives();
    const before = await everything();
    await stores.merges.join(tenantId, stays, goes, somebody);
    const [mergeId = ''] = await mergesOf(stays);
    expect(await everything()).not.toEqual(before);
    expect(await stores.merges.separate(tenantId, stays, mergeId, somebody)).toBe(goes);
    expect(await everything()).toEqual(before);
    await expect(stores.merges.separate(tenantId, stays, mergeId, somebody)).rejects.toMatchObject({
      code: 'not_found',
    });
    await stores.merges.join(tenantId, stays, goes, somebody);
    await aMessage(db, tenantId, stays, { body: 'Nuevo' });
    await stores.merges.separate(tenantId, stays, (await mergesOf(stays))[0] ?? '', somebody);
    expect((await stores.pages.byId(tenantId, stays)).messages.map(({ body }) => body)).toEqual(['Nuevo']);
  });

  it('of many come apart in any order in which they can, as if they had never met', async () => {
    const step = fc.tuple(fc.nat(3), fc.nat(3), fc.boolean());
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        tenantId = await aTenant(db);
        const leads: string[] = [];
        for (let i = 0; i < 4; i++)
          leads.push(await capture({ phone: `+54911555503${i}0`, email: i % 2 ? null : `p${i}@example.com` }));
        const before = await everything();
        const tolerant = (deed: Promise<unknown>) =>
          deed.catch((error: { code?: string }) => expect(error.code).toMatch(/conflict|not_found/));
        for (const [a, b, isJoin] of steps) {
          const survivor = leads[a] ?? '';
          if (isJoin) await tolerant(stores.merges.join(tenantId, survivor, leads[b] ?? '', somebody));
          else
            for (const id of (await mergesOf(survivor)).slice(0, 1))
              await tolerant(stores.merges.separate(tenantId, survivor, id, somebody));
        }
        for (let round = 0; round < 4; round++)
          for (const lead of leads)
            for (const id of await mergesOf(lead)) await tolerant(stores.merges.separate(tenantId, lead, id, somebody));
        expect(await everything()).toEqual(before);
      }),
      { numRuns: 15 },
    );
  });

  it('must be two, of this tenant, and still be there', async () => {
    const [stays, goes] = await twoLives();
    await expect(stores.merges.join(tenantId, stays, stays, somebody)).rejects.toMatchObject({ code: 'conflict' });
    const stranger = await aTenant(db);
    await expect(stores.merges.join(stranger, stays, goes, somebody)).rejects.toMatchObject({ code: 'not_found' });
    await stores.merges.join(tenantId, stays, goes, somebody);
    await expect(stores.merges.join(tenantId, goes, stays, somebody)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('know by either id, and either phone, whose a sale is', async () => {
    const [stays, goes] = await twoLives();
    await stores.merges.join(tenantId, stays, goes, somebody);
    const soldOn = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    await stores.sales.recordSale(tenantId, goes, { amount: '2', currency: 'ARS', soldOn }, somebody);
    await stores.sales.openOpportunity(tenantId, goes, { name: 'Otra', value: '1', currency: 'ARS' }, somebody);
    const { sales, opportunities, lead } = await stores.pages.byId(tenantId, stays);
    expect([sales.length, opportunities.length, lead.status]).toEqual([2, 2, 'customer']);
  });

  it('stop the runs of the one that goes, and hear what is written from either phone', async () => {
    const [stays, goes] = await twoLives();
    await db.database.inTenant(tenantId, async (tx) => {
      const { id } = await tx.one(sql.type(z.object({ id: z.string() }))`
        INSERT INTO automation_rules (tenant_id, name, trigger_type, trigger_conditions, action_type, action_config)
        VALUES (${tenantId}, 'x', 'new_lead', '{}', 'send_template', '{}') RETURNING id`);
      for (const lead of [stays, goes])
        await tx.query(sql.unsafe`
          INSERT INTO automation_runs (tenant_id, rule_id, rule_version, lead_id, occurrence, workflow_id)
          VALUES (${tenantId}, ${id}, 1, ${lead}, 'x', ${lead})`);
    });
    await stores.merges.join(tenantId, stays, goes, somebody);
    const runs = await db.database.inTenant(tenantId, (tx) =>
      tx.any(sql.type(z.object({ lead_id: z.string(), state: z.string(), reason: z.string().nullable() }))`
        SELECT lead_id, state, reason FROM automation_runs ORDER BY state`),
    );
    expect(runs).toEqual([
      { lead_id: stays, state: 'active', reason: null },
      { lead_id: goes, state: 'stopped', reason: 'merged' },
    ]);
    const message = { providerId: 'm1', phone: '+5491155550202', kind: 'text', body: 'Hola', sentAt: new Date() };
    expect((await stores.conversations.receive(tenantId, 0, message)).runs).toHaveLength(1);
    expect((await stores.pages.byId(tenantId, stays)).messages).toHaveLength(2);
  });
});

import { sql } from 'slonik';
import { system } from '../domain/actor.ts';
import { addDays, dayIn } from '../domain/days.ts';
import { aCampaign, aConnection, aLead, aMessage, anAccount, aPage, aSubmission, aTouch } from './crm.ts';
import { aTenant, type TestDatabase } from './database.ts';
import { anInboxRow } from './inbox-rows.ts';
import type { WholeApp } from './whole-app.ts';

const names = [
  'Lucía Fernández',
  'محمد العربي',
  'Ana',
  null,
  'Maximiliano Hernández de los Santos y Villalba del Campo Grande',
  '👩‍👩‍👧 Sofía',
  'Jorge <b>Peralta</b>',
  `Supercalifragil${'í'.repeat(120)}stico`,
];
const statuses = ['new', 'contacted', 'opportunity', 'customer', 'not_interested'];
const states = ['delivered', 'unconfirmed', 'failed', 'read', undefined, 'sending'];

/** A tenant whose every screen has something to show, awkward names included. Gives one of its leads, with a conversation and a sale. */
export async function aRichTenant(app: WholeApp, db: TestDatabase): Promise<{ tenantId: number; leadId: string }> {
  const tenantId = await aTenant(db, { name: 'Clínica Odontológica Aurora del Sur y Asociados' });
  await aConnection(db, tenantId);
  await anAccount(db, tenantId, { name: 'Aurora Argentina' });
  await anAccount(db, tenantId, { id: '101', name: 'Aurora Miami', currency: 'USD', timeZone: 'America/New_York' });
  const campaigns = ['Implantes', 'Urgencias de fin de semana', 'Ortodoncia invisible para adultos: plan en 18 cuotas'];
  for (const [i, name] of campaigns.entries())
    await aCampaign(db, tenantId, { id: `20${i}`, name, status: i === 1 ? 'PAUSED' : 'ACTIVE' });
  await aCampaign(db, tenantId, { id: '300', accountId: '101', name: 'Miami', currency: 'USD' });
  await sixtyDays(db, tenantId);
  const leads: string[] = [];
  for (let i = 0; i < 30; i++) leads.push(await oneLead(db, tenantId, i));
  const [leadId = ''] = leads;
  const actor = system('test');
  const soldOn = dayIn('America/Argentina/Buenos_Aires', new Date());
  await app.stores.sales.openOpportunity(
    tenantId,
    leadId,
    { name: 'Implante', value: '280000', currency: 'ARS' },
    actor,
  );
  for (const id of leads.slice(0, 6))
    await app.stores.sales.recordSale(tenantId, id, { amount: '1284500.50', currency: 'ARS', soldOn }, actor);
  await someForms(app, db, tenantId);
  await anInboxRow(db, tenantId, { kind: `new_kind_${'x'.repeat(80)}` });
  await anInboxRow(db, tenantId, { state: 'pending', attempts: 3, error: 'a_code_of_tomorrow' });
  return { tenantId, leadId };
}

async function someForms(app: WholeApp, db: TestDatabase, tenantId: number): Promise<void> {
  await aPage(db, tenantId);
  const label = `¿${'Qué '.repeat(40)}tratamiento?`;
  const questions = [
    { key: 'phone_number', label: 'Teléfono', type: 'PHONE', options: [] },
    { key: label, label, type: 'CUSTOM', options: [{ key: 'x', value: 'y'.repeat(300) }] },
  ];
  await app.stores.leadForms.saveCounts(tenantId, '500', [
    { formId: '900', name: 'x'.repeat(200), status: 'ACTIVE', leadsCount: 1, questions },
    { formId: '901', name: '', status: 'ARCHIVED', leadsCount: 0 },
  ]);
  await aSubmission(db, tenantId, '900', [{ name: label, values: ['x'] }]);
}

async function sixtyDays({ database }: TestDatabase, tenantId: number): Promise<void> {
  const today = dayIn('America/Argentina/Buenos_Aires', new Date());
  await database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`
      INSERT INTO meta_ads_insights (tenant_id, meta_campaign_id, meta_account_id, date, currency, spend, impressions, clicks, leads)
      SELECT ${tenantId}, c.meta_campaign_id, c.meta_account_id, d::date, c.currency, 12000 + (ascii(right(c.meta_campaign_id, 1)) * extract(day from d)::int * 37) % 9000 + 0.25, 8000, 140, 3
      FROM meta_ads_campaigns c CROSS JOIN generate_series(${addDays(today, -59)}::date, ${today}::date, interval '1 day') d
      WHERE c.tenant_id = ${tenantId}`),
  );
}

async function oneLead(db: TestDatabase, tenantId: number, i: number): Promise<string> {
  const at = new Date(Date.now() - i * 5 * 60 * 60_000);
  const name = names[i % names.length] ?? null;
  const answers = [
    { name: '¿Qué tratamiento te interesa?', values: ['Implantes', 'Limpieza'] },
    { name: 'comentario', values: [`https://example.com/${'x'.repeat(120)}`] },
  ];
  const leadId = await aLead(db, tenantId, {
    at,
    name,
    answers,
    status: statuses[i % statuses.length] ?? 'new',
    isTest: i === 9,
    phone: i % 7 === 3 ? null : `+54911555${String(10_000 + i)}`,
  });
  await aTouch(db, tenantId, leadId, { at, campaignId: i % 5 === 4 ? null : `20${i % 3}` });
  const state = states[i % states.length];
  if (state !== undefined)
    await aMessage(db, tenantId, leadId, { state, at, body: 'Hola Lucía, gracias por escribirnos.' });
  if (i % 4 === 0)
    await aMessage(db, tenantId, leadId, {
      body: `¿Cuánto sale? ${'muy '.repeat(30)}`,
      at: new Date(at.getTime() + 240_000),
    });
  return leadId;
}

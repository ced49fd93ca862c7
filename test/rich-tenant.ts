import { sql } from 'slonik';
import { system } from '../domain/actor.ts';
import { addDays, dayIn } from '../domain/days.ts';
import { aCampaign, aConnection, aLead, aMessage, anAccount, aPage, aSubmission, aTouch } from './crm.ts';
import { aTenant, type TestDatabase } from './database.ts';
import { anInboxRow } from './inbox-rows.ts';
import { aRun } from './outbound.ts';
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

/** One dot. */
const PICTURE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

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
  await aCopiedCampaign(db, tenantId, '200');
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
  await automations(app, db, tenantId);
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

/** What a sync leaves beside the books: ad sets, ads, their days, a correction, a control total, a run. */
async function aCopiedCampaign({ database }: TestDatabase, tenantId: number, id: string): Promise<void> {
  const today = dayIn('America/Argentina/Buenos_Aires', new Date());
  await database.inTenant(tenantId, async (tx) => {
    await tx.query(sql.unsafe`
      INSERT INTO meta_ads_adsets (tenant_id, adset_id, meta_campaign_id, name, status, currency)
      VALUES (${tenantId}, '2001', ${id}, 'Visitantes web 30 días', 'ACTIVE', 'ARS'), (${tenantId}, '2002', ${id}, ${'Similares '.repeat(8)}, 'PAUSED', 'ARS')`);
    await tx.query(sql.unsafe`
      INSERT INTO meta_ads_creatives (tenant_id, creative_id, name) VALUES (${tenantId}, '71', 'Sonrisa'), (${tenantId}, '72', ${`<b>${'y'.repeat(90)}`})`);
    await tx.query(sql.unsafe`
      INSERT INTO creative_pictures (tenant_id, creative_id, type, picture) VALUES (${tenantId}, '71', 'image/png', decode(${PICTURE}, 'base64'))`);
    await tx.query(sql.unsafe`
      INSERT INTO meta_ads_ads (tenant_id, ad_id, adset_id, meta_campaign_id, name, status, creative_id)
      VALUES (${tenantId}, '20011', '2001', ${id}, 'Alineadores antes y después', 'ACTIVE', '71'), (${tenantId}, '20021', '2002', ${id}, ${'x'.repeat(90)}, 'PAUSED', '72')`);
    await tx.query(sql.unsafe`
      INSERT INTO meta_ads_ad_insights (tenant_id, ad_id, date, adset_id, meta_campaign_id, meta_account_id, currency, spend, impressions, clicks, leads)
      SELECT ${tenantId}, ad_id, ${today}::date - n, adset_id, meta_campaign_id, '100', 'ARS', 4321.10, 900, 30, 2
      FROM meta_ads_ads CROSS JOIN generate_series(0, 20) n WHERE tenant_id = ${tenantId} AND meta_campaign_id = ${id}`);
    await tx.query(sql.unsafe`
      INSERT INTO insight_restatements (tenant_id, meta_campaign_id, day, seen_on, currency, spend_before, spend_after, impressions_before, impressions_after,
        clicks_before, clicks_after, leads_before, leads_after)
      SELECT ${tenantId}, ${id}, ${today}::date - n - 1, ${today}::date, 'ARS', 1284500.50, 1284300.25, 8000, 8012, 140, 141, 3, 2 FROM generate_series(0, 4) n`);
    await tx.query(sql.unsafe`
      INSERT INTO account_control_totals (tenant_id, ad_account_id, since, until, currency, meta_spend, meta_impressions, meta_clicks, meta_leads,
        books_spend, books_impressions, books_clicks, books_leads)
      VALUES (${tenantId}, '100', ${today}::date - 27, ${today}::date - 1, 'ARS', 1284500.50, 9000, 200, 9, 1284000.50, 8900, 199, 9)`);
    await tx.query(sql.unsafe`
      INSERT INTO sync_runs (tenant_id, kind, workflow_run_id, state, error_code, accounts_total, accounts_done, insight_rows, calls, finished_at)
      VALUES (${tenantId}, 'manual', 'a', 'failed', 'rate_limited', 2, 1, 12345, 47, now()), (${tenantId}, 'first', 'b', 'done', NULL, 2, 2, 5400, 31, now())`);
  });
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

/** A message in doubt, one that somebody settled, one that is skipped and one that waits for a paused rule. */
async function automations({ stores }: WholeApp, { database }: TestDatabase, tenantId: number): Promise<void> {
  const claim = ({ runId }: { runId: string }) => stores.outboundMessages.claim(tenantId, runId, new Date());
  for (const finding of [null, 'lost'] as const) {
    const claimed = await claim(await aRun(database, tenantId));
    if (claimed.decision !== 'send') throw new Error(claimed.decision);
    await stores.outboundMessages.markUnconfirmed(tenantId, claimed.message.messageId, 'HTTP 502');
    if (finding !== null)
      await stores.unconfirmedMessages.resolve(tenantId, claimed.message.messageId, finding, system('test'));
  }
  await claim(await aRun(database, tenantId, { phone: null }));
  const paused = await aRun(database, tenantId);
  await stores.rules.pause(tenantId, paused.ruleId, system('test'));
  await claim(paused);
}

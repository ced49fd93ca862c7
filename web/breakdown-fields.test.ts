import { sql } from 'slonik';
import { beforeAll, describe, expect, it } from 'vitest';
import { system } from '../domain/actor.ts';
import { dayIn } from '../domain/days.ts';
import type { FormQuestion } from '../domain/form-mapping.ts';
import { aCampaign, aDay, aLead, anAccount, aPage, aTouch } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

const PATH = '/crm/marketing/breakdown';
const TREATMENT = '¿qué_tratamiento?';
const today = dayIn('America/Argentina/Buenos_Aires', new Date());
let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let person: Person;

const ask = (key: string, label: string, type: string, options: FormQuestion['options'] = []): FormQuestion => ({
  key,
  label,
  type,
  options,
});
const phone = ask('phone_number', 'Teléfono', 'PHONE');
const treatment = ask(TREATMENT, '¿Qué tratamiento?', 'CUSTOM', [
  { key: 'a', value: 'Implantes' },
  { key: 'b', value: 'Limpieza' },
]);

/** Somebody who answered this form so, and bought for these amounts. */
async function answering(
  formId: string | null,
  answers: Record<string, readonly string[]>,
  {
    amounts = [],
    campaignId = '200',
    daysAgo = 0,
  }: { amounts?: readonly string[]; campaignId?: string | null; daysAgo?: number } = {},
): Promise<string> {
  const at = new Date(Date.now() - daysAgo * 86_400_000 - 3_600_000);
  const given = Object.entries(answers).map(([name, values]) => ({ name, values }));
  const leadId = await aLead(db, tenantId, { at, answers: given });
  await db.database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`UPDATE leads SET form_id = ${formId} WHERE id = ${leadId}`),
  );
  if (campaignId !== null) await aTouch(db, tenantId, leadId, { campaignId, at });
  for (const amount of amounts)
    await app.stores.sales.recordSale(tenantId, leadId, { amount, currency: 'ARS', soldOn: today }, system('test'));
  return leadId;
}

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
  await anAccount(db, tenantId);
  await anAccount(db, tenantId, { id: '101', name: 'Miami', currency: 'USD' });
  await aCampaign(db, tenantId);
  await aCampaign(db, tenantId, { id: '300', accountId: '101', currency: 'USD' });
  await aDay(db, tenantId, today, { spend: '1000.00' });
  await aPage(db, tenantId);
  await app.stores.leadForms.saveCounts(tenantId, '500', [
    { formId: '900', name: 'Web', status: 'ACTIVE', leadsCount: 1, questions: [phone, treatment] },
    // The same question with options of its own, and one that only it asks.
    {
      formId: '901',
      name: 'Otra',
      status: 'ACTIVE',
      leadsCount: 1,
      questions: [{ ...treatment, options: [{ key: 'a', value: 'Limpieza' }] }, ask('ciudad', 'Ciudad', 'CITY')],
    },
    { formId: '902', name: 'Tercera', status: 'ACTIVE', leadsCount: 1, questions: [ask('ciudad', 'Ciudad', 'CITY')] },
    { formId: '903', name: 'Vieja', status: 'ARCHIVED', leadsCount: 1, questions: [treatment] },
  ]);
  const lead = await answering('900', { [TREATMENT]: ['a'] }, { amounts: ['600.00', '300.60'] });
  await app.stores.sales.openOpportunity(
    tenantId,
    lead,
    { name: 'Plan', value: '10', currency: 'ARS' },
    system('test'),
  );
  await answering('900', { [TREATMENT]: ['a'] }, { daysAgo: 40 });
  await answering('900', { [TREATMENT]: ['b', 'a'] }, { amounts: ['40.00'] });
  await answering('901', { [TREATMENT]: ['a'], ciudad: ['Rosario '] }, { amounts: ['5.05'], campaignId: '300' });
  await answering('902', { ciudad: ['ROSARIO'] });
  await answering('902', { ciudad: ['Córdoba'], [TREATMENT]: ['a'] });
  await answering(null, {}, { amounts: ['1.00'], campaignId: null });
});

type Line = Record<string, unknown>;
const replyOf = (query: string, who = person) => who.get(`${PATH}?by=field&${query}`, { accept: 'application/json' });
const linesOf = async (query: string): Promise<Line[]> =>
  ((await (await replyOf(query)).json()) as { lines: Line[] }).lines;
const some = (lines: readonly Line[], ...names: string[]) => lines.map((line) => names.map((name) => line[name]));
const named = (key: string) => `field=${encodeURIComponent(key)}`;

describe('The results by what people answered', () => {
  it('say each answer in the words of its form, each person once, with all they bought and no cost', async () => {
    const lines = await linesOf(named(TREATMENT));
    expect(
      some(
        lines,
        'name',
        'leads',
        'opportunities',
        'sales',
        'revenue',
        'lead_to_sale_percentage',
        'spend',
        'cost_per_lead',
      ),
    ).toEqual([
      // 902 does not ask this: what it has under the same key is not an answer to it.
      [null, 3, 0, 1, '1.00', '33.33', null, null],
      ['Implantes', 1, 1, 2, '900.60', '200.00', null, null],
      ['Implantes, Limpieza', 1, 0, 1, '40.00', '100.00', null, null],
      ['Limpieza', 1, 0, 1, '5.05', '100.00', null, null],
    ]);
    expect(lines[1]?.['previous']).toMatchObject({ leads: 1, sales: 0, revenue: '0.00', spend: null });
  });

  it('take the same word for one, however it is written', async () => {
    expect(some(await linesOf(named('ciudad')), 'id', 'leads')).toEqual([
      ['', 3],
      ['rosario', 2],
      ['córdoba', 1],
    ]);
  });

  it('are those of one account, of whom it brought', async () => {
    expect(some(await linesOf(`${named(TREATMENT)}&account=101&currency=all`), 'name', 'leads', 'revenue')).toEqual([
      ['Limpieza', 1, '5.05'],
    ]);
    const path = (account: string) => `${named(TREATMENT)}&currency=all&account=${account}`;
    const parts = [...(await linesOf(path('100'))), ...(await linesOf(path('101')))];
    const whole = await linesOf(path(''));
    const leads = (lines: readonly Line[]) => lines.reduce((sum, line) => sum + Number(line['leads']), 0);
    expect(leads(parts) + 1).toBe(leads(whole)); // one came without an ad
  });

  it('offer the questions that forms ask, the commonest first, and none that says who somebody is', async () => {
    const html = await (await person.get(`${PATH}?by=field`)).text();
    const options = /<select id="f-field"[\s\S]*?<\/select>/.exec(html)?.[0] ?? '';
    expect(
      [...options.matchAll(/<option value="([^"]*)"( selected)?>([^<]*)</g)].map(([, key, on, label]) => [
        key,
        on !== undefined,
        label,
      ]),
    ).toEqual([
      [TREATMENT, true, '¿Qué tratamiento?'],
      ['ciudad', false, 'Ciudad'],
    ]);
    const text = textOf(html);
    expect(text).toContain('Results by “¿Qué tratamiento?”');
    expect(text).toContain('Without an answer 3');
    expect(text).toContain('Meta charges by ad, not by channel, form or answer');
    expect(text).not.toContain('Cost per lead');
    for (const key of ['phone_number', 'nothing']) expect((await replyOf(named(key))).status).toBe(404);
  });

  it('go with what a person decides that a question means', async () => {
    await app.stores.formMappings.save(tenantId, '901', new Map([['ciudad', 'full_name']]), system('test'));
    expect(some(await linesOf(`${named('ciudad')}&days=31`), 'id', 'leads')).toEqual([
      ['', 4],
      ['córdoba', 1],
      ['rosario', 1],
    ]);
    await app.stores.formMappings.save(tenantId, '902', new Map([['ciudad', 'full_name']]), system('test'));
    expect((await replyOf(`${named('ciudad')}&days=31`)).status).toBe(404);
  });

  it('are a file, and not there for a tenant without forms', async () => {
    const csv = await (await person.get(`${PATH}.csv?by=field&${named(TREATMENT)}&sort=name`)).text();
    expect(csv).toContain('\r\nimplantes,Implantes,,,,,,1,,,1,2,900.60,,,ARS,');
    const stranger = await aPerson(app, db, await aTenant(db));
    expect(await (await stranger.get(PATH)).text()).not.toContain('by=field');
    expect((await replyOf(named(TREATMENT), stranger)).status).toBe(404);
  });
});

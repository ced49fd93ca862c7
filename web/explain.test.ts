import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { system } from '../domain/actor.ts';
import { addDays, dayIn } from '../domain/days.ts';
import { EXPLAINED } from '../domain/explain.ts';
import { aCampaign, aDay, aLead, anAccount, aTouch } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

const BUENOS_AIRES = 'America/Argentina/Buenos_Aires';
let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let person: Person;
let today: string;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
  today = dayIn(BUENOS_AIRES, new Date());
});

const explain = async (query: string, who = person) => {
  const reply = await who.get(`/crm/marketing/explain?${query}`);
  return { status: reply.status, html: await reply.text() };
};
const rowsIn = (html: string, id: string): string[] => {
  const section = new RegExp(`<section class="panel" id="${id}"[\\s\\S]*?</section>`).exec(html)?.[0] ?? '';
  return [...section.matchAll(/<tr data-[\s\S]*?<\/tr>/g)].map(([row]) => textOf(row));
};
const formulaOf = (html: string) => textOf(/<p class="formula"[\s\S]*?<\/p>/.exec(html)?.[0] ?? '');
const sell = (leadId: string, amount: string, given: { currency?: string; soldOn?: string } = {}) =>
  app.stores.sales.recordSale(tenantId, leadId, { amount, currency: 'ARS', soldOn: today, ...given }, system('test'));
const ago = (days: number) => new Date(Date.now() - days * 86_400_000);

/** Two campaigns, three days of spend, three people of whom two bought. */
async function aMonth(): Promise<Record<'lucia' | 'hernan' | 'julieta', string>> {
  await anAccount(db, tenantId);
  await aCampaign(db, tenantId);
  await aCampaign(db, tenantId, { id: '201', name: 'Urgencias' });
  await aDay(db, tenantId, today, { spend: '400.10', leads: 2 });
  await aDay(db, tenantId, addDays(today, -1), { spend: '599.90', leads: 1 });
  await aDay(db, tenantId, addDays(today, -1), { campaignId: '201', spend: '500.00' });
  const people = {
    lucia: await aLead(db, tenantId, { name: 'Lucía Fernández', at: ago(3) }),
    hernan: await aLead(db, tenantId, { name: 'Hernán Castro', at: ago(2) }),
    julieta: await aLead(db, tenantId, { name: 'Julieta Marín', at: ago(1) }),
  };
  await aTouch(db, tenantId, people.lucia, { at: ago(3) });
  await aTouch(db, tenantId, people.lucia, { campaignId: '201', at: ago(2) });
  await aTouch(db, tenantId, people.hernan, { at: ago(2) });
  await aTouch(db, tenantId, people.julieta, { campaignId: '201', at: ago(1) });
  await sell(people.lucia, '1000.01');
  await sell(people.hernan, '2500');
  return people;
}

describe('Every figure of the screen', () => {
  it.each(EXPLAINED)('%s is linked from it or has an explanation that shows the same number', async (figure) => {
    await aMonth();
    const hub = await (await person.get('/crm/marketing?days=30')).text();
    const link = new RegExp(
      `<a( class="value")? href="(/crm/marketing/explain\\?figure=${figure}&amp;[^"]*)">([^<]*)<`,
    ).exec(hub);
    const onHub = !['impressions', 'clicks', 'metaLeads'].includes(figure); // those stand on a campaign's page, or in its table
    expect(link !== null).toBe(onHub);
    const query = link?.[2]?.replaceAll('&amp;', '&').split('?')[1] ?? `figure=${figure}&days=30`;
    const { status, html } = await explain(query);
    expect(status).toBe(200);
    const result = textOf(/<span class="tone" data-result>[\s\S]*?<\/span>/.exec(html)?.[0] ?? '');
    const shown = textOf(link?.[3] ?? '');
    // The hub's cards leave out the cents of thousands.
    if (onHub) expect(result.replace(/\.\d\d$/, '')).toContain(shown.replace(/\.\d\d$/, ''));
  });
});

describe('An explanation', () => {
  it('of the ROI puts the values in, and lists the sales and days they are made of', async () => {
    await aMonth();
    const { html } = await explain('figure=roi&days=30');
    // 3,500.01 − 1,500.00 = 2,000.01
    expect(formulaOf(html)).toBe(
      'Revenue $3,500.01 − Spend $1,500.00 = Gain $2,000.01 ÷ Spend $1,500.00 = ROI 133.3 %',
    );
    const sales = rowsIn(html, 'sales');
    expect(sales).toHaveLength(2);
    expect(sales.find((row) => row.startsWith('Lucía'))).toMatch(/Urgencias \$1,000\.01/);
    expect(rowsIn(html, 'days')).toHaveLength(30);
    expect(textOf(html)).toContain('for every $1 spent, $2.33 came back');
  });

  it('of one campaign holds that campaign’s rows only', async () => {
    await aMonth();
    const { html } = await explain('figure=revenue&days=30&campaign=200');
    expect(formulaOf(html)).toBe('Revenue $2,500.00');
    expect(rowsIn(html, 'sales')).toHaveLength(1);
    expect(textOf(html)).toContain('Implantes');
    expect((await explain('figure=revenue&campaign=999')).status).toBe(404);
  });

  it('follows the model: linear shares are shown as parts of the whole, and add up to the cent', async () => {
    await aMonth();
    const { html } = await explain('figure=revenue&days=30&model=linear');
    const sales = rowsIn(html, 'sales');
    expect(sales).toHaveLength(3);
    expect(sales.filter((row) => row.includes('of $1,000.01'))).toHaveLength(2);
    expect(sales.join()).toMatch(/\$500\.01[\s\S]*\$500\.00|\$500\.00[\s\S]*\$500\.01/);
    expect(formulaOf(html)).toBe('Revenue $3,500.01');
    expect(textOf(html)).toContain('Equal shares to every campaign in the 90 days before the sale');
  });

  it('of leads names each once, with the campaign and a link', async () => {
    const { hernan } = await aMonth();
    await aTouch(db, tenantId, hernan, { at: ago(1) }); // the same form again
    const { html } = await explain('figure=leads&days=30&campaign=200');
    expect(formulaOf(html)).toBe('Leads 2');
    expect(rowsIn(html, 'leads')).toHaveLength(2);
    expect(html).toContain(`href="/crm/leads/${hernan}"`);
  });

  it('says what was left out: sales without a campaign, and those without a rate', async () => {
    const { hernan } = await aMonth();
    await sell(await aLead(db, tenantId, { name: 'Laura Giménez' }), '120000');
    await sell(hernan, '350', { currency: 'USD' });
    const { html } = await explain('figure=roi&days=30');
    const text = textOf(html);
    expect(text).toContain('Without a campaign: 1');
    expect(text).toContain('In a currency without a rate: 1');
    expect(text).toMatch(/It cannot be calculated: no rate for USD on /);
    expect(formulaOf(html)).toContain('Revenue — − Spend $1,500.00');
  });

  it('marks a refund, and the revenue is less by it', async () => {
    const { hernan } = await aMonth();
    await sell(hernan, '-500');
    const { html } = await explain('figure=revenue&days=30');
    expect(formulaOf(html)).toBe('Revenue $3,000.01');
    expect(rowsIn(html, 'sales').filter((row) => row.includes('Refund'))).toHaveLength(1);
  });

  it('says when each account was read, and which days may still change', async () => {
    await aMonth();
    const text = textOf((await explain('figure=spend&days=30')).html);
    expect(text).toMatch(/Aurora: Meta read /);
    expect(text).toContain('Meta corrects figures for 28 days');
    expect(text).toContain(`on the clock of ${BUENOS_AIRES}`);
  });

  it('gives every row as CSV, safe to open in a spreadsheet', async () => {
    await aMonth();
    const reply = await person.get('/crm/marketing/explain.csv?figure=roi&days=30');
    expect(reply.headers.get('content-type')).toContain('text/csv');
    const lines = (await reply.text()).trim().split('\r\n');
    expect(lines[0]).toBe('kind,day,id,campaign_id,amount,currency,counted,counted_currency');
    expect(lines.filter((line) => line.startsWith('spend,'))).toHaveLength(30);
    const sums = lines.slice(1).map((line) => line.split(','));
    const sum = (kind: string) => sums.filter(([name]) => name === kind).reduce((all, row) => all + Number(row[6]), 0);
    expect([sum('spend'), sum('sale')]).toEqual([1500, 3500.01]);
  });

  it('knows no other figure, is in Spanish too, and belongs to its tenant', async () => {
    await aMonth();
    expect((await explain('figure=luck')).status).toBe(404);
    const spaniard = await aPerson(app, db, tenantId, { locale: 'es' });
    expect(textOf((await explain('figure=roi&days=30', spaniard)).html)).toContain('De dónde sale «ROI»');
    const stranger = await aPerson(app, db, await aTenant(db));
    expect((await explain('figure=roi&campaign=200', stranger)).status).toBe(404);
  });
});

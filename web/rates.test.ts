import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { system } from '../domain/actor.ts';
import { addDays, dayIn } from '../domain/days.ts';
import { anApiKey } from '../test/api-key.ts';
import { aCampaign, aDay, aLead, anAccount, aTouch } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person } from '../test/person.ts';
import { uploaded } from '../test/upload.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';
import type { StatsJson } from './stats-json.ts';

let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let person: Person;
let today: string;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db, { MARKETING_RATE_LIMIT: '100000' });
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
  today = dayIn('America/Argentina/Buenos_Aires', new Date());
  await anAccount(db, tenantId);
  await anAccount(db, tenantId, { id: '101', name: 'Miami', currency: 'USD' });
  await aCampaign(db, tenantId);
  await aCampaign(db, tenantId, { id: '300', accountId: '101', name: 'Miami', currency: 'USD' });
  await aDay(db, tenantId, today, { spend: '14502.50' });
  await aDay(db, tenantId, today, { campaignId: '300', accountId: '101', currency: 'USD', spend: '20.00' });
});

const enter = (values: Record<string, string> = {}) =>
  person.post('/crm/marketing/rates', { currency: 'USD', base: 'ARS', day: today, rate: '1450.25', ...values });
const together = async () => {
  const headers = { 'x-admin-token': await anApiKey(db, tenantId) };
  const reply = await fetch(`${app.url}/crm/marketing/stats?days=7&currency=all`, { headers });
  return ((await reply.json()) as StatsJson).totals;
};
const hub = async (query: string) => textOf(await (await person.get(`/crm/marketing?days=7&${query}`)).text());
const page = async () => textOf(await (await person.get('/crm/marketing/rates')).text());
const send = (csv: string) => uploaded(app, person, '/crm/marketing/rates/imports', csv);

describe('All accounts together', () => {
  it('cannot be shown without a rate, and the screen says which is missing and where to enter it', async () => {
    expect(await together()).toMatchObject([
      { currency: 'ARS', spend: null, cost_per_lead: null, roas: null, missing_rate: { currency: 'USD', day: today } },
    ]);
    const text = await hub('currency=all');
    expect(text).toContain('No rate for USD on');
    expect(text).toContain('Enter rates');
    expect(await hub('currency=USD')).not.toContain('No rate for');
  });

  it('are shown from the moment the rate is entered, at the rate of each day', async () => {
    expect((await enter()).status).toBe(303);
    expect(await together()).toMatchObject([{ currency: 'ARS', spend: '43507.50' }]);
    expect(await hub('currency=all')).toContain('Total in ARS $43,507.50');
    expect(await page()).toContain('1 USD = 1,450.25 ARS');
  });

  it('can be read in another currency', async () => {
    await enter();
    await person.post('/crm/marketing/reporting-currency', { reporting: 'USD' });
    expect(await together()).toMatchObject([{ currency: 'USD', spend: '30.00' }]);
    expect(await hub('currency=all')).toContain('All accounts, in USD');
    const names = (await app.stores.systemEvents.changesOf(tenantId, { type: 'tenant', id: String(tenantId) })).map(
      ({ name }) => name,
    );
    expect(names).toEqual(['reporting_currency.changed']);
  });

  it('are explained with the rates that were used', async () => {
    await enter();
    const why = await person.get('/crm/marketing/explain?figure=spend&days=7&currency=all');
    const text = textOf(await why.text());
    expect(text).toContain('Spend $43,507.50');
    expect(text).toMatch(/USD 1 = ARS 1,450\.25 from /);
  });

  it('lack a rate again once the last one is older than a week', async () => {
    await enter({ day: addDays(today, -8) });
    expect(await together()).toMatchObject([{ spend: null }]);
    await enter({ day: addDays(today, -7) });
    expect(await together()).toMatchObject([{ spend: '43507.50' }]);
  });
});

describe('A sale in another currency', () => {
  it('counts in its campaign’s account at the rate of its day', async () => {
    const leadId = await aLead(db, tenantId);
    await aTouch(db, tenantId, leadId);
    await app.stores.sales.recordSale(
      tenantId,
      leadId,
      { amount: '10', currency: 'USD', soldOn: today },
      system('test'),
    );
    expect(await hub('currency=ARS')).toContain('No rate for USD on');
    await enter();
    expect(await hub('currency=ARS')).toContain('$14,502.50 0.0 %');
  });
});

describe('Entering a rate', () => {
  it('refuses what is no rate, keeps what was typed and says what is wrong by each field', async () => {
    const reply = await enter({ currency: 'dollars', rate: 'a lot', day: '2026-02-30', base: 'ARS' });
    const html = await reply.text();
    expect(reply.status).toBe(422);
    expect(html).toContain('value="a lot"');
    expect(html.match(/aria-invalid="true"/g)).toHaveLength(3);
    expect((await enter({ base: 'USD' })).status).toBe(422);
  });

  it('takes the newest of two for one day, and leaves an audit row', async () => {
    await enter();
    await enter({ rate: '1500' });
    expect(await app.stores.exchangeRates.list(tenantId)).toMatchObject([
      { rate: '1500.0000000000', source: 'manual' },
    ]);
    const rows = await app.stores.systemEvents.changesOf(tenantId, { type: 'rates', id: 'all' });
    expect(rows.map(({ name }) => name)).toEqual(['rates.saved', 'rates.saved']);
  });
});

describe('A file of rates', () => {
  it('is taken whole, in either writing', async () => {
    const reply = await send(
      `\uFEFFCurrency;Base;Day;Rate\r\nUSD;ARS;${today};1450,25\r\nEUR;ARS;24/11/2026;1690,1\r\n`,
    );
    expect(reply.status).toBe(303);
    expect(await app.stores.exchangeRates.list(tenantId)).toHaveLength(2);
    expect(await page()).toContain('File');
  });

  it('is refused whole with each wrong line named', async () => {
    const reply = await send(
      `currency,base,day,rate\nUSD,ARS,${today},1450.25\nUSD,ARS,yesterday,1450\nX,ARS,${today},1\n`,
    );
    const text = textOf(await reply.text());
    expect(reply.status).toBe(422);
    expect(text).toMatch(/Line 3: A day such as 2026-11-24 Line 4: Three letters, such as USD/);
    expect(await app.stores.exchangeRates.list(tenantId)).toEqual([]);
  });

  it.each([
    ['', 'The file has no lines'],
    ['a,b\n1,2\n', 'The header must name currency, base, day and rate'],
    ['currency,base,day,rate\n"USD', 'The file cannot be read as CSV'],
  ])('%j is refused with words', async (csv, words) => {
    const reply = await send(csv);
    expect([reply.status, textOf(await reply.text()).includes(words)]).toEqual([422, true]);
  });

  it('needs the form’s own proof', async () => {
    const reply = await uploaded(app, person, '/crm/marketing/rates/imports', 'currency,base,day,rate\n', {
      csrf: 'x',
    });
    expect(reply.status).toBe(403);
  });
});

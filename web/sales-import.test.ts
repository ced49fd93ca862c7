import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { dayIn } from '../domain/days.ts';
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
let leadId: string;
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
  await aCampaign(db, tenantId);
  await aDay(db, tenantId, today, { spend: '1000.00' });
  leadId = await aLead(db, tenantId, { phone: '+5491155550101', email: 'lucia@example.com' });
  await aTouch(db, tenantId, leadId, { at: new Date(Date.now() - 60_000) });
});

const send = async (csv: string) => {
  const reply = await uploaded(app, person, '/crm/sales/imports', csv);
  return { status: reply.status, text: textOf(await reply.text()) };
};
const stats = async () => {
  const headers = { 'x-admin-token': await anApiKey(db, tenantId) };
  return (await (await fetch(`${app.url}/crm/marketing/stats`, { headers })).json()) as StatsJson;
};
const saleRow = z.object({ id: z.string(), amount: z.string(), lead_id: z.string().nullable(), reference: z.string() });
const sales = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.any(sql.type(saleRow)`SELECT id, amount, lead_id, reference FROM sales_transactions ORDER BY amount DESC`),
  );

describe('A file of sales', () => {
  it('counts each for the campaign that brought the person, found by phone or e-mail', async () => {
    const { status, text } = await send(
      `reference,phone,email,amount,currency,sold_on\nA-1,11 5555-0101,,3500,ARS,${today}\nA-2,,LUCIA@example.com,"1,000.50",,${today}\n`,
    );
    expect([status, text.includes('2 sales added')]).toEqual([200, true]);
    expect(await stats()).toMatchObject({ totals: [{ sales: 2, revenue: '4500.50', roi_percentage: '350.05' }] });
    expect(await sales()).toMatchObject([{ lead_id: leadId }, { lead_id: leadId }]);
  });

  it('sent twice adds nothing twice, with numbers of its own or without', async () => {
    const file = `phone,amount,sold_on\n+5491155550101,100,${today}\n+5491155550101,100,${today}\n`;
    expect((await send(file)).text).toContain('2 sales added');
    expect((await send(file)).text).toMatch(/0 sales added 2 lines were imported before/);
    expect(await sales()).toHaveLength(2);
  });

  it('takes the good lines, and names the number and fault of each other', async () => {
    const { status, text } = await send(
      [
        'phone,email,amount,currency,sold_on',
        `+5491155550101,,100,ARS,${today}`,
        `+5491155559999,,100,ARS,${today}`,
        `12,,100,ARS,${today}`,
        `,nobody,100,ARS,${today}`,
        `+5491155550101,,nothing,ARS,${today}`,
        `+5491155550101,,100,pesos,${today}`,
        '+5491155550101,,100,ARS,2999-01-01',
      ].join('\n'),
    );
    expect(status).toBe(200);
    expect(text).toContain('1 sale added');
    expect(text).toContain('6 lines were not imported');
    for (const line of [
      'Line 3: no lead has this phone',
      'Line 4: the phone, e-mail or lead_id cannot be read',
      'Line 5: the phone, e-mail or lead_id cannot be read',
      'Line 6: the amount cannot be read',
      'Line 7: the currency must be three letters',
      'Line 8: sold_on must be a day until today',
    ])
      expect(text).toContain(line);
  });

  it('brings refunds as negative amounts, which lessen the revenue', async () => {
    await send(`reference,phone,amount,sold_on\nA-1,+5491155550101,3500,${today}\nR-1,+5491155550101,-500,${today}\n`);
    expect((await stats()).totals[0]).toMatchObject({ revenue: '3000.00' });
  });

  it('without a person is a sale of no campaign, and shown as that', async () => {
    await send(`amount,sold_on\n700,${today}\n`);
    expect(await stats()).toMatchObject({
      totals: [{ revenue: '0.00' }],
      unattributed: { sales: 1, revenue: '700.00' },
    });
  });

  it('refuses a file without the columns, and asks for a person’s session', async () => {
    expect((await send('a,b\n1,2')).status).toBe(422);
    const stranger = await fetch(`${app.url}/crm/sales/imports`, { method: 'POST', redirect: 'manual' });
    expect(stranger.status).toBe(401);
  });

  it('of another tenant finds nobody of ours', async () => {
    const other = await aTenant(db);
    const { text } = await (async () => {
      const reply = await uploaded(
        app,
        await aPerson(app, db, other),
        '/crm/sales/imports',
        `phone,amount,sold_on\n+5491155550101,100,${today}\n`,
      );
      return { text: textOf(await reply.text()) };
    })();
    expect(text).toContain('no lead has this phone');
  });
});

describe('Voiding a sale', () => {
  it('takes it out of every figure, once, and leaves an audit row', async () => {
    await send(`reference,phone,amount,sold_on\nA-1,+5491155550101,3500,${today}\n`);
    const [sale] = await sales();
    for (let i = 0; i < 2; i++)
      expect((await person.post(`/crm/sales/${sale?.id}/voiding`)).headers.get('location')).toBe(
        `/crm/leads/${leadId}#venta`,
      );
    expect((await stats()).totals[0]).toMatchObject({ sales: 0, revenue: '0.00' });
    const changes = await app.stores.systemEvents.changesOf(tenantId, { type: 'lead', id: leadId });
    expect(changes.filter(({ name }) => name === 'sale.voided')).toHaveLength(1);
  });

  it('of a stranger is not found', async () => {
    await send(`reference,phone,amount,sold_on\nA-1,+5491155550101,3500,${today}\n`);
    const [sale] = await sales();
    const stranger = await aPerson(app, db, await aTenant(db));
    expect((await stranger.post(`/crm/sales/${sale?.id}/voiding`)).status).toBe(404);
    expect((await person.post('/crm/sales/none/voiding')).status).toBe(404);
  });
});

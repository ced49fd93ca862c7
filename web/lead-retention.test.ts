import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aLead } from '../test/crm.ts';
import { aTenant, monthsPass, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

const path = '/crm/settings/retention';
let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let person: Person;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  for (const n of [1, 2]) await aLead(db, tenantId, { phone: `+549115555010${n}`, email: null });
  await monthsPass(db, tenantId, 13);
  person = await aPerson(app, db, tenantId, { locale: 'en' });
});

const html = async (query = '') => (await person.get(`${path}${query}`)).text();
const text = async (query = '') => textOf(await html(query));
const months = () => app.stores.leadRetention.months(tenantId);

describe('How long people are kept', () => {
  it('is for ever at first, and the page says what would happen and what stays', async () => {
    const page = await text();
    for (const words of [
      'For ever',
      'is erased, every night',
      'no result changes',
      'open opportunity',
      'must not be written to',
    ])
      expect([words, page.includes(words)]).toEqual([words, true]);
    expect(await html()).not.toContain('<dialog');
  });

  it('is asked back with how many it means, and nothing is changed by asking', async () => {
    expect(await text('?months=12')).toMatch(
      /Erase people after 12 months\? 2 people are over that time now and will be erased tonight\. .*cannot be brought back/,
    );
    expect(await text('?months=24')).toContain('Nobody is over that time now');
    expect(await months()).toBeNull();
  });

  it('changes with the answer, erases nobody by itself, and goes back to for ever', async () => {
    expect((await person.post(path, { months: '12' })).headers.get('location')).toBe(path);
    expect(await months()).toBe(12);
    const page = await text();
    expect(page).toContain('Changes saved');
    expect(page).toMatch(/How long people are kept 12 months/);
    expect(await html()).toMatch(/value="12" selected/);
    expect(await app.stores.leadRetention.due(tenantId, 12)).toBe(2);
    expect(await html('?months=12')).not.toContain('<dialog');
    expect(await text('?months=')).toContain('Keep people for ever?');
    await person.post(path, { months: '' });
    expect(await months()).toBeNull();
  });

  it('takes only the terms it offers', async () => {
    for (const given of ['1', '0', '12.5', 'x']) {
      expect((await person.post(path, { months: given })).status).toBe(422);
      expect(await html(`?months=${given}`)).not.toContain('<dialog');
    }
    expect((await person.post(path, {})).status).toBe(422);
    expect(await months()).toBeNull();
  });

  it('counts nobody of another space', async () => {
    const stranger = await aPerson(app, db, await aTenant(db), { locale: 'en' });
    expect(textOf(await (await stranger.get(`${path}?months=6`)).text())).toContain('Nobody is over that time now');
  });

  it('is told on the page of who was erased', async () => {
    await person.post(path, { months: '12' });
    await app.stores.leadRetention.eraseSome(tenantId);
    const { rows } = await app.stores.leadPages.list(tenantId, { q: '', status: undefined, page: 1 });
    const page = textOf(await (await person.get(`/crm/leads/${rows[0]?.id}`)).text());
    expect(page).toContain('This person was erased on');
    expect(page).not.toContain('5555010');
    const trail = textOf(await (await person.get('/crm/audit?topic=leads')).text());
    expect(trail).toMatch(/Erased people without a sign of life/);
    expect(trail).toMatch(/how many:? 2/);
  });
});

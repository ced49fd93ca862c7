import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aLead } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person, searched } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

const PLACES = ['/crm/leads', '/crm/opportunities', '/crm/marketing/automation-logs'];
let db: TestDatabase;
let app: WholeApp;
let person: Person;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(async () => {
  const tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
  await aLead(db, tenantId, { name: 'Lucía Paz', phone: '+5491155550101' });
});
const page = async (path: string, who = person) => textOf(await (await who.get(path)).text());

describe('a search for a person', () => {
  it.each(PLACES)('leaves nothing of who is looked for in the address of %s', async (at) => {
    const address = await searched(person, at, 'Lucía 55550101');
    expect(address).toMatch(new RegExp(`^${at}\\?search=gAAAA[\\w%-]+$`));
    expect(Buffer.from(address.replace(/^.*search=/, ''), 'base64url').toString('latin1')).not.toContain('5555');
    expect(await (await person.get(address)).text()).toContain(
      at === '/crm/opportunities' ? '<h1' : 'value="Lucía 55550101"',
    );
  });

  it('keeps the rest of the page it came from, and nothing else', async () => {
    expect(await searched(person, '/crm/leads', '', { status: 'new', seller: '', page: '3' })).toBe(
      '/crm/leads?status=new',
    );
    expect(await searched(person, '/crm/opportunities', '', { add: '' })).toBe('/crm/opportunities?add=');
  });

  it('stands in no address of a chip or a page either', async () => {
    const html = await (await person.get(await searched(person, '/crm/leads', 'Lucía'))).text();
    const links = [...html.matchAll(/(?:href|hx-get)="([^"]*)"/g)].map(([, link]) => decodeURIComponent(link ?? ''));
    expect(links.filter((link) => link.includes('search=gAAAA')).length).toBeGreaterThan(5);
    expect(links.filter((link) => link.includes('Luc'))).toEqual([]);
  });

  it('cannot be read by another business, nor made up', async () => {
    const address = await searched(person, '/crm/leads', 'Nadie');
    expect(await page(address)).toContain('Nobody matches this search');
    const other = await aTenant(db);
    await aLead(db, other, { name: 'Otra persona' });
    expect(await page(address, await aPerson(app, db, other))).toContain('Otra persona');
    expect(await page(`${address}x`)).toContain('Lucía Paz');
  });

  it.each([{ at: 'https://example.com' }, { at: '/crm/leads', q: 'x'.repeat(101) }, { q: 'x' }])(
    'is refused when it makes no sense',
    async (fields) => {
      expect((await person.post('/crm/searches', fields as Record<string, string>)).status).toBe(422);
    },
  );
});

import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { aCampaign, aLead, anAccount } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

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
  person = await aPerson(app, db, tenantId);
});

const people = () => app.stores.leadPages.list(tenantId, { q: '', status: undefined, page: 1 });
const rulesRun = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.oneFirst(sql.type(z.object({ n: z.number() }))`
      SELECT (SELECT count(*) FROM automation_runs) + (SELECT count(*) FROM outbound_messages) AS n`),
  );
const changesOf = async (leadId: string) =>
  (await app.stores.systemEvents.changesOf(tenantId, { type: 'lead', id: leadId })).map(({ name }) => name);

describe('A lead typed by hand', () => {
  const typed = { name: 'Lucía <b>Fernández</b>', phone: '011 5555-0142', email: 'Lucia@Example.com' };

  it('is in the list with its campaign, seller and consent, audited, and nobody is messaged', async () => {
    await anAccount(db, tenantId);
    await aCampaign(db, tenantId);
    const fields = { ...typed, campaign_id: '200', seller_id: person.userId, consent: 'Dijo que sí por teléfono' };
    const reply = await person.post('/crm/leads', fields);
    expect(reply.status).toBe(303);
    const [lead] = (await people()).rows;
    expect(reply.headers.get('location')).toBe(`/crm/leads/${lead?.id}`);
    expect(lead).toMatchObject({
      full_name: typed.name,
      phone: '+5491155550142',
      email: 'lucia@example.com',
      campaign_name: 'Implantes',
      seller_name: 'Carla Domínguez',
    });
    const html = textOf(await (await person.get(`/crm/leads/${lead?.id}`)).text());
    expect(html).toMatch(/Added by hand.*«Dijo que sí por teléfono»/);
    expect(await changesOf(lead?.id ?? '')).toEqual(['lead.added']);
    expect(await rulesRun()).toBe(0);
  });

  it('is not added twice: the page leads to who is there, and keeps what was typed', async () => {
    const known = await aLead(db, tenantId, { phone: '+5491155550142' });
    const reply = await person.post('/crm/leads', typed);
    const html = await reply.text();
    expect(reply.status).toBe(422);
    expect(html).toContain(`href="/crm/leads/${known}"`);
    expect(html).toContain('value="Lucía &lt;b&gt;Fernández&lt;/b&gt;"');
    expect((await people()).rows).toHaveLength(1);
  });

  it.each([
    ['nothing', {}, 'Write a phone or an e-mail'],
    ['a phone that is none', { phone: '123' }, 'This is no valid mobile'],
    ['an address that is none', { email: 'lucia@' }, 'This is no e-mail address'],
    ['a name without end', { name: 'x'.repeat(201), email: 'a@example.com' }, 'At most 200 letters'],
  ])('is refused beside the field for %s', async (_, fields, words) => {
    const reply = await person.post('/crm/leads', fields as Record<string, string>);
    expect(reply.status).toBe(422);
    expect(textOf(await reply.text())).toContain(words);
    expect((await people()).rows).toEqual([]);
  });

  it('goes to nobody who is not here', async () => {
    const stranger = await aPerson(app, db, await aTenant(db));
    for (const odd of [{ seller_id: stranger.userId }, { campaign_id: '999' }, { seller_id: 'x' }])
      expect((await person.post('/crm/leads', { ...typed, ...odd })).status).toBe(422);
    expect((await people()).rows).toEqual([]);
  });
});

describe('A file of leads', () => {
  const file = [
    'Nombre completo;Teléfono;Correo;Obra social',
    'Ana Ríos;011 5555-0201;ana@example.com;OSDE',
    ';;;',
    'Sin contacto;;;',
    'Mal teléfono;12;;',
    'Mal correo;;x@y;',
    'Otra vez Ana;+54 9 11 5555-0201;;',
    '"Beto; el de la esquina";;beto@example.com;',
  ].join('\r\n');
  const send = (path: string, csv: string) => person.post(path, { csv });
  const linesIn = (html: string) => [...html.matchAll(/data-line="(\d+)"/g)].map(([, line]) => Number(line));

  it('is looked at first: what it would add, who is known, and which lines are wrong, and why', async () => {
    await aLead(db, tenantId, { phone: null, email: 'beto@example.com' });
    const reply = await send('/crm/leads/import/check', file);
    const html = await reply.text();
    expect(reply.status).toBe(200);
    expect(textOf(html)).toMatch(/New people 1 Already here 2 Lines with errors 3/);
    expect(textOf(html)).toMatch(/Teléfono → Phone Correo → E-mail Obra social → Answer to keep/);
    expect(linesIn(html)).toEqual([4, 5, 6]);
    expect(textOf(html)).toMatch(
      /4 Neither phone nor e-mail 5 The phone is no valid mobile 6 The e-mail is no address/,
    );
    expect((await people()).rows).toHaveLength(1);
  });

  it('is added once, with its other columns as answers, and nobody is messaged', async () => {
    for (let repeat = 0; repeat < 2; repeat++) {
      const reply = await send('/crm/leads/imports', file);
      expect(reply.status).toBe(303);
      const html = await (await person.get(reply.headers.get('location') ?? '')).text();
      expect(textOf(html)).toContain(repeat === 0 ? '2 leads added' : '0 leads added');
      expect(linesIn(html)).toEqual([4, 5, 6]);
      expect(html).not.toContain('Mal teléfono');
    }
    const { rows } = await people();
    expect(rows.map(({ full_name }) => full_name).sort()).toEqual(['Ana Ríos', 'Beto; el de la esquina']);
    const ana = rows.find((row) => row.full_name === 'Ana Ríos');
    const { lead, touches } = await app.stores.leadPages.byId(tenantId, ana?.id ?? '');
    expect(lead.answers).toEqual([{ name: 'Obra social', values: ['OSDE'] }]);
    expect(touches).toMatchObject([{ kind: 'import' }]);
    expect(await changesOf(ana?.id ?? '')).toEqual(['lead.added']);
    expect(await rulesRun()).toBe(0);
  });

  it('may come as a file, in UTF-8, in Windows’ own letters, or as Unicode text', async () => {
    const text = 'Nombre,Teléfono\nZoë Núñez,+5491155550301\n';
    const windows = Buffer.from(text, 'latin1');
    const unicode = Buffer.from(`\ufeff${text.replaceAll(',', '\t')}`, 'utf16le');
    for (const bytes of [Buffer.from(`\ufeff${text}`), windows, unicode]) {
      const form = new FormData();
      form.set('_csrf', person.csrf());
      form.set('file', new Blob([new Uint8Array(bytes)], { type: 'text/csv' }), 'leads.csv');
      const encoded = new Response(form);
      const reply = await person.send('/crm/leads/import/check', {
        method: 'POST',
        body: Buffer.from(await encoded.arrayBuffer()),
        headers: { 'content-type': encoded.headers.get('content-type') ?? '' },
      });
      expect(textOf(await reply.text())).toMatch(/New people 1 .* Zoë Núñez \+5491155550301/);
    }
  });

  it.each([
    ['nothing at all', '', 'There is a heading but no line'],
    ['a heading alone', 'Nombre,Teléfono\n', 'There is a heading but no line'],
    ['a quote that is not closed', 'Nombre,Teléfono\n"Ana,1\n', 'This is no CSV'],
    ['too many lines', `Correo\n${'a@example.com\n'.repeat(2001)}`, 'More than 2,000 lines'],
  ])('is refused for %s', async (_, csv, words) => {
    for (const path of ['/crm/leads/import/check', '/crm/leads/imports']) {
      const reply = await send(path, csv);
      expect(reply.status).toBe(422);
      expect(textOf(await reply.text())).toContain(words);
    }
  });

  it('is bounded, must come from our form, and is nobody else’s', async () => {
    expect((await send('/crm/leads/import/check', `Correo\n${'x'.repeat(2_200_000)}`)).status).toBe(413);
    const broken = { method: 'POST', body: 'x', headers: { 'content-type': 'multipart/form-data; boundary=y' } };
    expect((await person.send('/crm/leads/imports', broken)).status).toBe(422);
    const reply = await send('/crm/leads/imports', file);
    const stranger = await aPerson(app, db, await aTenant(db));
    expect((await stranger.get(reply.headers.get('location') ?? '')).status).toBe(404);
  });

  it('of two thousand people is added whole', async () => {
    const lines = Array.from({ length: 2000 }, (_, i) => `Persona ${i},p${i}@example.com`);
    const reply = await send('/crm/leads/imports', ['Nombre,Correo', ...lines].join('\n'));
    expect(reply.status).toBe(303);
    expect((await people()).counts.get('new')).toBe(2000);
  });
});

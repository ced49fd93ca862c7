import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aLead, aPage, aSubmission } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let person: Person;

const FORM = '900';
const questions = [
  { key: 'nombre', label: 'Nombre completo', type: 'FULL_NAME', options: [] },
  { key: 'contacto', label: '¿A qué número te llamamos?', type: 'CUSTOM', options: [] },
  { key: 'cuándo', label: '¿Cuándo?', type: 'CUSTOM', options: [{ key: 'este_mes', value: 'Este mes' }] },
];
const said = [
  { name: 'nombre', values: ['Lucía <b>Fernández</b>'] },
  { name: 'contacto', values: ['011 5555-0142'] },
  { name: 'cuándo', values: ['este_mes'] },
];

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
  await aPage(db, tenantId);
  await app.stores.leadForms.saveCounts(tenantId, '500', [
    { formId: FORM, name: 'Consulta', status: 'ACTIVE', leadsCount: 1, questions },
  ]);
});

const page = async (path = `/crm/forms/${FORM}`, who = person) => (await who.get(path)).text();
const shownIn = (html: string) => textOf(html.slice(html.indexOf('id="preview"')));
const chosenIn = (html: string) => [...html.matchAll(/<option value="(\w+)" selected>/g)].map(([, target]) => target);
const leadOf = async (leadId: string) => (await app.stores.leadPages.byId(tenantId, leadId)).lead;

describe('The forms', () => {
  it('say what to do while there are none', async () => {
    const other = await aPerson(app, db, await aTenant(db));
    expect(textOf(await page('/crm/forms', other))).toContain('No forms yet');
  });

  it('appear by themselves, marked as new, with what is known of their questions', async () => {
    const html = await page('/crm/forms');
    expect(textOf(html)).toMatch(/Consulta New Aurora Odontología Missing 1 of 3 say who it is/);
    await person.post(`/crm/forms/${FORM}/mapping`, { 'target:contacto': 'phone' });
    expect(textOf(await page('/crm/forms'))).toMatch(/Consulta Aurora Odontología Asked 2 of 3 say who it is/);
  });

  it('belong to their tenant', async () => {
    const stranger = await aPerson(app, db, await aTenant(db));
    expect((await stranger.get(`/crm/forms/${FORM}`)).status).toBe(404);
    expect((await stranger.post(`/crm/forms/${FORM}/mapping`, {})).status).toBe(404);
    for (const odd of ['x', '0x1', '9'.repeat(41)]) expect((await person.get(`/crm/forms/${odd}`)).status).toBe(404);
  });
});

describe('A form', () => {
  it('shows its last lead as it is read, in the words of the form', async () => {
    expect(shownIn(await page())).toContain('No lead of this form yet');
    await aSubmission(db, tenantId, FORM, said);
    const html = await page();
    expect(chosenIn(html)).toEqual(['full_name', 'answer', 'answer']);
    expect(textOf(html)).toContain('Last answer: Este mes');
    expect(shownIn(html)).toMatch(/No question asks for the phone.*Name Lucía <b>Fernández<\/b> Phone No valid mobile/);
    expect(shownIn(html)).toContain('¿A qué número te llamamos? 011 5555-0142 ¿Cuándo? Este mes');
    expect(html).not.toContain('<b>Fernández');
  });

  it('is tried without being changed', async () => {
    await aSubmission(db, tenantId, FORM, said);
    const reply = await person.post(`/crm/forms/${FORM}/preview`, { 'target:contacto': 'phone' });
    expect(reply.status).toBe(200);
    const html = await reply.text();
    expect(chosenIn(html)).toEqual(['full_name', 'phone', 'answer']);
    expect(shownIn(html)).toContain('Phone +5491155550142');
    expect(chosenIn(await page())).toEqual(['full_name', 'answer', 'answer']);
  });

  it('keeps what a person decided, with an audit row, and leaves the leads alone unless asked', async () => {
    const leadId = await aSubmission(db, tenantId, FORM, said);
    const reply = await person.post(`/crm/forms/${FORM}/mapping`, { 'target:contacto': 'phone' });
    expect([reply.status, reply.headers.get('location')]).toEqual([303, `/crm/forms/${FORM}`]);
    expect(chosenIn(await page())).toEqual(['full_name', 'phone', 'answer']);
    const changes = await app.stores.systemEvents.changesOf(tenantId, { type: 'lead_form', id: FORM });
    expect(changes).toMatchObject([{ name: 'form.mapped', actor_id: person.userId }]);
    expect((await leadOf(leadId)).phone).toBeNull();
  });

  it('reads the leads that are here anew when asked, and empties nothing', async () => {
    const leadId = await aSubmission(db, tenantId, FORM, said);
    const silent = await aSubmission(db, tenantId, FORM, []);
    await person.post(`/crm/forms/${FORM}/mapping`, { 'target:contacto': 'phone', apply: 'on' });
    expect(await leadOf(leadId)).toMatchObject({
      full_name: 'Lucía <b>Fernández</b>',
      phone: '+5491155550142',
      answers: [{ name: 'cuándo', values: ['este_mes'] }],
    });
    const rereadOf = async (id: string) =>
      (await app.stores.systemEvents.changesOf(tenantId, { type: 'lead', id })).map(({ name }) => name);
    expect([await rereadOf(leadId), await rereadOf(silent)]).toEqual([['lead.reread'], []]);
    await person.post(`/crm/forms/${FORM}/mapping`, { 'target:contacto': 'answer', apply: 'on' });
    expect((await leadOf(leadId)).phone).toBe('+5491155550142');
    expect(textOf(await page(`/crm/leads/${leadId}`))).toContain('¿Cuándo? Este mes');
  });

  it('finds who is one person when their leads are read anew', async () => {
    const known = await aLead(db, tenantId, { phone: '+5491155550142' });
    const again = [await aSubmission(db, tenantId, FORM, said), await aSubmission(db, tenantId, FORM, said)];
    await person.post(`/crm/forms/${FORM}/mapping`, { 'target:contacto': 'phone', apply: 'on' });
    for (const leadId of again) expect((await leadOf(leadId)).merged_into).toBe(known);
    expect((await leadOf(known)).merged_into).toBeNull();
  });

  it('refuses a meaning that there is none, beside the question, and keeps the others', async () => {
    const reply = await person.post(`/crm/forms/${FORM}/mapping`, {
      'target:contacto': 'shoe',
      'target:cuándo': 'email',
    });
    expect(reply.status).toBe(422);
    const html = await reply.text();
    expect(html).toMatch(/name="target:contacto" aria-invalid="true"/);
    expect(html).toMatch(/name="target:cuándo">(?:<option[^>]*>[^<]*<\/option>)*<option value="email" selected>/);
    expect(chosenIn(await page())).toEqual(['full_name', 'answer', 'answer']);
  });

  it('says so while its questions are not known', async () => {
    await app.stores.leadForms.saveCounts(tenantId, '500', [
      { formId: '901', name: '', status: 'ACTIVE', leadsCount: 0 },
    ]);
    expect(textOf(await page('/crm/forms/901'))).toContain('Its questions are not known yet');
  });
});

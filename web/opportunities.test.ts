import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { aLead } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person, searched } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

const PATH = '/crm/opportunities';
let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let person: Person;
let leadId: string;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId, { locale: 'es' });
  leadId = await aLead(db, tenantId, { name: 'Lucía <Fernández>' });
});

const text = async (path = PATH, who = person) => textOf(await (await who.get(path)).text());
const open = (given: Record<string, string> = {}) =>
  person.post(PATH, {
    lead_id: leadId,
    name: 'Implante',
    value: '280.000,50',
    currency: 'ARS',
    seller_id: '',
    ...given,
  });
const rows = async () => (await app.stores.opportunities.list(tenantId, { page: 1 })).rows;
const only = async () => (await rows())[0] ?? Promise.reject(new Error('none'));

describe('Opportunities', () => {
  it('say what they are for while there are none', async () => {
    expect(await text()).toContain('Todavía no hay oportunidades');
  });

  it('are created from a lead that a search finds, for a seller, and add up by currency', async () => {
    await aLead(db, tenantId, { name: 'Bruno Salas', email: 'bruno@example.com' });
    const dialog = await text(await searched(person, PATH, 'luc', { add: '' }));
    expect(dialog).toContain('Lucía <Fernández>');
    expect(dialog).not.toContain('Bruno');
    const colleague = await aPerson(app, db, tenantId);
    expect((await open({ seller_id: colleague.userId })).headers.get('location')).toBe(PATH);
    await open({ name: 'Placa', value: '100', currency: 'USD' });
    expect(await text()).toContain('Abiertas por');
    const page = await text(`${PATH}?seller=${colleague.userId}`);
    expect(page).toMatch(/Implante Lucía <Fernández> \$ ?280\.000,50 Abierta Carla Domínguez/);
    expect(page).not.toContain('Placa');
    expect(await text(`/crm/leads/${leadId}`)).toContain('Oportunidad creada: Implante');
  });

  it('keep what was typed and say what is wrong', async () => {
    const reply = await open({
      lead_id: '',
      name: '',
      value: 'mucho',
      seller_id: '5f0e7f5e-9a52-4d5c-8a53-3f1f8a4a6f10',
    });
    const page = await reply.text();
    expect(reply.status).toBe(422);
    for (const words of ['Elegir una persona', 'Escribir qué se ofrece', 'Escribir solo números', 'alguien del equipo'])
      expect([words, textOf(page).includes(words)]).toEqual([words, true]);
    expect(page).toContain('value="mucho"');
    expect(await rows()).toEqual([]);
  });

  it('keep the expected date by the tenant’s clocks, and refuse what is none', async () => {
    await open({ expected_at: '2026-12-01T18:30' });
    const { id, expected_at } = await only();
    expect(expected_at?.toISOString()).toBe('2026-12-01T21:30:00.000Z');
    expect(await text()).toContain('prevista para el');
    expect(await (await person.get(`${PATH}?change=${id}`)).text()).toContain('value="2026-12-01T18:30"');
    const wrong = await open({ expected_at: 'pronto' });
    expect([wrong.status, textOf(await wrong.text()).includes('Elegir un día y una hora')]).toEqual([422, true]);
  });

  it('change amount, seller and stage, with an audit row that says from what to what', async () => {
    await open();
    const { id } = await only();
    expect(await text(`${PATH}?change=${id}`)).toContain('Cambiar oportunidad');
    await person.post(`${PATH}/${id}`, {
      name: 'Implante',
      value: '1.000',
      currency: 'ARS',
      seller_id: person.userId,
      stage: 'lost',
    });
    expect(await only()).toMatchObject({ value: '1000.00', stage: 'lost', seller_id: person.userId });
    expect(await text(`${PATH}?stage=lost`)).toContain('Implante');
    expect(await text(`${PATH}?stage=open`)).toContain('Ninguna coincide');
    const details = await db.database.inTenant(tenantId, (tx) =>
      tx.oneFirst(sql.type(z.object({ details: z.record(z.string(), z.unknown()) }))`
        SELECT details FROM system_events WHERE tenant_id = ${tenantId} AND name = 'opportunity.changed'`),
    );
    expect(details).toMatchObject({ from: 'open', to: 'lost', fields: ['value', 'seller'] });
  });

  it('are won by a sale and by nothing else', async () => {
    await open();
    await person.post(`/crm/leads/${leadId}/sales`, { amount: '1000', currency: 'ARS', sold_on: '' });
    const { id, stage } = await only();
    expect(stage).toBe('won');
    await person.post(`${PATH}/${id}`, { name: 'Implante', value: '5', currency: 'ARS', seller_id: '', stage: 'lost' });
    expect((await only()).stage).toBe('won');
  });

  it('stay inside their tenant', async () => {
    await open();
    const { id } = await only();
    const stranger = await aPerson(app, db, await aTenant(db), { locale: 'es' });
    expect(await text(PATH, stranger)).not.toContain('Implante');
    expect(await text(`${PATH}?change=${id}`, stranger)).not.toContain('Implante');
    const change = { name: 'X', value: '1', currency: 'ARS', seller_id: '', stage: 'lost' };
    expect((await stranger.post(`${PATH}/${id}`, change)).status).toBe(404);
    expect((await stranger.post(PATH, { ...change, lead_id: leadId })).status).toBe(404);
  });
});

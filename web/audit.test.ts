import { beforeAll, describe, expect, it } from 'vitest';
import { system } from '../domain/actor.ts';
import { aLead } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { aPerson, type Person } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

let db: TestDatabase;
let app: WholeApp;
let person: Person;
let leadId: string;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
  const tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
  leadId = await aLead(db, tenantId, { name: 'Zulema Prueba' });
  await person.post(`/crm/leads/${leadId}/status`, { status: 'contacted' });
  await app.stores.sending.pause(tenantId, system('test'));
});

const file = async (query: string, who = person) => (await who.get(`/crm/audit.csv?${query}`)).text();

describe('The audit trail as a file', () => {
  it('holds what the page shows, with ids and never a lead’s name', async () => {
    const lines = (await file('kind=change&topic=leads')).trim().split('\r\n');
    expect(lines[0]).toBe('at,event,actor_type,actor,object_type,object_id,status,address,details');
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(new RegExp(`^20.*Z,lead\\.status_changed,user,Carla Domínguez,lead,${leadId},`));
    expect(lines.join()).not.toContain('Zulema');
  });

  it('follows the filters of the page, which leads to it with them', async () => {
    expect(await file('kind=change&topic=people')).toContain('session.opened');
    expect(await file('kind=change&topic=people&who=programs')).not.toContain('lead.status_changed');
    expect((await file('kind=change&until=2020-01-01')).trim().split('\r\n')).toHaveLength(1);
    expect((await person.get('/crm/audit.csv?kind=nothing')).status).toBe(422);
    const html = await (await person.get('/crm/audit?kind=change&topic=leads')).text();
    expect(html).toContain('href="/crm/audit.csv?kind=change&amp;topic=leads"');
  });

  it('is the tenant’s own', async () => {
    const stranger = await aPerson(app, db, await aTenant(db));
    expect(await file('kind=change', stranger)).not.toContain(leadId);
  });
});

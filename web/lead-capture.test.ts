import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../domain/error.ts';
import { type TestApp, testApp } from '../test/app.ts';
import { aLead } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person } from '../test/person.ts';
import { wholeApp } from '../test/whole-app.ts';
import { leadCaptureRoutes } from './lead-capture.ts';

let db: TestDatabase;
let app: TestApp;
let pages: TestApp;
let tenantId: number;
let person: Person;
let started: object[];
let failure: AppError | null;

beforeAll(async () => {
  db = await testDatabase();
  pages = await wholeApp(db);
  app = await testApp(db, ({ stores }) =>
    leadCaptureRoutes({
      leads: stores.leads,
      async startIntake(lead) {
        if (failure !== null) throw failure;
        started.push(lead);
      },
    }),
  );
});
beforeEach(async () => {
  [started, failure] = [[], null];
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
});

/** A lead that Meta refused to give, for this reason. */
async function refused(code: string): Promise<string> {
  const leadgenId = `7${tenantId}`;
  await app.stores.leads.postpone(tenantId, leadgenId, '500', 'failed', code);
  return (await app.stores.leads.maybeByLeadgenId(tenantId, leadgenId))?.leadId ?? '';
}

describe('A lead that Meta does not give', () => {
  it.each([
    ['permission_missing', 'A permission is missing'],
    ['something_new', 'Meta refused, without a reason we know'],
  ])('is named in list and page, with the reason: %s', async (code, words) => {
    const leadId = await refused(code);
    const reader = await aPerson(pages, db, tenantId);
    const text = textOf(await (await reader.get(`/crm/leads/${leadId}`)).text());
    expect(text).toMatch(new RegExp(`Meta does not let this lead be read ${words}.*Try now`));
    expect(text).toContain('Meta told of this lead, and it could not be read yet');
    expect(await (await reader.get('/crm/leads')).text()).toContain('data-state="unread"');
  });

  it('is read again when a person asks, and says when Temporal is down', async () => {
    const leadId = await refused('permission_missing');
    const reply = await person.post(`/crm/leads/${leadId}/captures`);
    expect([reply.status, reply.headers.get('location')]).toEqual([303, `/crm/leads/${leadId}`]);
    expect(started).toMatchObject([{ tenantId, leadgenId: `7${tenantId}`, pageId: '500' }]);
    failure = new AppError('unavailable', 'Temporal does not answer');
    expect((await person.post(`/crm/leads/${leadId}/captures`)).status).toBe(503);
  });

  it('is nothing to read again when it is here, and nobody else’s', async () => {
    const here = await aLead(db, tenantId);
    expect((await person.post(`/crm/leads/${here}/captures`)).status).toBe(303);
    const stranger = await aPerson(app, db, await aTenant(db));
    const leadId = await refused('forbidden');
    expect((await stranger.post(`/crm/leads/${leadId}/captures`)).status).toBe(404);
    expect((await person.post('/crm/leads/x/captures')).status).toBe(404);
    expect(started).toEqual([]);
  });
});

import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aRun } from '../test/outbound.ts';
import { aPerson, type Person, searched } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

const PAGE = '/crm/marketing/automation-logs';
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
  person = await aPerson(app, db, tenantId, { locale: 'es' });
});
const text = async (query = '') => textOf(await (await person.get(PAGE + query)).text());

describe('the log of automations', () => {
  it('says that there are no decisions yet', async () => {
    expect(await text()).toContain('Todavía no hay decisiones');
  });

  it('shows each decision with its reason, and finds them by name, decision and rule', async () => {
    const sent = await aRun(db.database, tenantId);
    const skipped = await aRun(db.database, tenantId, { phone: null });
    await app.stores.outboundMessages.claim(tenantId, sent.runId, new Date());
    await app.stores.outboundMessages.claim(tenantId, skipped.runId, new Date());
    const all = await text();
    expect(all).toContain('Enviando');
    expect(all).toContain('Salteado sin teléfono');
    expect(all).toContain(`automation:${sent.leadId}`);
    expect(await text('?status=skipped')).not.toContain(`automation:${sent.leadId}`);
    expect(await text(`?rule=${sent.ruleId}`)).not.toContain(`automation:${skipped.leadId}`);
    const found = async (q: string) =>
      text((await searched(person, PAGE, q, { status: '', rule: '' })).replace(PAGE, ''));
    expect(await found('Nadie')).toContain('Nada coincide con esta búsqueda');
    expect(await found('luc')).toContain('Enviando');
  });

  it('is JSON for programs', async () => {
    const skipped = await aRun(db.database, tenantId, { phone: null });
    await app.stores.outboundMessages.claim(tenantId, skipped.runId, new Date());
    const rows = await (await person.get(PAGE, { accept: 'application/json' })).json();
    expect(rows).toMatchObject([{ status: 'skipped', reason: 'no_phone', lead_id: skipped.leadId }]);
  });

  it('refuses what is no search, and shows no other tenant’s', async () => {
    expect((await person.get(`${PAGE}?rule=x`)).status).toBe(422);
    const run = await aRun(db.database, tenantId, { phone: null });
    await app.stores.outboundMessages.claim(tenantId, run.runId, new Date());
    const stranger = await aPerson(app, db, await aTenant(db), { locale: 'es' });
    expect(textOf(await (await stranger.get(PAGE)).text())).toContain('Todavía no hay decisiones');
  });
});

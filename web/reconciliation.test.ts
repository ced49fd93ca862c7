import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../domain/error.ts';
import { type TestApp, testApp } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { aPerson, type Person } from '../test/person.ts';
import { reconciliationRoutes } from './reconciliation.ts';

let db: TestDatabase;
let app: TestApp;
let tenantId: number;
let person: Person;
let started: number[];
let failure: AppError | null;

beforeAll(async () => {
  db = await testDatabase();
  app = await testApp(db, ({ stores }) =>
    reconciliationRoutes({
      leadForms: stores.leadForms,
      reconciliations: {
        async start(tenant) {
          if (failure !== null) throw failure;
          started.push(tenant);
        },
      },
    }),
  );
});
beforeEach(async () => {
  [started, failure] = [[], null];
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId, { locale: 'es' });
});

const aPage = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.query(
      sql.unsafe`INSERT INTO pages (tenant_id, page_id, name, subscribed_at) VALUES (${tenantId}, '500', 'Aurora', now())`,
    ),
  );
const someLeads = (count: number) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`
      INSERT INTO leads (tenant_id, meta_leadgen_id, form_id, page_id) SELECT ${tenantId}, n::text, '900', '500' FROM generate_series(1, ${count}) n`),
  );
const counted = (leadsCount: number) =>
  app.stores.leadForms.saveCounts(tenantId, '500', [
    { formId: '900', name: 'Consulta <gratis>', status: 'ACTIVE', leadsCount },
  ]);
const text = async (path = '/crm/reconciliation') => (await (await person.get(path)).text()).replace(/\s+/g, ' ');

describe('The page that shows no lead is lost', () => {
  it('says what to do while no page is connected', async () => {
    expect(await text()).toContain('No hay páginas conectadas');
  });

  it('says per form and in all how many Meta has, how many are here and how many are missing', async () => {
    await aPage();
    await someLeads(41);
    await counted(41);
    const page = await text();
    expect(page.split('Meta 41 · aquí 41 · 0 faltan')).toHaveLength(3);
    expect(page).toContain('Consulta &lt;gratis&gt;');
    await counted(42);
    expect(await text('/crm/reconciliation/forms')).toContain('Meta 42 · aquí 41 · 1 falta<');
    await app.stores.leadForms.markRead(tenantId, '900', 'deep');
    const explained = await text();
    expect(explained).toContain('Meta 42 · aquí 41 · 0 faltan');
    expect(explained).toContain('· 1 más antiguo de lo que Meta guarda');
  });

  it('names what stood in the way', async () => {
    await aPage();
    await app.stores.leadForms.notePage(tenantId, '500', 'permission_missing');
    expect(await text()).toContain('Meta no da permiso para leer los formularios');
    await app.stores.leadForms.notePage(tenantId, '500', 'something_new');
    expect(await text()).toContain('La última comparación no terminó');
  });

  it('shows no other tenant’s forms', async () => {
    await aPage();
    await counted(41);
    const stranger = await aPerson(app, db, await aTenant(db));
    expect(await (await stranger.get('/crm/reconciliation')).text()).not.toContain('Consulta');
  });

  it('starts a comparison when a person asks, and says when Temporal is down', async () => {
    expect((await person.post('/crm/reconciliation-runs')).headers.get('location')).toBe('/crm/reconciliation');
    expect(started).toEqual([tenantId]);
    failure = new AppError('unavailable', 'Temporal does not answer');
    expect((await person.post('/crm/reconciliation-runs')).status).toBe(503);
  });
});

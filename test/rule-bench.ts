import { sql } from 'slonik';
import { beforeAll, beforeEach } from 'vitest';
import { type Rule, ruleBody } from '../adapters/postgres/rules.ts';
import type { Stores } from '../adapters/postgres/stores.ts';
import { automationApiRoutes } from '../web/automation-api.ts';
import type { Route } from '../web/route.ts';
import { ruleRoutes } from '../web/rules.ts';
import { type TestApp, testApp } from './app.ts';
import { aTenant, type TestDatabase, testDatabase } from './database.ts';
import { textOf } from './html.ts';
import { aPerson, type Person } from './person.ts';

export const RULES_PAGE = '/crm/marketing/automation-rules';

/** A rule as its form sends it: a template with two blanks, a quarter of an hour after a lead. */
export const aWelcome = {
  name: 'Bienvenida',
  trigger: 'new_lead',
  steps: '1',
  s0_wait: '15',
  s0_unit: 'm',
  s0_template: 'bienvenida|es',
  s0_v1: 'first_name',
  s0_v2: 'campaign_name',
};

export interface RuleBench {
  db: TestDatabase;
  app: TestApp;
  /** Both new for each test; the tenant has a sender and four templates, of which two may be sent. */
  tenantId: number;
  person: Person;
  /** Workflows that were woken. */
  woken: string[];
  /** Makes a rule as `aWelcome` and gives its address; throws with the page's words when it is refused. */
  make(given?: Record<string, string>): Promise<string>;
  /** The tenant's only rule, as it is kept. */
  stored(): Promise<Rule | undefined>;
}

/** The pages of rules over real stores, for one test file. */
export function ruleBench(): RuleBench {
  const bench = {} as RuleBench;
  beforeAll(async () => {
    bench.db = await testDatabase();
    bench.app = await testApp(bench.db, ({ stores }) => routesOf(bench, stores), { MARKETING_RATE_LIMIT: '1000' });
  });
  beforeEach(async () => {
    bench.woken = [];
    bench.tenantId = await aTenant(bench.db);
    bench.person = await aPerson(bench.app, bench.db, bench.tenantId, { locale: 'es' });
    await withTemplates(bench);
  });
  bench.make = async (given = {}) => {
    const reply = await bench.person.post(RULES_PAGE, { ...aWelcome, ...given });
    if (reply.status !== 303) throw new Error(textOf(await reply.text()));
    return reply.headers.get('location') ?? '';
  };
  bench.stored = async () => (await bench.app.stores.rules.listForTenant(bench.tenantId))[0];
  return bench;
}

function routesOf(bench: RuleBench, { rules, ruleTrials, templates }: Stores): Route[] {
  const deps = { rules, ruleTrials, wake: async (ids: readonly string[]) => void bench.woken.push(...ids) };
  const asking = { copyTemplates: async () => {}, createTemplate: async () => {} };
  return [...automationApiRoutes({ ...deps, templates, ruleBody, ...asking }), ...ruleRoutes(deps)];
}

const copies: readonly [id: string, name: string, status: string, components: readonly object[]][] = [
  ['1', 'bienvenida', 'APPROVED', [{ type: 'BODY', text: 'Hola {{1}}, sobre {{2}}.' }]],
  ['2', 'recordatorio', 'APPROVED', [{ type: 'BODY', text: 'Seguimos acá' }]],
  ['3', 'pausada', 'PAUSED', [{ type: 'BODY', text: 'Hola' }]],
  [
    '4',
    'con_foto',
    'APPROVED',
    [
      { type: 'HEADER', format: 'IMAGE' },
      { type: 'BODY', text: 'Hola' },
    ],
  ],
];

const withTemplates = ({ db, tenantId }: RuleBench) =>
  db.database.inTenant(tenantId, async (tx) => {
    await tx.query(sql.unsafe`
      INSERT INTO whatsapp_senders (tenant_id, waba_id, phone, is_default) VALUES (${tenantId}, '900', '+541155550001', true)`);
    for (const [id, name, status, components] of copies)
      await tx.query(sql.unsafe`
        INSERT INTO meta_templates (tenant_id, meta_template_id, waba_id, name, category, language, status, components)
        VALUES (${tenantId}, ${id}, '900', ${name}, 'MARKETING', 'es', ${status}, ${sql.jsonb(components as never)})`);
  });

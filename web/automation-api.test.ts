import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { anApiKey } from '../test/api-key.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let key: string;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  key = await anApiKey(db, tenantId);
});

const call = (path: string, body?: unknown) =>
  fetch(`${app.url}/crm/marketing/${path}`, {
    headers: { 'x-admin-token': key, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
const rule = (given: object = {}) => ({
  name: 'Bienvenida',
  trigger_type: 'new_lead',
  trigger_conditions: {},
  action_type: 'send_template',
  action_config: { templateName: 'bienvenida_lead', language: 'es', variables: ['first_name', { text: 'Aurora' }] },
  ...given,
});

describe('automation rules', () => {
  it('are made and listed as bare objects, with an audit row', async () => {
    const made = await call('automation-rules', rule());
    expect(made.status).toBe(201);
    const created = (await made.json()) as { id: string };
    expect(created).toMatchObject({ ...rule(), is_active: true, created_at: expect.stringMatching(/Z$/) });
    expect(await (await call('automation-rules')).json()).toEqual([created]);
    const [change] = await app.stores.systemEvents.changesOf(tenantId, { type: 'automation_rule', id: created.id });
    expect(change).toMatchObject({ name: 'automation_rule.created', actor_type: 'admin_key' });
  });

  it('begin paused when they say so', async () => {
    const made = await call('automation-rules', rule({ is_active: false }));
    expect([made.status, await made.json()]).toMatchObject([201, { is_active: false }]);
    expect(await app.stores.rules.activeForNewLead(tenantId)).toEqual([]);
  });

  it('are each tenant’s own', async () => {
    await call('automation-rules', rule());
    key = await anApiKey(db, await aTenant(db));
    expect(await (await call('automation-rules')).json()).toEqual([]);
  });

  it.each(['automation-rules', 'templates'])('%s are a page for signed-in people only', async (path) => {
    const headers = { 'x-admin-token': key, accept: 'text/html' };
    expect((await fetch(`${app.url}/crm/marketing/${path}`, { headers })).status).toBe(401);
  });

  it.each([
    ['no name', { name: '' }],
    ['another trigger', { trigger_type: 'full_moon' }],
    ['another action', { action_type: 'delete_everything' }],
    ['a template that cannot exist', { action_config: { templateName: 'Bienvenida!', language: 'es', variables: [] } }],
    ['no language', { action_config: { templateName: 'a', language: 'español', variables: [] } }],
    ['a variable nobody knows', { action_config: { templateName: 'a', language: 'es', variables: ['password'] } }],
    ['conditions that are no list', { trigger_conditions: { formIds: '1' } }],
    ['a list of no form', { trigger_conditions: { formIds: [] } }],
    ['what is no form’s id', { trigger_conditions: { formIds: ['x'.repeat(1000)] } }],
    ['a condition by another name', { trigger_conditions: { form_ids: ['1'] } }],
    ['a wait by another name', { action_config: { ...rule().action_config, wait_minutes: 60 } }],
    ['a status nobody has', { trigger_type: 'status_change', trigger_conditions: { toStatuses: ['rich'] } }],
    ['a field nobody knows', { active: false }],
    ['a step of another kind', { action_type: 'sequence', action_config: { steps: [{ waitMinutes: 0, wait: 1 }] } }],
  ])('are refused with %s', async (_, given) => {
    expect((await call('automation-rules', rule(given))).status).toBe(422);
    expect(await (await call('automation-rules')).json()).toEqual([]);
  });
});

describe('templates', () => {
  beforeEach(() =>
    db.database.inTenant(tenantId, async (tx) => {
      for (const [id, name, status] of [
        ['1', 'bienvenida', 'APPROVED'],
        ['2', 'recordatorio', 'PENDING'],
      ] as const)
        await tx.query(sql.unsafe`
          INSERT INTO meta_templates (tenant_id, meta_template_id, waba_id, name, category, language, status, components)
          VALUES (${tenantId}, ${id}, '900', ${name}, 'MARKETING', 'es', ${status}, ${sql.jsonb([{ type: 'BODY', text: 'Hola {{1}}' }])})`);
    }),
  );

  it('are a bare array, filtered by status', async () => {
    const all = (await (await call('templates')).json()) as object[];
    expect(all).toHaveLength(2);
    expect(await (await call('templates?status=approved')).json()).toEqual([
      {
        id: expect.any(String),
        meta_template_id: '1',
        name: 'bienvenida',
        category: 'MARKETING',
        language: 'es',
        status: 'APPROVED',
        components: [{ type: 'BODY', text: 'Hola {{1}}' }],
      },
    ]);
    expect(await (await call('templates?status=nothing')).json()).toEqual([]);
  });

  it('asked for by two statuses or an endless one are refused', async () => {
    expect((await call('templates?status=a&status=b')).status).toBe(422);
    expect((await call(`templates?status=${'x'.repeat(41)}`)).status).toBe(422);
  });
});

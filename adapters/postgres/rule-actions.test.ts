import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createMessageActivities, type MessageDeps } from '../../activities/messages.ts';
import { system } from '../../domain/actor.ts';
import type { RuleStep, Trigger } from '../../domain/automation.ts';
import { AppError } from '../../domain/error.ts';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { aRun, type SendCase } from '../../test/outbound.ts';
import { createMetrics } from '../metrics.ts';
import { createLeads } from './leads.ts';
import { createMessagesByHand } from './messages-by-hand.ts';
import { createOutboundMessages } from './outbound-messages.ts';
import type { Colleague } from './rule-actions.ts';
import { createRules } from './rules.ts';

let db: TestDatabase;
let tenantId: number;
let told: (Colleague & { leadId: string; ruleName: string })[];
let sent: number;
let changes: string[];
beforeAll(async () => {
  db = await testDatabase();
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  [told, sent, changes] = [[], 0, []];
});

const message: RuleStep = {
  templateName: 'bienvenida_lead',
  language: 'es',
  variables: ['first_name'],
  waitMinutes: 0,
};
const aCase = (...steps: RuleStep[]) => aRun(db.database, tenantId, { action: { steps } });
const dispatch = ({ runId }: SendCase, step = 0, given: Partial<MessageDeps> = {}) =>
  createMessageActivities({
    outbound: createOutboundMessages(db.database),
    byHand: createMessagesByHand(db.database),
    credentials: { ycloudKey: async () => 'key' },
    ycloud: {
      sendText: () => Promise.reject(new Error('no text')),
      sendTemplate: async () => {
        sent++;
        return { outcome: 'accepted', providerId: `p${sent}-${runId}`, wamid: null, price: null, currency: null };
      },
    },
    live: { publish: (_tenant, what) => void changes.push(what), subscribe: () => () => {} },
    metrics: createMetrics(),
    tellColleague: async (person, news) => void told.push({ ...person, ...news }),
    takeSendSlot: async () => {},
    diagnose: () => {},
    ...given,
  }).dispatchMessage({ tenantId, runId, step });
const inTenant = <T extends z.ZodRawShape>(row: z.ZodObject<T>, query: ReturnType<typeof sql.fragment>) =>
  db.database.inTenant(tenantId, (tx) => tx.any(sql.type(row)`${query}`));
const run = (statement: ReturnType<typeof sql.unsafe>) => db.database.inTenant(tenantId, (tx) => tx.query(statement));
const statusOf = async ({ leadId }: SendCase) =>
  (await inTenant(z.object({ status: z.string() }), sql.fragment`SELECT status FROM leads WHERE id = ${leadId}`))[0]
    ?.status;
const eventsOf = async ({ leadId }: SendCase, name: string) =>
  inTenant(
    z.object({ actor_type: z.string(), details: z.record(z.string(), z.unknown()) }),
    sql.fragment`SELECT actor_type, details FROM system_events WHERE tenant_id = ${tenantId} AND object_id = ${leadId} AND name = ${name} ORDER BY id`,
  );
const runStates = async () =>
  inTenant(
    z.object({ rule_id: z.string(), state: z.string(), reason: z.string().nullable(), id: z.string() }),
    sql.fragment`SELECT id, rule_id, state, reason FROM automation_runs WHERE tenant_id = ${tenantId} ORDER BY created_at, id`,
  );
async function aColleague(name: string, locale: 'es' | 'en', disabled = false) {
  const email = `${name}-${tenantId}@example.com`;
  await run(sql.unsafe`
    INSERT INTO users (tenant_id, email, name, locale, role, password_hash, disabled_at)
    VALUES (${tenantId}, ${email}, ${name}, ${locale}, 'admin', 'x', ${disabled ? sql.fragment`now()` : sql.fragment`NULL`})`);
  return email;
}

describe('a step that sets the status', () => {
  it('changes it once, audited and in the timeline, and ends a run that sends nothing', async () => {
    const lead = await aCase({ setStatus: 'opportunity', waitMinutes: 0 });
    expect(await dispatch(lead)).toEqual({ outcome: 'done' });
    expect(await statusOf(lead)).toBe('opportunity');
    expect(await eventsOf(lead, 'lead.status_changed')).toMatchObject([
      { actor_type: 'system', details: { from: 'new', to: 'opportunity' } },
    ]);
    await createLeads(db.database).changeStatus(tenantId, lead.leadId, 'contacted', system('test'));
    expect(await dispatch(lead)).toEqual({ outcome: 'done' });
    expect(await statusOf(lead)).toBe('contacted');
    expect((await runStates())[0]).toMatchObject({ state: 'done', reason: 'done' });
    expect(changes).toContain('leads');
  });

  it('is done once although its activity is repeated, and the next step follows', async () => {
    const lead = await aCase({ setStatus: 'contacted', waitMinutes: 0 }, { ...message, waitMinutes: 0 });
    const first = await dispatch(lead);
    expect(first).toMatchObject({ outcome: 'sent', nextAt: expect.any(Number) });
    await createLeads(db.database).changeStatus(tenantId, lead.leadId, 'new', system('test'));
    expect(await dispatch(lead)).toMatchObject({ outcome: 'sent', nextAt: expect.any(Number) });
    expect(await statusOf(lead)).toBe('new');
    expect(await dispatch(lead, 1)).toEqual({ outcome: 'sent' });
    expect(sent).toBe(1);
  });

  it('waits for the answer when a message went before it', async () => {
    const lead = await aCase(message, { setStatus: 'contacted', waitMinutes: 0 });
    await dispatch(lead);
    expect(await dispatch(lead, 1)).toEqual({ outcome: 'sent' });
    expect((await runStates())[0]).toMatchObject({ state: 'waiting' });
  });

  it('needs no phone, no key and no switch, but waits with its rule', async () => {
    const lead = await aCase({ setStatus: 'contacted', waitMinutes: 0 });
    await run(sql.unsafe`UPDATE leads SET phone = NULL WHERE tenant_id = ${tenantId}`);
    await run(sql.unsafe`UPDATE tenants SET sending = 'paused' WHERE id = ${tenantId}`);
    await run(sql.unsafe`UPDATE automation_rules SET is_active = false WHERE tenant_id = ${tenantId}`);
    const keyless = { credentials: { ycloudKey: () => Promise.reject(new AppError('misconfigured', 'no key')) } };
    expect(await dispatch(lead, 0, keyless)).toMatchObject({ outcome: 'again' });
    await run(sql.unsafe`UPDATE automation_rules SET is_active = true WHERE tenant_id = ${tenantId}`);
    await run(sql.unsafe`UPDATE automation_runs SET due_at = now() WHERE tenant_id = ${tenantId}`);
    expect(await dispatch(lead, 0, keyless)).toEqual({ outcome: 'done' });
    expect(await statusOf(lead)).toBe('contacted');
  });
});

describe('a rule whose change of status starts others', () => {
  const aRule = (trigger: Trigger, toStatus: string, steps: RuleStep[]) =>
    createRules(db.database).create(
      tenantId,
      { name: toStatus, trigger, conditions: { toStatuses: [toStatus] }, steps, dailyCap: null },
      system('test'),
    );

  it('starts them, and a circle of rules ends with each having run once', async () => {
    const there = await aRule('status_change', 'contacted', [{ setStatus: 'opportunity', waitMinutes: 0 }]);
    const back = await aRule('status_change', 'opportunity', [{ setStatus: 'contacted', waitMinutes: 0 }]);
    const lead = await aRun(db.database, tenantId);
    await run(sql.unsafe`UPDATE automation_runs SET state = 'done' WHERE tenant_id = ${tenantId}`);
    await createLeads(db.database).changeStatus(tenantId, lead.leadId, 'contacted', system('test'));
    for (let turn = 0; turn < 10; turn++) {
      const due = (await runStates()).filter(({ state }) => state === 'active');
      for (const { id } of due) await dispatch({ ...lead, runId: id });
    }
    const ran = (await runStates()).filter(({ rule_id }) => [there.id, back.id].includes(rule_id));
    expect(ran.map(({ rule_id, state }) => [rule_id, state])).toEqual([
      [there.id, 'done'],
      [back.id, 'done'],
    ]);
    expect(await eventsOf(lead, 'lead.status_changed')).toHaveLength(3);
  });

  it('runs again for another change by a person', async () => {
    const rule = await aRule('status_change', 'contacted', [{ setStatus: 'opportunity', waitMinutes: 0 }]);
    const lead = await aRun(db.database, tenantId);
    for (const _ of [1, 2])
      for (const status of ['contacted', 'new'])
        await createLeads(db.database).changeStatus(tenantId, lead.leadId, status, system('test'));
    expect((await runStates()).filter(({ rule_id }) => rule_id === rule.id)).toHaveLength(2);
  });
});

describe('a step that tells the team', () => {
  it('mails the seller in their language, once, with a row in the trail', async () => {
    const lead = await aCase({ notify: 'seller', waitMinutes: 0 });
    const email = await aColleague('ana', 'en');
    await aColleague('bruno', 'es');
    await run(
      sql.unsafe`UPDATE leads SET seller_id = (SELECT id FROM users WHERE email = ${email}) WHERE id = ${lead.leadId}`,
    );
    expect(await dispatch(lead)).toEqual({ outcome: 'done' });
    await dispatch(lead);
    expect(told).toEqual([{ email, locale: 'en', leadId: lead.leadId, ruleName: 'Bienvenida' }]);
    expect(await eventsOf(lead, 'automation_run.team_told')).toMatchObject([{ details: { people: 1 } }]);
  });

  it('mails everybody who still has access when there is no seller, or when everybody is meant', async () => {
    const emails = [await aColleague('ana', 'en'), await aColleague('bruno', 'es')];
    await aColleague('carla', 'es', true);
    for (const notify of ['seller', 'team'] as const) {
      told = [];
      await dispatch(await aCase({ notify, waitMinutes: 0 }));
      expect(told.map(({ email }) => email)).toEqual(emails);
    }
  });

  it('goes on when the mail server is away', async () => {
    const lead = await aCase({ notify: 'team', waitMinutes: 0 }, message);
    await aColleague('ana', 'en');
    const tellColleague = () => Promise.reject(new AppError('unavailable', 'no answer'));
    expect(await dispatch(lead, 0, { tellColleague })).toMatchObject({ outcome: 'sent', nextAt: expect.any(Number) });
    expect(await dispatch(lead, 1)).toEqual({ outcome: 'sent' });
  });
});

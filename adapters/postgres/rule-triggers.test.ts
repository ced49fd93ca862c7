import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import type { RuleConditions, Trigger } from '../../domain/automation.ts';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { aPhone, aRun, type SendCase } from '../../test/outbound.ts';
import { createAutomationRuns, type RunToStart } from './automation-runs.ts';
import { createConversations } from './conversations.ts';
import { createInbox } from './inbox.ts';
import { createLeads } from './leads.ts';
import { createOutboundMessages } from './outbound-messages.ts';
import { createRules } from './rules.ts';

let db: TestDatabase;
let tenantId: number;
let first: SendCase;
beforeAll(async () => {
  db = await testDatabase();
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  first = await aRun(db.database, tenantId);
});

const aRule = (trigger: Trigger, conditions: RuleConditions, waitMinutes = 0) => {
  const step = { templateName: 'bienvenida_lead', language: 'es', variables: ['first_name' as const], waitMinutes };
  const rule = { name: trigger, trigger, conditions, steps: [step], dailyCap: null };
  return createRules(db.database).create(tenantId, rule, system('test'));
};
const runsOf = (ruleId: string) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.any(sql.type(
      z.object({
        id: z.string(),
        occurrence: z.string(),
        state: z.string(),
        reason: z.string().nullable(),
        minutes: z.number(),
      }),
    )`SELECT id, occurrence, state, reason, round(extract(epoch FROM due_at - created_at) / 60)::int AS minutes
      FROM automation_runs WHERE rule_id = ${ruleId} ORDER BY created_at`),
  );
const claim = ({ runId }: { runId: string }, at = new Date()) =>
  createOutboundMessages(db.database).claim(tenantId, runId, at);
const move = (status: string) => createLeads(db.database).changeStatus(tenantId, first.leadId, status, system('test'));
let n = 0;
const write = (body: string, phone = first.phone) =>
  createConversations(db.database).receive(tenantId, 0, {
    providerId: `in-${n++}-${tenantId}`,
    phone,
    kind: 'text',
    body,
    sentAt: new Date(),
  });

describe('a change of status', () => {
  it('starts the rules that wait for it, once a change', async () => {
    const rule = await aRule('status_change', { toStatuses: ['opportunity'] }, 30);
    await move('contacted');
    expect(await runsOf(rule.id)).toEqual([]);
    await move('opportunity');
    await move('opportunity');
    expect(await runsOf(rule.id)).toMatchObject([
      { state: 'active', minutes: 30, occurrence: expect.stringMatching(/^status:\d+$/) },
    ]);
    await move('contacted');
    await move('opportunity');
    expect(await runsOf(rule.id)).toHaveLength(2);
  });

  it('to customer or not interested stops what runs', async () => {
    await move('customer');
    expect(await runsOf(first.ruleId)).toMatchObject([{ state: 'stopped', reason: 'status_changed' }]);
    expect(await claim(first)).toMatchObject({ decision: 'skip', reason: 'run_ended' });
  });

  it('starts no rule that is paused or asks for another campaign', async () => {
    const paused = await aRule('status_change', { toStatuses: ['opportunity'] });
    await createRules(db.database).pause(tenantId, paused.id, system('test'));
    const elsewhere = await aRule('status_change', { toStatuses: ['opportunity'], campaignIds: ['77'] });
    await move('opportunity');
    expect([await runsOf(paused.id), await runsOf(elsewhere.id)]).toEqual([[], []]);
  });
});

describe('a word that a person writes', () => {
  it('starts the rules that wait for it, and only those', async () => {
    const rule = await aRule('keyword', { words: ['precio', 'cuánto sale'] });
    await write('¿Me decís el PRECIO?');
    await write('Apreciado doctor');
    await write('¿Cuanto sale?');
    expect((await runsOf(rule.id)).map(({ state }) => state)).toEqual(['done', 'active']); // the second word ended the first run, as a reply does
  });

  it('starts nothing when it asks for no more', async () => {
    const rule = await aRule('keyword', { words: ['baja'] });
    await write('BAJA');
    expect(await runsOf(rule.id)).toEqual([]);
  });

  it('starts nothing for strangers', async () => {
    const rule = await aRule('keyword', { words: ['precio'] });
    await write('precio', aPhone());
    expect(await runsOf(rule.id)).toEqual([]);
  });
});

describe('silence after our message', () => {
  it('starts the rules that wait for it, so many hours later; a reply ends them', async () => {
    const rule = await aRule('no_reply', { afterHours: 48 });
    expect(await claim(first)).toMatchObject({ decision: 'send' });
    expect(await runsOf(rule.id)).toMatchObject([{ state: 'active', minutes: 48 * 60 }]);
    const [run] = await runsOf(rule.id);
    expect(await claim({ runId: run?.id ?? '' })).toMatchObject({ decision: 'wait', reason: 'not_due' });
    await write('Hola');
    expect(await runsOf(rule.id)).toMatchObject([{ state: 'done', reason: 'replied' }]);
  });

  it('begins anew with a newer message, and never after its own', async () => {
    const rule = await aRule('no_reply', { afterHours: 48 });
    await claim(first);
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(
        sql.unsafe`UPDATE outbound_messages SET created_at = now() - interval '30 hours', sending_at = now() - interval '30 hours'`,
      ),
    );
    const second = await aRun(db.database, tenantId);
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`UPDATE automation_runs SET lead_id = ${first.leadId} WHERE id = ${second.runId}`),
    );
    expect(await claim(second)).toMatchObject({ decision: 'send' });
    expect((await runsOf(rule.id)).map(({ reason }) => reason)).toEqual(['clock_restarted', null]);
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(
        sql.unsafe`UPDATE outbound_messages SET created_at = now() - interval '30 hours', sending_at = now() - interval '30 hours'`,
      ),
    );
    const due = (await runsOf(rule.id))[1];
    expect(await claim({ runId: due?.id ?? '' }, new Date(Date.now() + 49 * 3_600_000))).toMatchObject({
      decision: 'send',
    });
    expect(await runsOf(rule.id)).toHaveLength(2);
  });
});

describe('a run that a transaction started', () => {
  it('is due for the dispatcher until its workflow was started', async () => {
    const rule = await aRule('status_change', { toStatuses: ['opportunity'] }, 30);
    await move('opportunity');
    const [run] = await runsOf(rule.id);
    const mine = async () =>
      (await createInbox(db.database).dueWork()).filter(
        ({ work, object_id }) => work === 'run_to_start' && object_id === run?.id,
      );
    expect(await mine()).toHaveLength(1);
    const runs = createAutomationRuns(db.database);
    const away = () => Promise.reject(new Error('Temporal does not answer'));
    await expect(runs.startLater(tenantId, run?.id ?? '', away)).rejects.toThrow();
    expect(await mine()).toHaveLength(1);
    const started: RunToStart[] = [];
    for (const _ of [1, 2]) await runs.startLater(tenantId, run?.id ?? '', async (each) => void started.push(each));
    expect(started).toMatchObject([{ tenantId, ruleId: rule.id, leadId: first.leadId }]);
    expect(await mine()).toEqual([]);
  });
});

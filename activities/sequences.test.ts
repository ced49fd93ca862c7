import { sql } from 'slonik';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createMetrics } from '../adapters/metrics.ts';
import { createConversations } from '../adapters/postgres/conversations.ts';
import { createMessagesByHand } from '../adapters/postgres/messages-by-hand.ts';
import { createOutboundMessages } from '../adapters/postgres/outbound-messages.ts';
import { createRules } from '../adapters/postgres/rules.ts';
import { createYCloud } from '../adapters/ycloud/client.ts';
import { system } from '../domain/actor.ts';
import type { RuleStep } from '../domain/automation.ts';
import { startYCloudSimulator, type YCloudSimulator } from '../simulators/ycloud/server.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { aRun, messagesOf, type SendCase } from '../test/outbound.ts';
import { silentLog } from '../test/silent-log.ts';
import { createMessageActivities } from './messages.ts';

const KEY = 'ycloud-test-key';
const HOUR_MS = 3_600_000;
let db: TestDatabase;
let simulator: YCloudSimulator;
beforeAll(async () => {
  db = await testDatabase();
  simulator = await startYCloudSimulator({ apiKeys: [KEY] });
});
afterAll(() => simulator.close());

const step = (waitMinutes: number): RuleStep => ({
  templateName: 'bienvenida_lead',
  language: 'es',
  variables: ['first_name'],
  waitMinutes,
});
const aSequence = async (waits: readonly number[], capHours = 1): Promise<SendCase> => {
  const run = await aRun(db.database, await aTenant(db), { action: { steps: waits.map(step) } });
  await change(run, sql.unsafe`UPDATE tenants SET template_cap_hours = ${capHours} WHERE id = ${run.tenantId}`);
  return run;
};
const change = (run: SendCase, statement: ReturnType<typeof sql.unsafe>) =>
  db.database.inTenant(run.tenantId, (tx) => tx.query(statement));
const dispatch = ({ tenantId, runId }: SendCase, at: number, place: number) =>
  createMessageActivities({
    outbound: createOutboundMessages(db.database),
    byHand: createMessagesByHand(db.database),
    credentials: { ycloudKey: async () => KEY },
    ycloud: createYCloud({ url: simulator.url, log: silentLog }),
    live: { publish: () => {}, subscribe: () => () => {} },
    metrics: createMetrics(),
    tellColleague: async () => {},
    takeSendSlot: async () => {},
    diagnose: () => {},
    now: () => new Date(at),
  }).dispatchMessage({ tenantId, runId, step: place });
/** As if everything so far had happened so long ago. */
const later = (run: SendCase, hours: number) =>
  change(
    run,
    sql.unsafe`UPDATE outbound_messages SET created_at = created_at - ${hours} * interval '1 hour' WHERE tenant_id = ${run.tenantId}`,
  );
const runOf = ({ tenantId, runId }: SendCase) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.one(
      sql.type(
        z.object({ state: z.string(), reason: z.string().nullable() }),
      )`SELECT state, reason FROM automation_runs WHERE id = ${runId}`,
    ),
  );
const sentTo = (run: SendCase) => simulator.ledger.rows().messages.filter(({ to }) => to === run.phone).length;

describe('a sequence', () => {
  it('sends its steps one after the other, each once, and then waits for an answer', async () => {
    const run = await aSequence([0, 120]);
    const now = Date.now();
    expect(await dispatch(run, now, 0)).toEqual({ outcome: 'sent', nextAt: now + 2 * HOUR_MS });
    expect(await runOf(run)).toMatchObject({ state: 'active' });
    expect(await dispatch(run, now, 1)).toEqual({ outcome: 'again', until: now + 2 * HOUR_MS }); // not before its time
    await later(run, 2);
    expect(await dispatch(run, now + 2 * HOUR_MS, 1)).toEqual({ outcome: 'sent' });
    expect(await dispatch(run, now + 2 * HOUR_MS, 1)).toEqual({ outcome: 'sent' });
    expect([sentTo(run), (await runOf(run)).state]).toEqual([2, 'waiting']);
    expect((await messagesOf(db.database, run)).mirrored).toBe(2);
  });

  it('stops at a reply', async () => {
    const run = await aSequence([0, 60]);
    await dispatch(run, Date.now(), 0);
    await createConversations(db.database).receive(run.tenantId, 0, {
      providerId: `in-${run.leadId}`,
      phone: run.phone,
      kind: 'text',
      body: 'Sí, gracias',
      sentAt: new Date(),
    });
    expect(await dispatch(run, Date.now() + 2 * HOUR_MS, 1)).toEqual({ outcome: 'ended', reason: 'run_ended' });
    expect([sentTo(run), await runOf(run)]).toEqual([1, { state: 'done', reason: 'replied' }]);
  });

  it('waits with its next step until the cap allows it', async () => {
    const run = await aSequence([0, 60], 24);
    const now = Date.now();
    await dispatch(run, now, 0);
    const waiting = await dispatch(run, now + HOUR_MS, 1);
    expect(waiting).toMatchObject({ outcome: 'again' });
    if (waiting.outcome === 'again') expect((waiting.until - now) / HOUR_MS).toBeCloseTo(24, 1);
    expect(sentTo(run)).toBe(1);
  });

  it('that runs while its rule is edited finishes as it began, or stops: as chosen', async () => {
    const [finishing, stopping] = [await aSequence([0, 60]), await aSequence([0, 60])];
    const now = Date.now();
    for (const [run, running] of [
      [finishing, 'finish'],
      [stopping, 'stop'],
    ] as const) {
      await dispatch(run, now, 0);
      const edited = { name: 'Otra', trigger: 'new_lead', conditions: {}, steps: [step(0)], dailyCap: null } as const;
      const which = { ruleId: run.ruleId, version: 1, running };
      await createRules(db.database).edit(run.tenantId, which, edited, system('test'));
      await later(run, 2);
    }
    expect(await dispatch(finishing, now + 2 * HOUR_MS, 1)).toEqual({ outcome: 'sent' });
    expect(await runOf(stopping)).toEqual({ state: 'stopped', reason: 'rule_edited' });
    expect(await dispatch(stopping, now + 2 * HOUR_MS, 0)).toMatchObject({ outcome: 'sent' }); // that one left before
    expect([sentTo(finishing), sentTo(stopping)]).toEqual([2, 1]);
  });

  it('is saved by the one of two people who was first', async () => {
    const run = await aSequence([0]);
    const rule = { name: 'Otra', trigger: 'new_lead', conditions: {}, steps: [step(0)], dailyCap: null } as const;
    const which = { ruleId: run.ruleId, version: 1, running: 'finish' } as const;
    const saves = await Promise.allSettled(
      [1, 2].map(() => createRules(db.database).edit(run.tenantId, which, rule, system('test'))),
    );
    expect(saves.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('a rule’s own cap', () => {
  it('is counted by its day', async () => {
    const first = await aSequence([0]);
    await change(first, sql.unsafe`UPDATE automation_rules SET daily_cap = 1 WHERE id = ${first.ruleId}`);
    expect(await dispatch(first, Date.now(), 0)).toEqual({ outcome: 'sent' });
    const second = await aRun(db.database, first.tenantId);
    await change(second, sql.unsafe`UPDATE automation_runs SET rule_id = ${first.ruleId} WHERE id = ${second.runId}`);
    expect(await dispatch(second, Date.now(), 0)).toEqual({ outcome: 'ended', reason: 'rule_cap_reached' });
  });
});

import { sql } from 'slonik';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { aRun, type SendCase } from '../../test/outbound.ts';
import { createConversations } from './conversations.ts';
import type { Report } from './message-reports.ts';
import { createMessagesByHand } from './messages-by-hand.ts';
import { createOutboundMessages } from './outbound-messages.ts';

const MINUTE_MS = 60_000;
let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

interface Sent extends SendCase {
  externalId: string;
}

async function aSentMessage(given: Parameters<typeof aRun>[2] = {}): Promise<Sent> {
  const run = await aRun(db.database, await aTenant(db), given);
  const claim = await createOutboundMessages(db.database).claim(run.tenantId, run.runId, new Date());
  if (claim.decision !== 'send') throw new Error(claim.decision);
  return { ...run, externalId: claim.message.externalId };
}

const report = (externalId: string, given: Partial<Report>): Report => ({
  externalId,
  providerId: null,
  wamid: null,
  at: new Date(),
  state: 'failed',
  errorCode: null,
  price: null,
  currency: null,
  ...given,
});
const fails = (sent: Sent, errorCode: string) =>
  createConversations(db.database).applyStatuses(sent.tenantId, {
    reports: [{ inboxId: 0, report: report(sent.externalId, { errorCode }) }],
  });

const attemptRow = z.object({
  id: z.string(),
  state: z.string(),
  attempt: z.number(),
  origin: z.string(),
  external_id: z.string(),
  error_code: z.string().nullable(),
  due_in_ms: z.number().nullable(),
});
const factsRow = z.object({
  run: z.string(),
  run_reason: z.string().nullable(),
  is_active: z.boolean(),
  stopped_reason: z.string().nullable(),
  sending: z.string(),
  stopped_by: z.string().nullable(),
  mirrored: z.number(),
});
const factsOf = ({ tenantId, leadId, ruleId, runId }: Sent) =>
  db.database.inTenant(tenantId, async (tx) => ({
    attempts: await tx.any(sql.type(attemptRow)`
      SELECT id, state, attempt, origin, external_id, error_code, extract(epoch FROM due_at - now())::float8 * 1000 AS due_in_ms
      FROM outbound_messages WHERE tenant_id = ${tenantId} AND lead_id = ${leadId} ORDER BY attempt`),
    logs: await tx.any(sql.type(z.object({ status: z.string(), reason: z.string().nullable() }))`
      SELECT status, reason FROM automation_logs WHERE tenant_id = ${tenantId} AND lead_id = ${leadId} ORDER BY id`),
    events: await tx.anyFirst(sql.type(z.object({ name: z.string() }))`
      SELECT name FROM system_events WHERE tenant_id = ${tenantId} AND name IN ('automation_rule.stopped', 'sending.stopped', 'message.another_attempt') ORDER BY id`),
    ...(await tx.one(sql.type(factsRow)`
      SELECT r.state AS run, r.reason AS run_reason, u.is_active, u.stopped_reason, t.sending, t.sending_stopped_by AS stopped_by,
        (SELECT count(*) FROM chat_messages c WHERE c.tenant_id = t.id AND c.lead_id = ${leadId} AND c.direction = 'out') AS mirrored
      FROM automation_runs r JOIN automation_rules u ON u.tenant_id = r.tenant_id AND u.id = r.rule_id JOIN tenants t ON t.id = r.tenant_id
      WHERE r.tenant_id = ${tenantId} AND r.id = ${runId} AND u.id = ${ruleId}`)),
  }));
const lastAttempt = async (sent: Sent) => {
  const last = (await factsOf(sent)).attempts.at(-1);
  if (!last) throw new Error('no attempt');
  return last;
};
const change = (sent: Sent, statement: ReturnType<typeof sql.unsafe>) =>
  db.database.inTenant(sent.tenantId, (tx) => tx.query(statement));
const claimAgain = async (sent: Sent, now = new Date()) =>
  createMessagesByHand(db.database).claim(sent.tenantId, (await lastAttempt(sent)).id, now);

describe('a message that Meta never took', () => {
  it.each([
    ['130429', MINUTE_MS],
    ['131056', MINUTE_MS],
    ['131049', 25 * 60 * MINUTE_MS],
  ])('is followed by another attempt: %s', async (code, after) => {
    const sent = await aSentMessage();
    const { failedRuns } = await fails(sent, code);
    const { attempts, run, mirrored, logs, events } = await factsOf(sent);
    expect(attempts.map(({ state, attempt, origin }) => [state, attempt, origin])).toEqual([
      ['failed', 1, 'rule'],
      ['claimed', 2, 'retry'],
    ]);
    expect(Math.abs((attempts[1]?.due_in_ms ?? 0) - after)).toBeLessThan(MINUTE_MS / 2);
    expect([failedRuns, run, mirrored, events]).toEqual([[], 'waiting', 2, ['message.another_attempt']]);
    expect(logs.at(-1)).toEqual({ status: 'claimed', reason: code });
    expect(await claimAgain(sent)).toMatchObject({ decision: 'send', message: { templateName: 'bienvenida_lead' } });
  });

  it('is tried no more after the third attempt, and then its run ends', async () => {
    const sent = await aSentMessage();
    await fails(sent, '131056');
    for (const _ of ['second', 'third']) {
      await claimAgain(sent);
      await fails({ ...sent, externalId: (await lastAttempt(sent)).external_id }, '131056');
    }
    const { attempts, run, run_reason } = await factsOf(sent);
    expect(attempts.map(({ state }) => state)).toEqual(['failed', 'failed', 'failed']);
    expect([run, run_reason]).toEqual(['stopped', 'message_failed']);
  });

  it('is tried once more however often its failure is told', async () => {
    const sent = await aSentMessage();
    for (const _ of [1, 2, 3]) await fails(sent, '131056');
    expect((await factsOf(sent)).attempts).toHaveLength(2);
  });

  it('is not sent again when it was delivered after all', async () => {
    const sent = await aSentMessage();
    await fails(sent, '131056');
    await createConversations(db.database).applyStatuses(sent.tenantId, {
      reports: [{ inboxId: 0, report: report(sent.externalId, { state: 'delivered' }) }],
    });
    expect(await claimAgain(sent)).toEqual({ decision: 'skip', reason: 'arrived_meanwhile' });
  });

  it('is not sent again to somebody who answered or asked for no more', async () => {
    const [answered, left] = [await aSentMessage(), await aSentMessage()];
    for (const sent of [answered, left]) await fails(sent, '131056');
    await change(
      answered,
      sql.unsafe`UPDATE automation_runs SET state = 'done', reason = 'replied' WHERE tenant_id = ${answered.tenantId}`,
    );
    await change(
      left,
      sql.unsafe`INSERT INTO suppressions (tenant_id, phone, source) VALUES (${left.tenantId}, ${left.phone}, 'test')`,
    );
    expect(await claimAgain(answered)).toEqual({ decision: 'skip', reason: 'run_ended' });
    expect(await claimAgain(left)).toEqual({ decision: 'skip', reason: 'opted_out' });
    expect((await factsOf(left)).run).toBe('stopped');
  });

  it('waits with its rule, and for its day', async () => {
    const sent = await aSentMessage();
    await fails(sent, '131049');
    const inThirtyHours = new Date(Date.now() + 30 * 60 * MINUTE_MS);
    await change(sent, sql.unsafe`UPDATE automation_rules SET is_active = false WHERE tenant_id = ${sent.tenantId}`);
    expect(await claimAgain(sent, inThirtyHours)).toMatchObject({ decision: 'wait', reason: 'rule_paused' });
    await change(sent, sql.unsafe`UPDATE automation_rules SET is_active = true WHERE tenant_id = ${sent.tenantId}`);
    expect(await claimAgain(sent, inThirtyHours)).toMatchObject({ decision: 'send' });
  });

  it('leaves a sequence on its way', async () => {
    const step = { templateName: 'bienvenida_lead', language: 'es', variables: ['first_name'] };
    const steps = [0, 1440].map((waitMinutes) => ({ ...step, waitMinutes }));
    const sent = await aSentMessage({ action: { steps } });
    await fails(sent, '131056');
    expect((await factsOf(sent)).run).toBe('active');
    expect(await claimAgain(sent)).toMatchObject({ decision: 'send' });
  });
});

describe('a failure that would come again', () => {
  it.each(['131026', '131047', '131000', '131057', 'PARAM_INVALID', '424242'])(
    'of this message only ends its run: %s',
    async (code) => {
      const sent = await aSentMessage();
      const { failedRuns, senderStopped } = await fails(sent, code);
      const { attempts, run, is_active, sending, events } = await factsOf(sent);
      expect([attempts.length, run, is_active, sending, events]).toEqual([1, 'stopped', true, 'on', []]);
      expect([failedRuns.length, senderStopped]).toEqual([1, false]);
    },
  );

  it.each([
    ['132001', 'template_gone'],
    ['132015', 'template_paused'],
    ['WHATSAPP_TEMPLATE_UNAVAILABLE', 'template_not_approved'],
  ])('of the template stops the rule and says why: %s', async (code, reason) => {
    const sent = await aSentMessage();
    await fails(sent, code);
    const { is_active, stopped_reason, logs, events, sending } = await factsOf(sent);
    expect([is_active, stopped_reason, sending, events]).toEqual([false, reason, 'on', ['automation_rule.stopped']]);
    expect(logs.at(-1)).toEqual({ status: 'rule_stopped', reason });
  });

  it.each(['BALANCE_INSUFFICIENT', '131031', '133010'])('of the account stops all sending: %s', async (code) => {
    const sent = await aSentMessage();
    expect((await fails(sent, code)).senderStopped).toBe(true);
    const { sending, stopped_by, is_active, logs, events } = await factsOf(sent);
    expect([sending, stopped_by, is_active, events]).toEqual(['paused', code, true, ['sending.stopped']]);
    expect(logs.at(-1)).toEqual({ status: 'sender_stopped', reason: code });
    expect((await fails(sent, code)).senderStopped).toBe(false);
  });

  it('of a number that is no longer used stops nothing', async () => {
    const sent = await aSentMessage();
    await change(
      sent,
      sql.unsafe`UPDATE whatsapp_senders SET phone = '+541155550002' WHERE tenant_id = ${sent.tenantId}`,
    );
    expect((await fails(sent, '131031')).senderStopped).toBe(false);
    expect((await factsOf(sent)).sending).toBe('on');
  });
});

import { sql } from 'slonik';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../adapters/free-port.ts';
import { createMetrics } from '../adapters/metrics.ts';
import { createConversations } from '../adapters/postgres/conversations.ts';
import { createMessagesByHand } from '../adapters/postgres/messages-by-hand.ts';
import { createOutboundMessages } from '../adapters/postgres/outbound-messages.ts';
import { createRateLimit } from '../adapters/redis/limits.ts';
import { createYCloud } from '../adapters/ycloud/client.ts';
import { AppError } from '../domain/error.ts';
import { startYCloudSimulator, type YCloudSimulator } from '../simulators/ycloud/server.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { aRun, messagesOf, type SendCase } from '../test/outbound.ts';
import { silentLog } from '../test/silent-log.ts';
import { createMessageActivities, type MessageDeps } from './messages.ts';

const KEY = 'ycloud-test-key';
let db: TestDatabase;
let simulator: YCloudSimulator;

beforeAll(async () => {
  db = await testDatabase();
  simulator = await startYCloudSimulator({ apiKeys: [KEY] });
});
afterAll(() => simulator.close());
afterEach(() => simulator.faults.clear());

const SENDS = { path: '/v2/whatsapp/messages' };
const live = { publish: () => {}, subscribe: () => () => {} };

function activities(given: Partial<MessageDeps> = {}) {
  return createMessageActivities({
    outbound: createOutboundMessages(db.database),
    byHand: createMessagesByHand(db.database),
    credentials: { ycloudKey: async () => KEY },
    ycloud: createYCloud({ url: simulator.url, log: silentLog }),
    live,
    metrics: createMetrics(),
    tellColleague: async () => {},
    takeSendSlot: async () => {},
    diagnose: () => {},
    ...given,
  });
}

const dispatch = (run: SendCase, given: Partial<MessageDeps> = {}) =>
  activities(given).dispatchMessage({ tenantId: run.tenantId, runId: run.runId });
const noText = { sendText: () => Promise.reject(new Error('no text is sent here')) };
const sentTo = (run: SendCase) => simulator.ledger.rows().messages.filter(({ to }) => to === run.phone);
const newRun = async (given: Parameters<typeof aRun>[2] = {}) => aRun(db.database, await aTenant(db), given);
const change = (run: SendCase, statement: ReturnType<typeof sql.unsafe>) =>
  db.database.inTenant(run.tenantId, (tx) => tx.query(statement));

describe('dispatching a template', () => {
  it('sends it once, with both mirrors written', async () => {
    const run = await newRun();
    expect(await dispatch(run)).toEqual({ outcome: 'sent' });
    const { messages, mirrored, logs } = await messagesOf(db.database, run);
    expect(messages.map(({ state }) => state)).toEqual(['accepted']);
    expect([mirrored, logs.map(({ status }) => status)]).toEqual([1, ['accepted']]);
    expect(sentTo(run)).toHaveLength(1);
  });

  it('sends nothing more when it is repeated', async () => {
    const run = await newRun();
    await dispatch(run);
    expect(await dispatch(run)).toEqual({ outcome: 'sent' });
    expect(sentTo(run)).toHaveLength(1);
  });

  it('has the message mirrored before YCloud is called', async () => {
    const run = await newRun();
    const seen: number[] = [];
    const ycloud = {
      ...noText,
      sendTemplate: async () => {
        seen.push((await messagesOf(db.database, run)).mirrored);
        return { outcome: 'unclear', why: 'test' } as const;
      },
    };
    await dispatch(run, { ycloud });
    expect(seen).toEqual([1]);
  });

  it('never sends again what may have been sent: the connection was cut after accepting', async () => {
    const run = await newRun();
    simulator.faults.add({ match: SENDS, kind: 'cut_after_accept' });
    expect(await dispatch(run)).toEqual({ outcome: 'sent' });
    await dispatch(run);
    expect((await messagesOf(db.database, run)).messages[0]?.state).toBe('unconfirmed');
    expect(sentTo(run)).toHaveLength(1);
  });

  it.each([503, 500, 502])('leaves a %d unconfirmed and never retries it', async (status) => {
    const run = await newRun();
    simulator.faults.add({ match: SENDS, kind: status === 502 ? 'html' : 'status', value: status });
    await dispatch(run);
    await dispatch(run);
    expect((await messagesOf(db.database, run)).messages[0]?.state).toBe('unconfirmed');
    expect(sentTo(run)).toHaveLength(0);
  });

  it('leaves an unreadable acceptance unconfirmed', async () => {
    const run = await newRun();
    simulator.faults.add({ match: SENDS, kind: 'truncate' });
    await dispatch(run);
    expect((await messagesOf(db.database, run)).messages[0]?.state).toBe('unconfirmed');
  });

  it('tries again what was certainly not sent, in the same row', async () => {
    const run = await newRun();
    simulator.faults.add({ match: SENDS, kind: 'status', value: 429, times: 1 });
    expect(await dispatch(run)).toMatchObject({ outcome: 'again' });
    expect((await messagesOf(db.database, run)).messages[0]?.state).toBe('claimed');
    expect(await dispatch(run)).toEqual({ outcome: 'sent' });
    const { messages, mirrored } = await messagesOf(db.database, run);
    expect([messages.length, messages[0]?.state, mirrored, sentTo(run).length]).toEqual([1, 'accepted', 1, 1]);
  });

  it('knows that nothing left when nobody listens', async () => {
    const run = await newRun();
    const ycloud = createYCloud({ url: `http://127.0.0.1:${await freePort()}`, log: silentLog });
    expect(await dispatch(run, { ycloud })).toMatchObject({ outcome: 'again' });
    expect((await messagesOf(db.database, run)).messages[0]?.state).toBe('claimed');
  });

  it('gives up after 24 hours of certainly not sending', async () => {
    const run = await newRun();
    simulator.faults.add({ match: SENDS, kind: 'status', value: 429 });
    await dispatch(run);
    const tomorrow = () => new Date(Date.now() + 25 * 60 * 60_000);
    expect(await dispatch(run, { now: tomorrow })).toEqual({ outcome: 'ended', reason: 'gave_up' });
    expect((await messagesOf(db.database, run)).messages[0]?.state).toBe('cancelled');
  });

  it('stops at a refusal', async () => {
    const run = await newRun();
    simulator.faults.add({ match: SENDS, kind: 'code', value: '131009' });
    expect(await dispatch(run)).toEqual({ outcome: 'ended', reason: 'rejected' });
    expect((await messagesOf(db.database, run)).messages[0]?.state).toBe('rejected');
  });

  it('finds its own row sending after a crash, and leaves it unconfirmed', async () => {
    const run = await newRun();
    const crash = {
      ...noText,
      sendTemplate: async () => {
        throw new Error('the process died');
      },
    };
    await expect(dispatch(run, { ycloud: crash })).rejects.toThrow();
    expect(await dispatch(run)).toEqual({ outcome: 'sent' });
    expect((await messagesOf(db.database, run)).messages[0]?.state).toBe('unconfirmed');
    expect(sentTo(run)).toHaveLength(0);
  });

  it('sends once when two attempts race', async () => {
    const run = await newRun();
    await Promise.all([dispatch(run), dispatch(run), dispatch(run)]);
    expect(sentTo(run)).toHaveLength(1);
  });
});

describe('what keeps a template back', () => {
  it.each<[string, (run: SendCase) => ReturnType<typeof sql.unsafe>]>([
    [
      'opted_out',
      (run) =>
        sql.unsafe`INSERT INTO suppressions (tenant_id, phone, source) VALUES (${run.tenantId}, ${run.phone}, 'test')`,
    ],
    ['run_ended', (run) => sql.unsafe`UPDATE automation_runs SET state = 'stopped' WHERE tenant_id = ${run.tenantId}`],
    [
      'template_not_approved',
      (run) => sql.unsafe`UPDATE meta_templates SET status = 'PAUSED' WHERE tenant_id = ${run.tenantId}`,
    ],
    ['template_missing', (run) => sql.unsafe`DELETE FROM meta_templates WHERE tenant_id = ${run.tenantId}`],
    [
      'template_changed',
      (run) =>
        sql.unsafe`UPDATE meta_templates SET components = '[{"type":"BODY","text":"Hola"}]' WHERE tenant_id = ${run.tenantId}`,
    ],
    ['no_sender', (run) => sql.unsafe`DELETE FROM whatsapp_senders WHERE tenant_id = ${run.tenantId}`],
    [
      'sender_unavailable',
      (run) => sql.unsafe`UPDATE whatsapp_senders SET status = 'BANNED' WHERE tenant_id = ${run.tenantId}`,
    ],
    ['variable_missing', (run) => sql.unsafe`UPDATE leads SET full_name = NULL WHERE tenant_id = ${run.tenantId}`],
  ])('is logged: %s', async (reason, statement) => {
    const run = await newRun();
    await change(run, statement(run));
    expect(await dispatch(run)).toEqual({ outcome: 'ended', reason });
    const { messages, logs } = await messagesOf(db.database, run);
    expect([messages.length, logs.at(-1)?.reason, sentTo(run).length]).toEqual([0, reason, 0]);
  });

  it('is a tenant without a key to send with', async () => {
    const run = await newRun();
    const ycloudKey = () => Promise.reject(new AppError('misconfigured', 'no YCloud key'));
    expect(await dispatch(run, { credentials: { ycloudKey } })).toEqual({ outcome: 'ended', reason: 'no_api_key' });
    const { messages, logs } = await messagesOf(db.database, run);
    expect([messages.length, logs.at(-1), sentTo(run).length]).toEqual([
      0,
      { status: 'skipped', reason: 'no_api_key' },
      0,
    ]);
  });

  it('is no phone, or a test lead', async () => {
    expect(await dispatch(await newRun({ phone: null }))).toEqual({ outcome: 'ended', reason: 'no_phone' });
    expect(await dispatch(await newRun({ isTest: true }))).toEqual({ outcome: 'ended', reason: 'test_lead' });
  });

  it('is a cap: one template to one phone in 24 hours', async () => {
    const first = await newRun();
    await dispatch(first);
    const second = await aRun(db.database, first.tenantId, { phone: first.phone });
    expect(await dispatch(second)).toEqual({ outcome: 'ended', reason: 'cap_reached' });
  });

  it('is the pace of one message every 6 seconds to one person, which only waits', async () => {
    const first = await newRun();
    await change(first, sql.unsafe`UPDATE tenants SET template_cap = 5 WHERE id = ${first.tenantId}`);
    const second = await aRun(db.database, first.tenantId, { phone: first.phone });
    const other = await aRun(db.database, first.tenantId);
    expect(await dispatch(first)).toEqual({ outcome: 'sent' });
    const before = Date.now();
    const held = await dispatch(second);
    if (held.outcome !== 'again') throw new Error(held.outcome);
    expect(held.until - before).toBeLessThanOrEqual(6_000);
    expect((await messagesOf(db.database, second)).logs).toEqual([{ status: 'waiting', reason: 'person_rate' }]);
    expect(await dispatch(other)).toEqual({ outcome: 'sent' });
    expect(await dispatch(second, { now: () => new Date(held.until) })).toEqual({ outcome: 'sent' });
  });

  it('is the rule’s own cap of the day', async () => {
    const first = await newRun();
    await change(first, sql.unsafe`UPDATE automation_rules SET daily_cap = 1 WHERE tenant_id = ${first.tenantId}`);
    await dispatch(first);
    const second = await aRun(db.database, first.tenantId);
    await change(
      second,
      sql.unsafe`UPDATE automation_runs SET rule_id = ${first.ruleId} WHERE tenant_id = ${first.tenantId} AND id = ${second.runId}`,
    );
    expect(await dispatch(second)).toEqual({ outcome: 'ended', reason: 'rule_cap_reached' });
  });

  it('is the pace of the number, before anything is claimed', async () => {
    const run = await newRun();
    const slots = createRateLimit(undefined, 'send-test', { points: 1, seconds: 60 });
    const takeSendSlot = (tenantId: number) => slots.count(`${tenantId}`);
    await takeSendSlot(run.tenantId);
    await expect(dispatch(run, { takeSendSlot })).rejects.toMatchObject({ code: 'rate_limited' });
    expect((await messagesOf(db.database, run)).messages).toEqual([]);
  });

  it('is that cap too when eight rules meet one person at the same moment', async () => {
    const first = await newRun();
    const others = await Promise.all(
      Array.from({ length: 7 }, () => aRun(db.database, first.tenantId, { phone: first.phone })),
    );
    const results = await Promise.all([first, ...others].map((run) => dispatch(run)));
    expect(results.filter(({ outcome }) => outcome === 'sent')).toHaveLength(1);
    expect(sentTo(first)).toHaveLength(1);
  });

  it('is the pause switch and the quiet hours, which only wait', async () => {
    const run = await newRun();
    await change(run, sql.unsafe`UPDATE tenants SET sending = 'paused' WHERE id = ${run.tenantId}`);
    expect(await dispatch(run)).toMatchObject({ outcome: 'again' });
    await change(
      run,
      sql.unsafe`UPDATE tenants SET sending = 'on', quiet_from = '21:00', quiet_until = '09:00' WHERE id = ${run.tenantId}`,
    );
    const night = () => new Date('2026-11-24T23:30:00-03:00');
    expect(await dispatch(run, { now: night })).toEqual({
      outcome: 'again',
      until: Date.parse('2026-11-25T09:00:00-03:00'),
    });
    expect((await messagesOf(db.database, run)).logs.map(({ status, reason }) => [status, reason])).toEqual([
      ['waiting', 'sending_paused'],
      ['waiting', 'quiet_hours'],
    ]);
    expect(await dispatch(run, { now: () => new Date('2026-11-25T09:00:00-03:00') })).toEqual({ outcome: 'sent' });
  });

  it('is a whole day of rest, which only waits', async () => {
    const run = await newRun();
    await change(run, sql.unsafe`UPDATE tenants SET quiet_days = '{7}' WHERE id = ${run.tenantId}`);
    expect(await dispatch(run, { now: () => new Date('2026-11-29T12:00:00-03:00') })).toEqual({
      outcome: 'again',
      until: Date.parse('2026-11-30T00:00:00-03:00'),
    });
  });

  it('is its rule’s pause, which holds it back and says so once', async () => {
    const run = await newRun();
    await change(run, sql.unsafe`UPDATE automation_rules SET is_active = false WHERE tenant_id = ${run.tenantId}`);
    for (const _ of [1, 2, 3]) expect(await dispatch(run)).toMatchObject({ outcome: 'again' });
    expect((await messagesOf(db.database, run)).logs).toEqual([{ status: 'waiting', reason: 'rule_paused' }]);
  });

  it('is a due time that was set for it', async () => {
    const run = await newRun();
    const at = new Date(Date.now() + 3_600_000);
    await change(run, sql.unsafe`UPDATE automation_runs SET due_at = ${at.toISOString()}::timestamptz`);
    expect(await dispatch(run)).toEqual({ outcome: 'again', until: at.getTime() });
    expect(await dispatch(run, { now: () => at })).toEqual({ outcome: 'sent' });
  });

  it('is an opt-out that came while the message was due', async () => {
    const run = await newRun();
    const inbound = {
      providerId: `in-${run.leadId}`,
      phone: run.phone,
      kind: 'text',
      body: 'BAJA',
      sentAt: new Date(),
    };
    await createConversations(db.database).receive(run.tenantId, 0, inbound);
    expect(await dispatch(run)).toMatchObject({ outcome: 'ended' });
    expect(sentTo(run)).toHaveLength(0);
  });
});

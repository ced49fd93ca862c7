import { sql } from 'slonik';
import { describe, expect, it } from 'vitest';
import { createConversations } from '../adapters/postgres/conversations.ts';
import { createRateLimit } from '../adapters/redis/limits.ts';
import { AppError } from '../domain/error.ts';
import { messageBench } from '../test/message-bench.ts';
import { aRun, messagesOf, type SendCase } from '../test/outbound.ts';

const bench = messageBench();
const { change, dispatch, newRun, sentTo } = bench;

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
    const { messages, logs } = await messagesOf(bench.db.database, run);
    expect([messages.length, logs.at(-1)?.reason, sentTo(run).length]).toEqual([0, reason, 0]);
  });

  it('is a tenant without a key to send with', async () => {
    const run = await newRun();
    const ycloudKey = () => Promise.reject(new AppError('misconfigured', 'no YCloud key'));
    expect(await dispatch(run, { credentials: { ycloudKey } })).toEqual({ outcome: 'ended', reason: 'no_api_key' });
    const { messages, logs } = await messagesOf(bench.db.database, run);
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
    const second = await aRun(bench.db.database, first.tenantId, { phone: first.phone });
    expect(await dispatch(second)).toEqual({ outcome: 'ended', reason: 'cap_reached' });
  });

  it('is the pace of one message every 6 seconds to one person, which only waits', async () => {
    const first = await newRun();
    await change(first, sql.unsafe`UPDATE tenants SET template_cap = 5 WHERE id = ${first.tenantId}`);
    const second = await aRun(bench.db.database, first.tenantId, { phone: first.phone });
    const other = await aRun(bench.db.database, first.tenantId);
    expect(await dispatch(first)).toEqual({ outcome: 'sent' });
    const before = Date.now();
    const held = await dispatch(second);
    if (held.outcome !== 'again') throw new Error(held.outcome);
    expect(held.until - before).toBeLessThanOrEqual(6_000);
    expect((await messagesOf(bench.db.database, second)).logs).toEqual([{ status: 'waiting', reason: 'person_rate' }]);
    expect(await dispatch(other)).toEqual({ outcome: 'sent' });
    expect(await dispatch(second, { now: () => new Date(held.until) })).toEqual({ outcome: 'sent' });
  });

  it('is the rule’s own cap of the day', async () => {
    const first = await newRun();
    await change(first, sql.unsafe`UPDATE automation_rules SET daily_cap = 1 WHERE tenant_id = ${first.tenantId}`);
    await dispatch(first);
    const second = await aRun(bench.db.database, first.tenantId);
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
    expect((await messagesOf(bench.db.database, run)).messages).toEqual([]);
  });

  it('is that cap too when eight rules meet one person at the same moment', async () => {
    const first = await newRun();
    const others = await Promise.all(
      Array.from({ length: 7 }, () => aRun(bench.db.database, first.tenantId, { phone: first.phone })),
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
    expect((await messagesOf(bench.db.database, run)).logs.map(({ status, reason }) => [status, reason])).toEqual([
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
    expect((await messagesOf(bench.db.database, run)).logs).toEqual([{ status: 'waiting', reason: 'rule_paused' }]);
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
    await createConversations(bench.db.database).receive(run.tenantId, 0, inbound);
    expect(await dispatch(run)).toMatchObject({ outcome: 'ended' });
    expect(sentTo(run)).toHaveLength(0);
  });
});

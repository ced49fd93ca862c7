import { sql } from 'slonik';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createAutomationRuns } from '../adapters/postgres/automation-runs.ts';
import { createConversations } from '../adapters/postgres/conversations.ts';
import { createInbox } from '../adapters/postgres/inbox.ts';
import { createOutboundMessages } from '../adapters/postgres/outbound-messages.ts';
import { createUnconfirmedMessages } from '../adapters/postgres/unconfirmed-messages.ts';
import type { Actor } from '../domain/actor.ts';
import { aTenant } from '../test/database.ts';
import { messageBench, SENDS } from '../test/message-bench.ts';
import { aRun, messagesOf, type SendCase } from '../test/outbound.ts';
import type { MessageDeps } from './messages.ts';

const person: Actor = { type: 'user', id: null };
const bench = messageBench();
const { activities, sentTo } = bench;
const unconfirmed = () => createUnconfirmedMessages(bench.db.database);
const inAQuarter = () => new Date(Date.now() + 16 * 60_000);

interface Doubt extends SendCase {
  messageId: string;
  externalId: string;
}

/** A message of a rule whose outcome is unclear; `reached` says whether YCloud took it. */
async function aDoubt(reached = false): Promise<Doubt> {
  const run = await aRun(bench.db.database, await aTenant(bench.db));
  bench.simulator.faults.add({ match: SENDS, kind: reached ? 'cut_after_accept' : 'status', value: 503, times: 1 });
  await activities().dispatchMessage({ tenantId: run.tenantId, runId: run.runId });
  const [message] = (await messagesOf(bench.db.database, run)).messages;
  if (message?.state !== 'unconfirmed') throw new Error(`state ${message?.state}`);
  return { ...run, messageId: message.id, externalId: message.external_id };
}

const again = (doubt: Doubt, at = inAQuarter()) => unconfirmed().sendAgain(doubt.tenantId, doubt.messageId, person, at);
const dispatch = ({ tenantId }: Doubt, messageId: string, given: Partial<MessageDeps> = {}) =>
  activities(given).dispatchByHand({ tenantId, messageId });
const report = ({ tenantId, externalId }: Doubt, state: 'delivered' | 'failed') =>
  createOutboundMessages(bench.db.database).settle(tenantId, {
    externalId,
    providerId: null,
    wamid: null,
    state,
    at: new Date(),
    errorCode: state === 'failed' ? '131026' : null,
    price: null,
    currency: null,
  });
const rowOf = ({ tenantId }: SendCase, messageId: string) =>
  bench.db.database.inTenant(tenantId, (tx) =>
    tx.one(
      sql.type(
        z.object({ state: z.string(), error_code: z.string().nullable(), resolution: z.string().nullable() }),
      )`SELECT state, error_code, resolution FROM outbound_messages WHERE tenant_id = ${tenantId} AND id = ${messageId}`,
    ),
  );
const runOf = ({ tenantId, runId }: SendCase) =>
  bench.db.database.inTenant(tenantId, (tx) =>
    tx.one(
      sql.type(
        z.object({ state: z.string(), reason: z.string().nullable() }),
      )`SELECT state, reason FROM automation_runs WHERE tenant_id = ${tenantId} AND id = ${runId}`,
    ),
  );

describe('sending again what is in doubt', () => {
  it('is a new attempt in a row of its own, with both mirrors', async () => {
    const doubt = await aDoubt();
    const { messageId } = await again(doubt);
    expect(await dispatch(doubt, messageId)).toEqual({ outcome: 'sent' });
    const { messages, mirrored } = await messagesOf(bench.db.database, doubt);
    expect([messages.length, mirrored, sentTo(doubt).length]).toEqual([2, 2, 1]);
    expect(await rowOf(doubt, messageId)).toMatchObject({ state: 'accepted' });
    expect(await rowOf(doubt, doubt.messageId)).toMatchObject({ state: 'unconfirmed', resolution: 'again' });
    expect(sentTo(doubt)[0]).toMatchObject({ template: 'bienvenida_lead' });
  });

  it('sends once, however often its workflow repeats', async () => {
    const doubt = await aDoubt();
    const { messageId } = await again(doubt);
    await Promise.all([dispatch(doubt, messageId), dispatch(doubt, messageId), dispatch(doubt, messageId)]);
    await dispatch(doubt, messageId);
    expect(sentTo(doubt)).toHaveLength(1);
  });

  it('is granted to one of two people who press at the same moment', async () => {
    const doubt = await aDoubt();
    const presses = await Promise.allSettled([again(doubt), again(doubt), again(doubt)]);
    expect(presses.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const press of presses)
      if (press.status === 'rejected') expect(press.reason).toMatchObject({ code: 'conflict' });
  });

  it('is refused for a quarter of an hour', async () => {
    const doubt = await aDoubt();
    await expect(again(doubt, new Date(Date.now() + 14 * 60_000))).rejects.toMatchObject({
      code: 'conflict',
      details: { why: 'too_early' },
    });
  });

  it('is not done when a late status says that the first arrived, before the press or after it', async () => {
    const before = await aDoubt(true);
    await report(before, 'delivered');
    await expect(again(before)).rejects.toMatchObject({ code: 'conflict' });
    const after = await aDoubt(true);
    const { messageId } = await again(after);
    await report(after, 'delivered');
    expect(await dispatch(after, messageId)).toEqual({ outcome: 'ended', reason: 'arrived_meanwhile' });
    expect(sentTo(after)).toHaveLength(1);
    expect(await rowOf(after, messageId)).toMatchObject({ state: 'cancelled', error_code: 'arrived_meanwhile' });
  });

  it('is not followed by the first after all: a process that stood still between claim and POST sends nothing', async () => {
    const run = await aRun(bench.db.database, await aTenant(bench.db));
    let clock = Date.now();
    const outbound = createOutboundMessages(bench.db.database);
    const zombie = activities({
      now: () => new Date(clock),
      outbound: {
        ...outbound,
        claim: async (...given) => {
          const claim = await outbound.claim(...given);
          if (claim.decision !== 'send') return claim;
          // The process stands still here. Meanwhile the dispatcher finds the row, and a person sends it again.
          clock += 20 * 60_000;
          await outbound.markUnconfirmed(run.tenantId, claim.message.messageId, 'no_answer');
          const doubt = { ...run, messageId: claim.message.messageId, externalId: claim.message.externalId };
          const { messageId } = await again(doubt);
          expect(await dispatch(doubt, messageId)).toEqual({ outcome: 'sent' });
          return claim;
        },
      },
    });
    expect(await zombie.dispatchMessage({ tenantId: run.tenantId, runId: run.runId })).toEqual({ outcome: 'sent' });
    expect(sentTo(run)).toHaveLength(1);
  });

  it('asks the same checks: an opt-out, the pause, a template that is not approved', async () => {
    const doubt = await aDoubt();
    const { messageId } = await again(doubt);
    const change = (statement: ReturnType<typeof sql.unsafe>) =>
      bench.db.database.inTenant(doubt.tenantId, (tx) => tx.query(statement));
    await change(sql.unsafe`UPDATE tenants SET sending = 'paused' WHERE id = ${doubt.tenantId}`);
    expect(await dispatch(doubt, messageId)).toMatchObject({ outcome: 'again' });
    await change(sql.unsafe`UPDATE tenants SET sending = 'on' WHERE id = ${doubt.tenantId}`);
    await change(
      sql.unsafe`INSERT INTO suppressions (tenant_id, phone, source) VALUES (${doubt.tenantId}, ${doubt.phone}, 'stop_word')`,
    );
    expect(await dispatch(doubt, messageId)).toEqual({ outcome: 'ended', reason: 'opted_out' });
    expect(sentTo(doubt)).toHaveLength(0);
  });

  it('goes on although the run ended or its rule rests: a person asked', async () => {
    const doubt = await aDoubt();
    await bench.db.database.inTenant(doubt.tenantId, async (tx) => {
      await tx.query(sql.unsafe`UPDATE automation_runs SET state = 'done' WHERE tenant_id = ${doubt.tenantId}`);
      await tx.query(sql.unsafe`UPDATE automation_rules SET is_active = false WHERE tenant_id = ${doubt.tenantId}`);
    });
    const { messageId } = await again(doubt);
    expect(await dispatch(doubt, messageId)).toEqual({ outcome: 'sent' });
  });

  it('that ends in doubt too can be sent again in turn', async () => {
    const doubt = await aDoubt();
    const second = await again(doubt);
    bench.simulator.faults.add({ match: SENDS, kind: 'status', value: 500, times: 1 });
    await dispatch(doubt, second.messageId);
    expect((await unconfirmed().open(doubt.tenantId)).map(({ id, attempt }) => [id, attempt])).toEqual([
      [second.messageId, 2],
    ]);
    const third = await again({ ...doubt, messageId: second.messageId });
    expect(await dispatch(doubt, third.messageId)).toEqual({ outcome: 'sent' });
    expect(sentTo(doubt)).toHaveLength(1);
  });
});

describe('what a person found out', () => {
  it('moves the message like a report, once', async () => {
    const doubt = await aDoubt(true);
    await unconfirmed().resolve(doubt.tenantId, doubt.messageId, 'arrived', person);
    expect(await rowOf(doubt, doubt.messageId)).toMatchObject({ state: 'delivered', resolution: 'arrived' });
    const lost = unconfirmed().resolve(doubt.tenantId, doubt.messageId, 'lost', person);
    await expect(lost).rejects.toMatchObject({ code: 'conflict' });
    await expect(again(doubt)).rejects.toMatchObject({ code: 'conflict' });
    expect((await messagesOf(bench.db.database, doubt)).logs.at(-1)).toEqual({ status: 'delivered', reason: null });
  });

  it('may be wrong: WhatsApp’s own delivery counts more than "it did not"', async () => {
    const doubt = await aDoubt(true);
    await unconfirmed().resolve(doubt.tenantId, doubt.messageId, 'lost', person);
    expect(await runOf(doubt)).toEqual({ state: 'stopped', reason: 'message_failed' });
    await report(doubt, 'delivered');
    expect(await rowOf(doubt, doubt.messageId)).toMatchObject({ state: 'delivered' });
    await expect(again(doubt)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('that it did not arrive lets it be sent again', async () => {
    const doubt = await aDoubt();
    await unconfirmed().resolve(doubt.tenantId, doubt.messageId, 'lost', person);
    const { messageId } = await again(doubt);
    expect(await dispatch(doubt, messageId)).toEqual({ outcome: 'sent' });
  });

  it('is one of two when they press at the same moment', async () => {
    const doubt = await aDoubt();
    const presses = await Promise.allSettled([
      unconfirmed().resolve(doubt.tenantId, doubt.messageId, 'arrived', person),
      unconfirmed().resolve(doubt.tenantId, doubt.messageId, 'lost', person),
      again(doubt),
    ]);
    expect(presses.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('a run', () => {
  const overdue = ({ tenantId }: SendCase) =>
    bench.db.database.inTenant(tenantId, (tx) =>
      tx.query(
        sql.unsafe`UPDATE automation_runs SET due_at = now() - interval '1 minute' WHERE tenant_id = ${tenantId} AND state = 'waiting'`,
      ),
    );
  const runs = () => createAutomationRuns(bench.db.database);
  const reply = (run: SendCase, body: string) =>
    createConversations(bench.db.database).receive(run.tenantId, 0, {
      providerId: `in-${run.leadId}-${body}`,
      phone: run.phone,
      kind: 'text',
      body,
      sentAt: new Date(),
    });

  it('that nobody answers in a day ends so, and counts a later answer', async () => {
    const run = await aRun(bench.db.database, await aTenant(bench.db));
    await activities().dispatchMessage({ tenantId: run.tenantId, runId: run.runId });
    expect(await runOf(run)).toEqual({ state: 'waiting', reason: null });
    await runs().endUnanswered(run.tenantId, run.runId);
    expect(await runOf(run)).toMatchObject({ state: 'waiting' }); // not yet
    await overdue(run);
    const due = await createInbox(bench.db.database).dueWork();
    expect(due).toContainEqual({ work: 'run_over', tenant_id: run.tenantId, object_id: run.runId });
    await runs().endUnanswered(run.tenantId, run.runId);
    expect(await runOf(run)).toEqual({ state: 'done', reason: 'no_reply' });
    await reply(run, 'Perdón la demora');
    expect(await runOf(run)).toEqual({ state: 'done', reason: 'replied' });
  });

  it('whose message stays in doubt ends so', async () => {
    const doubt = await aDoubt();
    await overdue(doubt);
    await runs().endUnanswered(doubt.tenantId, doubt.runId);
    expect(await runOf(doubt)).toEqual({ state: 'done', reason: 'unconfirmed' });
  });

  it('ends with the failure or the refusal of its message', async () => {
    const failed = await aRun(bench.db.database, await aTenant(bench.db));
    await activities().dispatchMessage({ tenantId: failed.tenantId, runId: failed.runId });
    const [message] = (await messagesOf(bench.db.database, failed)).messages;
    await report({ ...failed, messageId: '', externalId: message?.external_id ?? '' }, 'failed');
    expect(await runOf(failed)).toEqual({ state: 'stopped', reason: 'message_failed' });
    const refused = await aRun(bench.db.database, await aTenant(bench.db));
    bench.simulator.faults.add({ match: SENDS, kind: 'code', value: '131009', times: 1 });
    await activities().dispatchMessage({ tenantId: refused.tenantId, runId: refused.runId });
    expect(await runOf(refused)).toEqual({ state: 'stopped', reason: 'rejected' });
  });

  it('waits for no answer while its message was certainly not sent', async () => {
    const run = await aRun(bench.db.database, await aTenant(bench.db));
    bench.simulator.faults.add({ match: SENDS, kind: 'status', value: 429, times: 1 });
    await activities().dispatchMessage({ tenantId: run.tenantId, runId: run.runId });
    expect(await runOf(run)).toMatchObject({ state: 'active' });
  });
});

import { sql } from 'slonik';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { anAnswer, aReport, conversationBench, type Sent } from '../../test/conversation-bench.ts';
import { aRun } from '../../test/outbound.ts';
import { createConversations } from './conversations.ts';
import { createOutboundMessages } from './outbound-messages.ts';

const bench = conversationBench();
const { aSendingMessage, apply, stateOf } = bench;

describe('statuses of messages', () => {
  it('move a message forward by our own id, before the reply of the POST even came', async () => {
    const sent = await aSendingMessage();
    await apply(sent, [aReport({ externalId: sent.externalId, providerId: 'm1', state: 'delivered' })]);
    await createOutboundMessages(bench.db.database).settle(
      sent.tenantId,
      aReport({ externalId: sent.externalId, providerId: 'm1', state: 'accepted' }),
    );
    expect(await stateOf(sent)).toBe('delivered');
  });

  it('apply several of one message in one batch, in any order', async () => {
    const sent = await aSendingMessage();
    await apply(
      sent,
      (['read', 'sent', 'delivered', 'sent'] as const).map((state) => aReport({ externalId: sent.externalId, state })),
    );
    expect(await stateOf(sent)).toBe('read');
  });

  it('let delivered win over failed', async () => {
    const sent = await aSendingMessage();
    await apply(sent, [aReport({ externalId: sent.externalId, state: 'failed', errorCode: '131026' })]);
    expect(await stateOf(sent)).toBe('failed');
    await apply(sent, [aReport({ externalId: sent.externalId, state: 'delivered' })]);
    expect(await stateOf(sent)).toBe('delivered');
  });

  it('resolve an unconfirmed message', async () => {
    const sent = await aSendingMessage();
    await createOutboundMessages(bench.db.database).markUnconfirmed(sent.tenantId, sent.messageId, 'test');
    await apply(sent, [aReport({ externalId: sent.externalId, state: 'sent' })]);
    expect(await stateOf(sent)).toBe('sent');
  });

  it('match by the provider id and by the wamid where no own id came along', async () => {
    const sent = await aSendingMessage();
    await createOutboundMessages(bench.db.database).settle(
      sent.tenantId,
      aReport({ externalId: sent.externalId, providerId: 'm9', wamid: 'wamid.9', state: 'accepted' }),
    );
    await apply(sent, [aReport({ providerId: 'm9', state: 'sent' })]);
    expect(await stateOf(sent)).toBe('sent');
    await apply(sent, [aReport({ wamid: 'wamid.9', state: 'delivered' })]);
    expect(await stateOf(sent)).toBe('delivered');
  });

  it('touch nothing of another tenant, whatever id they name', async () => {
    const [mine, theirs] = [await aSendingMessage(), await aSendingMessage()];
    await apply({ ...theirs, tenantId: mine.tenantId }, [aReport({ externalId: theirs.externalId, state: 'failed' })]);
    expect(await stateOf(theirs)).toBe('sending');
  });

  it('are kept and tried again while they match nothing', async () => {
    const sent = await aSendingMessage();
    const { states } = await apply(sent, [
      aReport({ providerId: 'not-known-yet', state: 'sent' }),
      aReport({ externalId: sent.externalId, state: 'sent' }),
    ]);
    expect(states).toEqual(['pending', 'done']);
  });

  it('name the waiting run of a failed message, and put a person who stopped Meta on the list', async () => {
    const sent = await aSendingMessage();
    const { failedRuns } = await apply(sent, [
      aReport({ externalId: sent.externalId, state: 'failed', errorCode: '131050' }),
    ]);
    expect(failedRuns.map(({ runId }) => runId)).toEqual([sent.runId]);
    const again = await aRun(bench.db.database, sent.tenantId, { phone: sent.phone });
    expect(await createOutboundMessages(bench.db.database).claim(sent.tenantId, again.runId, new Date())).toEqual({
      decision: 'skip',
      reason: 'opted_out',
    });
  });
});

describe('what people write', () => {
  const leadOf = (sent: Sent) =>
    bench.db.database.inTenant(sent.tenantId, (tx) =>
      tx.one(sql.type(z.object({ status: z.string(), replied: z.boolean(), run: z.string() }))`
        SELECT l.status, l.first_reply_at IS NOT NULL AS replied, r.state AS run FROM leads l JOIN automation_runs r ON r.lead_id = l.id WHERE l.id = ${sent.leadId}`),
    );

  it('moves the lead, ends its run and is stored once', async () => {
    const sent = await aSendingMessage();
    const conversations = createConversations(bench.db.database);
    const first = await conversations.receive(sent.tenantId, 0, anAnswer(sent, 'Hola, ¿puede ser el jueves?'));
    const repeat = await conversations.receive(sent.tenantId, 0, anAnswer(sent, 'Hola, ¿puede ser el jueves?'));
    expect([first.isNew, first.runs.length, repeat.isNew, repeat.runs.length]).toEqual([true, 1, false, 0]);
    expect(await leadOf(sent)).toEqual({ status: 'contacted', replied: true, run: 'done' });
  });

  it('stops everything when it is a stop word, and starts again only by the person', async () => {
    const sent = await aSendingMessage();
    const conversations = createConversations(bench.db.database);
    expect(await conversations.receive(sent.tenantId, 0, anAnswer(sent, 'Baja'))).toMatchObject({ optedOut: true });
    expect((await leadOf(sent)).run).toBe('stopped');
    const again = await aRun(bench.db.database, sent.tenantId, { phone: sent.phone });
    const claim = () => createOutboundMessages(bench.db.database).claim(sent.tenantId, again.runId, new Date());
    expect(await claim()).toEqual({ decision: 'skip', reason: 'opted_out' });
    await conversations.changeConsent(sent.tenantId, 0, {
      phone: sent.phone ?? '',
      consent: 'resumed',
      source: 'user_preference',
      at: new Date(Date.now() + 1000),
    });
    const later = await aRun(bench.db.database, sent.tenantId, { phone: sent.phone });
    expect(
      (await createOutboundMessages(bench.db.database).claim(sent.tenantId, later.runId, new Date())).decision,
    ).not.toBe('send'); // the cap of one a day stands
  });

  it('is kept when nobody knows the number', async () => {
    const sent = await aSendingMessage();
    const stranger = { ...anAnswer(sent, 'Hola', 'in-stranger'), phone: '+5491155559999' };
    expect(await createConversations(bench.db.database).receive(sent.tenantId, 0, stranger)).toMatchObject({
      isNew: true,
      runs: [],
    });
  });

  it('is the first reply by when it was written, not by when it came', async () => {
    const sent = await aSendingMessage();
    const conversations = createConversations(bench.db.database);
    const [noon, evening] = [new Date('2026-11-24T15:00:00Z'), new Date('2026-11-24T22:00:00Z')];
    for (const sentAt of [evening, noon, evening])
      await conversations.receive(sent.tenantId, 0, { ...anAnswer(sent, 'Hola', `at-${sentAt.getTime()}`), sentAt });
    const at = await bench.db.database.inTenant(sent.tenantId, (tx) =>
      tx.oneFirst(
        sql.type(z.object({ at: z.date() }))`SELECT first_reply_at AS at FROM leads WHERE id = ${sent.leadId}`,
      ),
    );
    expect(at).toEqual(noon);
  });

  it('is no reply when WhatsApp itself says something, such as a new number', async () => {
    const sent = await aSendingMessage();
    const news = { ...anAnswer(sent, 'cambió de número'), kind: 'system' };
    const told = await createConversations(bench.db.database).receive(sent.tenantId, 0, news);
    expect(told).toEqual({ isNew: true, optedOut: false, runs: [] });
    expect(await leadOf(sent)).toEqual({ status: 'new', replied: false, run: 'waiting' });
  });

  it('is a stop too when it is the opt-out button of a template, whatever its words', async () => {
    const sent = await aSendingMessage();
    const tap = { ...anAnswer(sent, 'No me interesa'), kind: 'button', buttonPayload: 'OPT_OUT' };
    expect(await createConversations(bench.db.database).receive(sent.tenantId, 0, tap)).toMatchObject({
      optedOut: true,
    });
  });
});

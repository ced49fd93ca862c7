import { sql } from 'slonik';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ReportedState } from '../../domain/message-status.ts';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { aRun, messagesOf, type SendCase } from '../../test/outbound.ts';
import { createConversations } from './conversations.ts';
import type { Report } from './message-reports.ts';
import { createOutboundMessages } from './outbound-messages.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

interface Sent extends SendCase {
  externalId: string;
  messageId: string;
}

/** A message whose POST has left. */
async function aSendingMessage(): Promise<Sent> {
  const run = await aRun(db.database, await aTenant(db));
  const claim = await createOutboundMessages(db.database).claim(run.tenantId, run.runId, new Date());
  if (claim.decision !== 'send') throw new Error(claim.decision);
  return { ...run, externalId: claim.message.externalId, messageId: claim.message.messageId };
}

const report = (given: Partial<Report> & { state: ReportedState }): Report => ({
  externalId: null,
  providerId: null,
  wamid: null,
  at: new Date(),
  errorCode: null,
  price: null,
  currency: null,
  ...given,
});

/** An inbox row as the webhook left it. */
const inboxRow = (tenantId: number, key: string) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.oneFirst(sql.type(z.object({ id: z.number() }))`
      INSERT INTO webhook_events (provider, dedupe_key, tenant_id, kind, subject, payload) VALUES ('ycloud', ${`${tenantId}:${key}`}, ${tenantId}, 'status', ${key}, '{}') RETURNING id`),
  );
const inboxState = (tenantId: number, id: number) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.oneFirst(sql.type(z.object({ state: z.string() }))`SELECT state FROM webhook_events WHERE id = ${id}`),
  );

async function apply(sent: Sent, reports: readonly Report[]) {
  const rows = await Promise.all(
    reports.map(async (each, i) => ({
      inboxId: await inboxRow(sent.tenantId, `r${i}-${Math.random()}`),
      report: each,
    })),
  );
  const result = await createConversations(db.database).applyStatuses(sent.tenantId, { reports: rows });
  return { ...result, states: await Promise.all(rows.map(({ inboxId }) => inboxState(sent.tenantId, inboxId))) };
}
const stateOf = async (sent: Sent) => (await messagesOf(db.database, sent)).messages[0]?.state;

describe('statuses of messages', () => {
  it('move a message forward by our own id, before the reply of the POST even came', async () => {
    const sent = await aSendingMessage();
    await apply(sent, [report({ externalId: sent.externalId, providerId: 'm1', state: 'delivered' })]);
    await createOutboundMessages(db.database).settle(
      sent.tenantId,
      report({ externalId: sent.externalId, providerId: 'm1', state: 'accepted' }),
    );
    expect(await stateOf(sent)).toBe('delivered');
  });

  it('apply several of one message in one batch, in any order', async () => {
    const sent = await aSendingMessage();
    await apply(
      sent,
      (['read', 'sent', 'delivered', 'sent'] as const).map((state) => report({ externalId: sent.externalId, state })),
    );
    expect(await stateOf(sent)).toBe('read');
  });

  it('let delivered win over failed', async () => {
    const sent = await aSendingMessage();
    await apply(sent, [report({ externalId: sent.externalId, state: 'failed', errorCode: '131026' })]);
    expect(await stateOf(sent)).toBe('failed');
    await apply(sent, [report({ externalId: sent.externalId, state: 'delivered' })]);
    expect(await stateOf(sent)).toBe('delivered');
  });

  it('resolve an unconfirmed message', async () => {
    const sent = await aSendingMessage();
    await createOutboundMessages(db.database).markUnconfirmed(sent.tenantId, sent.messageId, 'test');
    await apply(sent, [report({ externalId: sent.externalId, state: 'sent' })]);
    expect(await stateOf(sent)).toBe('sent');
  });

  it('match by the provider id and by the wamid where no own id came along', async () => {
    const sent = await aSendingMessage();
    await createOutboundMessages(db.database).settle(
      sent.tenantId,
      report({ externalId: sent.externalId, providerId: 'm9', wamid: 'wamid.9', state: 'accepted' }),
    );
    await apply(sent, [report({ providerId: 'm9', state: 'sent' })]);
    expect(await stateOf(sent)).toBe('sent');
    await apply(sent, [report({ wamid: 'wamid.9', state: 'delivered' })]);
    expect(await stateOf(sent)).toBe('delivered');
  });

  it('touch nothing of another tenant, whatever id they name', async () => {
    const [mine, theirs] = [await aSendingMessage(), await aSendingMessage()];
    await apply({ ...theirs, tenantId: mine.tenantId }, [report({ externalId: theirs.externalId, state: 'failed' })]);
    expect(await stateOf(theirs)).toBe('sending');
  });

  it('are kept and tried again while they match nothing', async () => {
    const sent = await aSendingMessage();
    const { states } = await apply(sent, [
      report({ providerId: 'not-known-yet', state: 'sent' }),
      report({ externalId: sent.externalId, state: 'sent' }),
    ]);
    expect(states).toEqual(['pending', 'done']);
  });

  it('name the waiting run of a failed message, and put a person who stopped Meta on the list', async () => {
    const sent = await aSendingMessage();
    const { failedRuns } = await apply(sent, [
      report({ externalId: sent.externalId, state: 'failed', errorCode: '131050' }),
    ]);
    expect(failedRuns.map(({ runId }) => runId)).toEqual([sent.runId]);
    const again = await aRun(db.database, sent.tenantId, { phone: sent.phone });
    expect(await createOutboundMessages(db.database).claim(sent.tenantId, again.runId, new Date())).toEqual({
      decision: 'skip',
      reason: 'opted_out',
    });
  });
});

describe('what people write', () => {
  const inbound = (sent: Sent, body: string, providerId = `in-${sent.leadId}`) => ({
    providerId,
    phone: sent.phone,
    kind: 'text',
    body,
    sentAt: new Date(),
  });
  const leadOf = (sent: Sent) =>
    db.database.inTenant(sent.tenantId, (tx) =>
      tx.one(sql.type(z.object({ status: z.string(), replied: z.boolean(), run: z.string() }))`
        SELECT l.status, l.first_reply_at IS NOT NULL AS replied, r.state AS run FROM leads l JOIN automation_runs r ON r.lead_id = l.id WHERE l.id = ${sent.leadId}`),
    );

  it('moves the lead, ends its run and is stored once', async () => {
    const sent = await aSendingMessage();
    const conversations = createConversations(db.database);
    const first = await conversations.receive(sent.tenantId, 0, inbound(sent, 'Hola, ¿puede ser el jueves?'));
    const repeat = await conversations.receive(sent.tenantId, 0, inbound(sent, 'Hola, ¿puede ser el jueves?'));
    expect([first.isNew, first.runs.length, repeat.isNew, repeat.runs.length]).toEqual([true, 1, false, 0]);
    expect(await leadOf(sent)).toEqual({ status: 'contacted', replied: true, run: 'done' });
  });

  it('stops everything when it is a stop word, and starts again only by the person', async () => {
    const sent = await aSendingMessage();
    const conversations = createConversations(db.database);
    expect(await conversations.receive(sent.tenantId, 0, inbound(sent, 'Baja'))).toMatchObject({ optedOut: true });
    expect((await leadOf(sent)).run).toBe('stopped');
    const again = await aRun(db.database, sent.tenantId, { phone: sent.phone });
    const claim = () => createOutboundMessages(db.database).claim(sent.tenantId, again.runId, new Date());
    expect(await claim()).toEqual({ decision: 'skip', reason: 'opted_out' });
    await conversations.changeConsent(sent.tenantId, 0, sent.phone ?? '', 'resumed', 'user_preference');
    const later = await aRun(db.database, sent.tenantId, { phone: sent.phone });
    expect((await createOutboundMessages(db.database).claim(sent.tenantId, later.runId, new Date())).decision).not.toBe(
      'send',
    ); // the cap of one a day stands
  });

  it('is kept when nobody knows the number', async () => {
    const sent = await aSendingMessage();
    const stranger = { ...inbound(sent, 'Hola', 'in-stranger'), phone: '+5491155559999' };
    expect(await createConversations(db.database).receive(sent.tenantId, 0, stranger)).toMatchObject({
      isNew: true,
      runs: [],
    });
  });
});

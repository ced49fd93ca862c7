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

const inbound = (sent: Sent, body: string, providerId = `in-${sent.leadId}`) => ({
  providerId,
  phone: sent.phone,
  kind: 'text',
  body,
  sentAt: new Date(),
});

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
    await conversations.changeConsent(sent.tenantId, 0, {
      phone: sent.phone ?? '',
      consent: 'resumed',
      source: 'user_preference',
      at: new Date(Date.now() + 1000),
    });
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

  it('is the first reply by when it was written, not by when it came', async () => {
    const sent = await aSendingMessage();
    const conversations = createConversations(db.database);
    const [noon, evening] = [new Date('2026-11-24T15:00:00Z'), new Date('2026-11-24T22:00:00Z')];
    for (const sentAt of [evening, noon, evening])
      await conversations.receive(sent.tenantId, 0, { ...inbound(sent, 'Hola', `at-${sentAt.getTime()}`), sentAt });
    const at = await db.database.inTenant(sent.tenantId, (tx) =>
      tx.oneFirst(
        sql.type(z.object({ at: z.date() }))`SELECT first_reply_at AS at FROM leads WHERE id = ${sent.leadId}`,
      ),
    );
    expect(at).toEqual(noon);
  });

  it('is no reply when WhatsApp itself says something, such as a new number', async () => {
    const sent = await aSendingMessage();
    const news = { ...inbound(sent, 'cambió de número'), kind: 'system' };
    const told = await createConversations(db.database).receive(sent.tenantId, 0, news);
    expect(told).toEqual({ isNew: true, optedOut: false, runs: [] });
    expect(await leadOf(sent)).toEqual({ status: 'new', replied: false, run: 'waiting' });
  });

  it('is a stop too when it is the opt-out button of a template, whatever its words', async () => {
    const sent = await aSendingMessage();
    const tap = { ...inbound(sent, 'No me interesa'), kind: 'button', buttonPayload: 'OPT_OUT' };
    expect(await createConversations(db.database).receive(sent.tenantId, 0, tap)).toMatchObject({ optedOut: true });
  });
});

describe('who may not be written to', () => {
  type Said = ['stopped' | 'resumed', number];
  const orders: [string, readonly Said[], boolean][] = [
    [
      'started again after stopping',
      [
        ['stopped', 1],
        ['resumed', 2],
      ],
      false,
    ],
    [
      'stopped after starting again, told the wrong way round',
      [
        ['stopped', 2],
        ['resumed', 1],
      ],
      true,
    ],
    [
      'stopped twice, told of the second before the start between',
      [
        ['stopped', 1],
        ['stopped', 3],
        ['resumed', 2],
      ],
      true,
    ],
    [
      'stopped twice, the older told last',
      [
        ['stopped', 3],
        ['stopped', 1],
        ['resumed', 2],
      ],
      true,
    ],
    [
      'stopped and started again at the same moment',
      [
        ['stopped', 1],
        ['resumed', 1],
      ],
      true,
    ],
  ];
  it.each(orders)('is decided by when it was said: %s', async (_name, said, isSuppressed) => {
    const sent = await aSendingMessage();
    const phone = sent.phone ?? '';
    for (const [consent, minute] of said)
      await createConversations(db.database).changeConsent(sent.tenantId, 0, {
        phone,
        consent,
        source: 'ycloud_list',
        at: new Date(Date.parse('2026-11-24T12:00:00Z') + minute * 60_000),
      });
    const active = await db.database.inTenant(sent.tenantId, (tx) =>
      tx.oneFirst(
        sql.type(
          z.object({ n: z.number() }),
        )`SELECT count(*) AS n FROM suppressions WHERE phone = ${phone} AND lifted_at IS NULL`,
      ),
    );
    expect(active).toBe(isSuppressed ? 1 : 0);
  });

  const sources = (sent: Sent) =>
    db.database.inTenant(sent.tenantId, (tx) =>
      tx.anyFirst(
        sql.type(
          z.object({ source: z.string() }),
        )`SELECT source FROM suppressions WHERE phone = ${sent.phone} AND lifted_at IS NULL ORDER BY source`,
      ),
    );
  const stopEverywhere = async (sent: Sent) => {
    const conversations = createConversations(db.database);
    await conversations.receive(sent.tenantId, 0, { ...inbound(sent, 'BAJA', 'in-stop'), sentAt: minute(1) });
    for (const source of ['user_preference', 'ycloud_list'])
      await conversations.changeConsent(sent.tenantId, 0, {
        phone: sent.phone ?? '',
        consent: 'stopped',
        source,
        at: minute(1),
      });
  };
  const minute = (n: number) => new Date(Date.parse('2026-11-24T12:00:00Z') + n * 60_000);

  it.each([
    ['user_preference', ['stop_word', 'ycloud_list']],
    ['ycloud_list', ['stop_word', 'user_preference']],
  ])('is taken back only where the word reaches: %s', async (source, left) => {
    const sent = await aSendingMessage();
    await stopEverywhere(sent);
    await createConversations(db.database).changeConsent(sent.tenantId, 0, {
      phone: sent.phone ?? '',
      consent: 'resumed',
      source,
      at: minute(2),
    });
    expect(await sources(sent)).toEqual(left);
  });

  it('is taken back by the person’s own start word, but not what they set in WhatsApp', async () => {
    const sent = await aSendingMessage();
    await stopEverywhere(sent);
    const start = inbound(sent, '¡Alta!', 'in-start');
    await createConversations(db.database).receive(sent.tenantId, 0, { ...start, sentAt: minute(2) });
    expect(await sources(sent)).toEqual(['user_preference']);
  });

  it('is not taken back by a start word written before the stop', async () => {
    const sent = await aSendingMessage();
    await stopEverywhere(sent);
    const start = inbound(sent, 'ALTA', 'in-early-start');
    await createConversations(db.database).receive(sent.tenantId, 0, { ...start, sentAt: minute(0) });
    expect(await sources(sent)).toEqual(['stop_word', 'user_preference', 'ycloud_list'].sort());
  });

  it('holds for a person who stopped Meta although another device got the message', async () => {
    const sent = await aSendingMessage();
    await apply(sent, [report({ externalId: sent.externalId, state: 'delivered' })]);
    await apply(sent, [report({ externalId: sent.externalId, state: 'failed', errorCode: '131050' })]);
    expect(await stateOf(sent)).toBe('delivered');
    const again = await aRun(db.database, sent.tenantId, { phone: sent.phone });
    expect(await createOutboundMessages(db.database).claim(sent.tenantId, again.runId, new Date())).toMatchObject({
      reason: 'opted_out',
    });
  });
});

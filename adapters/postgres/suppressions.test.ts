import { sql } from 'slonik';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { anAnswer, aReport, conversationBench, type Sent } from '../../test/conversation-bench.ts';
import { aRun } from '../../test/outbound.ts';
import { createConversations } from './conversations.ts';
import { createOutboundMessages } from './outbound-messages.ts';

const bench = conversationBench();
const { aSendingMessage, apply, stateOf } = bench;

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
      await createConversations(bench.db.database).changeConsent(sent.tenantId, 0, {
        phone,
        consent,
        source: 'ycloud_list',
        at: new Date(Date.parse('2026-11-24T12:00:00Z') + minute * 60_000),
      });
    const active = await bench.db.database.inTenant(sent.tenantId, (tx) =>
      tx.oneFirst(
        sql.type(
          z.object({ n: z.number() }),
        )`SELECT count(*) AS n FROM suppressions WHERE phone = ${phone} AND lifted_at IS NULL`,
      ),
    );
    expect(active).toBe(isSuppressed ? 1 : 0);
  });

  const sources = (sent: Sent) =>
    bench.db.database.inTenant(sent.tenantId, (tx) =>
      tx.anyFirst(
        sql.type(
          z.object({ source: z.string() }),
        )`SELECT source FROM suppressions WHERE phone = ${sent.phone} AND lifted_at IS NULL ORDER BY source`,
      ),
    );
  const stopEverywhere = async (sent: Sent) => {
    const conversations = createConversations(bench.db.database);
    await conversations.receive(sent.tenantId, 0, { ...anAnswer(sent, 'BAJA', 'in-stop'), sentAt: minute(1) });
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
    await createConversations(bench.db.database).changeConsent(sent.tenantId, 0, {
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
    const start = anAnswer(sent, '¡Alta!', 'in-start');
    await createConversations(bench.db.database).receive(sent.tenantId, 0, { ...start, sentAt: minute(2) });
    expect(await sources(sent)).toEqual(['user_preference']);
  });

  it('is not taken back by a start word written before the stop', async () => {
    const sent = await aSendingMessage();
    await stopEverywhere(sent);
    const start = anAnswer(sent, 'ALTA', 'in-early-start');
    await createConversations(bench.db.database).receive(sent.tenantId, 0, { ...start, sentAt: minute(0) });
    expect(await sources(sent)).toEqual(['stop_word', 'user_preference', 'ycloud_list'].sort());
  });

  it('holds for a person who stopped Meta although another device got the message', async () => {
    const sent = await aSendingMessage();
    await apply(sent, [aReport({ externalId: sent.externalId, state: 'delivered' })]);
    await apply(sent, [aReport({ externalId: sent.externalId, state: 'failed', errorCode: '131050' })]);
    expect(await stateOf(sent)).toBe('delivered');
    const again = await aRun(bench.db.database, sent.tenantId, { phone: sent.phone });
    expect(await createOutboundMessages(bench.db.database).claim(sent.tenantId, again.runId, new Date())).toMatchObject(
      {
        reason: 'opted_out',
      },
    );
  });
});

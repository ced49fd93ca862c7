import { sql } from 'slonik';
import { beforeAll } from 'vitest';
import { z } from 'zod';
import { type Conversations, createConversations, type InboundMessage } from '../adapters/postgres/conversations.ts';
import type { Report } from '../adapters/postgres/message-reports.ts';
import { createOutboundMessages } from '../adapters/postgres/outbound-messages.ts';
import type { ReportedState } from '../domain/message-status.ts';
import { aTenant, type TestDatabase, testDatabase } from './database.ts';
import { aRun, messagesOf, type SendCase } from './outbound.ts';

export interface Sent extends SendCase {
  externalId: string;
  messageId: string;
}

type Applied = Awaited<ReturnType<Conversations['applyStatuses']>>;

export interface ConversationBench {
  db: TestDatabase;
  /** A message whose POST has left, of a tenant of its own. */
  aSendingMessage(): Promise<Sent>;
  /** Applies statuses as webhooks of that message's tenant; `states` are what became of their inbox rows. */
  apply(sent: Sent, reports: readonly Report[]): Promise<Applied & { states: string[] }>;
  stateOf(sent: Sent): Promise<string | undefined>;
}

/** Messages that left and what comes back of them, in a database of the test file's own. */
export function conversationBench(): ConversationBench {
  const bench = {} as ConversationBench;
  beforeAll(async () => {
    bench.db = await testDatabase();
  });
  bench.aSendingMessage = async () => {
    const { database } = bench.db;
    const run = await aRun(database, await aTenant(bench.db));
    const claim = await createOutboundMessages(database).claim(run.tenantId, run.runId, new Date());
    if (claim.decision !== 'send') throw new Error(claim.decision);
    return { ...run, externalId: claim.message.externalId, messageId: claim.message.messageId };
  };
  bench.apply = async ({ tenantId }, reports) => {
    const rows = await Promise.all(
      reports.map(async (report, i) => ({
        inboxId: await inboxRow(bench.db, tenantId, `r${i}-${Math.random()}`),
        report,
      })),
    );
    const result = await createConversations(bench.db.database).applyStatuses(tenantId, { reports: rows });
    return { ...result, states: await Promise.all(rows.map(({ inboxId }) => inboxState(bench.db, tenantId, inboxId))) };
  };
  bench.stateOf = async (sent) => (await messagesOf(bench.db.database, sent)).messages[0]?.state;
  return bench;
}

export const aReport = (given: Partial<Report> & { state: ReportedState }): Report => ({
  externalId: null,
  providerId: null,
  wamid: null,
  at: new Date(),
  errorCode: null,
  price: null,
  currency: null,
  ...given,
});

/** What the person of that message writes back. */
export const anAnswer = (sent: Sent, body: string, providerId = `in-${sent.leadId}`): InboundMessage => ({
  providerId,
  phone: sent.phone,
  kind: 'text',
  body,
  sentAt: new Date(),
});

/** An inbox row as the webhook left it. */
const inboxRow = ({ database }: TestDatabase, tenantId: number, key: string) =>
  database.inTenant(tenantId, (tx) =>
    tx.oneFirst(sql.type(z.object({ id: z.number() }))`
      INSERT INTO webhook_events (provider, dedupe_key, tenant_id, kind, subject, payload) VALUES ('ycloud', ${`${tenantId}:${key}`}, ${tenantId}, 'status', ${key}, '{}') RETURNING id`),
  );
const inboxState = ({ database }: TestDatabase, tenantId: number, id: number) =>
  database.inTenant(tenantId, (tx) =>
    tx.oneFirst(sql.type(z.object({ state: z.string() }))`SELECT state FROM webhook_events WHERE id = ${id}`),
  );

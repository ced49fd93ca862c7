import type { Metrics } from '../adapters/metrics.ts';
import type { Conversations, RunToSignal } from '../adapters/postgres/conversations.ts';
import type { Inbox } from '../adapters/postgres/inbox.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { consentChange, inboundMessage, statusReport } from '../domain/ycloud-events.ts';

export interface ConversationDeps {
  inbox: Pick<Inbox, 'payloads' | 'done'>;
  conversations: Conversations;
  tell: (workflowId: string, news: 'replied' | 'opted_out' | 'message_failed') => Promise<void>;
  /** Mails whoever has the lead that somebody came. */
  tellSeller: (tenantId: number, leadId: string) => Promise<unknown>;
  /** A template's status changed: it is read again from YCloud. */
  refreshTemplates: (tenantId: number) => Promise<void>;
  live: LiveUpdates;
  /** A person who came from an ad counts for it. */
  invalidateFigures: (tenantId: number) => Promise<void>;
  metrics: Pick<Metrics, 'messages' | 'leads' | 'sendersStopped'>;
}

interface YcloudRow {
  id: number;
  kind: string;
}

/** Applies one tenant's leased YCloud rows: statuses in one statement, then what people wrote, then who stopped. Used by the dispatcher of both programs. */
export function createConversationIntake(deps: ConversationDeps) {
  return {
    async apply(tenantId: number, rows: readonly YcloudRow[]): Promise<void> {
      const kinds = new Map(rows.map((row) => [row.id, row.kind]));
      const events = (await deps.inbox.payloads(tenantId, [...kinds.keys()])).map((event) => ({
        ...event,
        kind: kinds.get(event.id) ?? '',
      }));
      await applyStatuses(
        deps,
        tenantId,
        events.filter(({ kind }) => kind === 'status'),
      );
      for (const event of events.filter(({ kind }) => kind === 'inbound')) await receive(deps, tenantId, event);
      for (const event of events.filter(({ kind }) => ['unsubscribe', 'resubscribe', 'preference'].includes(kind)))
        await changeConsent(deps, tenantId, event);
      const templates = events.filter(({ kind }) => kind === 'template');
      if (templates.length > 0) await deps.refreshTemplates(tenantId);
      await deps.inbox.done(
        tenantId,
        templates.map(({ id }) => id),
      );
      deps.live.publish(tenantId, 'messages');
    },
  };
}

interface StoredEvent {
  id: number;
  kind: string;
  payload: string;
  received_at: Date;
}

async function applyStatuses(
  { inbox, conversations, metrics, tell }: ConversationDeps,
  tenantId: number,
  events: readonly StoredEvent[],
): Promise<void> {
  const read = events.map((event) => ({ inboxId: event.id, report: statusReport(event.payload, event.received_at) }));
  const reports = read.flatMap(({ inboxId, report }) => (report === null ? [] : [{ inboxId, report }]));
  await inbox.done(
    tenantId,
    read.filter(({ report }) => report === null).map(({ inboxId }) => inboxId),
  );
  if (reports.length === 0) return;
  const { moved, failedRuns, senderStopped } = await conversations.applyStatuses(tenantId, { reports });
  for (const { state } of moved) metrics.messages.inc({ status: state });
  if (senderStopped) metrics.sendersStopped.inc();
  await tellAll(tell, failedRuns, 'message_failed');
}

async function receive(
  { inbox, conversations, tell, tellSeller, live, metrics, invalidateFigures }: ConversationDeps,
  tenantId: number,
  event: StoredEvent,
): Promise<void> {
  const message = inboundMessage(event.payload, event.received_at);
  if (message === null) return void (await inbox.done(tenantId, [event.id]));
  const { isNew, newLeadId = null, optedOut, runs } = await conversations.receive(tenantId, event.id, message);
  if (newLeadId !== null) {
    metrics.leads.inc({ source: 'whatsapp' });
    tellSeller(tenantId, newLeadId).catch(() => {}); // not waited for: a mail server that hangs holds no message up
  }
  if (isNew && message.referral) await invalidateFigures(tenantId);
  if (isNew) live.publish(tenantId, 'leads');
  await tellAll(tell, runs, optedOut ? 'opted_out' : 'replied');
}

async function changeConsent(
  { inbox, conversations, tell }: ConversationDeps,
  tenantId: number,
  event: StoredEvent,
): Promise<void> {
  const change = consentChange(event.kind, event.payload, event.received_at);
  if (change === null) return void (await inbox.done(tenantId, [event.id]));
  await tellAll(tell, await conversations.changeConsent(tenantId, event.id, change), 'opted_out');
}

/** Signals are news, not truth: dispatch reads the run's row, so one that cannot be told now may be left. */
async function tellAll(
  tell: ConversationDeps['tell'],
  runs: readonly RunToSignal[],
  news: Parameters<ConversationDeps['tell']>[1],
): Promise<void> {
  await Promise.allSettled(runs.map(({ workflowId }) => tell(workflowId, news)));
}

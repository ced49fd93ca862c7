import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { isOptIn, isOptOut } from '../../domain/consent.ts';
import { insertStartWord } from './consents.ts';
import { markDone } from './inbox.ts';
import { moveStatus } from './leads.ts';
import { followFailures } from './message-failures.ts';
import { type AppliedReport, applyReports, type Report } from './message-reports.ts';
import type { Database, Tx } from './pool.ts';
import { attributeReferral, lockPerson, type Referral } from './referrals.ts';
import { wordsCame } from './rule-triggers.ts';
import { isOurEcho, lift, suppress, YCLOUD_LIST } from './suppressions.ts';

/** What a person wrote to us. */
export interface InboundMessage {
  providerId: string;
  /** E.164; null for people who show only a username. */
  phone: string | null;
  kind: string;
  body: string | null;
  /** What a template's button carries beside its words. */
  buttonPayload?: string | null;
  sentAt: Date;
  /** As WhatsApp shows the person. */
  profileName?: string | null;
  /** The ad they came from. */
  referral?: Referral | null;
}

/** A run that waits for just this news. */
export interface RunToSignal {
  runId: string;
  workflowId: string;
}

export interface ConsentChange {
  /** E.164. */
  phone: string;
  consent: 'stopped' | 'resumed';
  source: string;
  at: Date;
}

const leadRow = z.object({ id: z.string(), status: z.string() });
const runRow = z.object({ id: z.string(), workflow_id: z.string() });

export interface StatusBatch {
  reports: readonly { inboxId: number; report: Report }[];
}

/** What comes in from WhatsApp: statuses of our messages, people's own messages, opt-outs. Each batch is one transaction with its inbox rows. */
export function createConversations({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /**
     * Applies a batch of status webhooks and marks their rows done; those that match nothing yet are tried again for 24 hours, then ignored.
     * Returns what moved, the runs that ended with it because their message failed, and whether a failure stopped all sending.
     */
    applyStatuses: (
      tenantId: number,
      { reports }: StatusBatch,
    ): Promise<{ moved: readonly AppliedReport[]; failedRuns: readonly RunToSignal[]; senderStopped: boolean }> =>
      inTenant(tenantId, async (tx) => {
        const { applied, unmatched } = await applyReports(
          tx,
          tenantId,
          reports.map(({ report }) => report),
        );
        const idsAt = (places: readonly number[]) => places.flatMap((place) => reports[place]?.inboxId ?? []);
        await markDone(tx, tenantId, idsAt(applied.flatMap(({ places }) => places)));
        await keepUnmatched(tx, tenantId, idsAt(unmatched));
        const moved = applied.filter((row) => row.moved);
        for (const { phone, places } of applied) {
          // Said of a message that another device got it still stands.
          const stop = places
            .map((place) => reports[place]?.report)
            .find((each) => each?.errorCode === META_USER_STOPPED);
          // Whose number was erased since cannot be put on the list.
          if (stop !== undefined && !phone.startsWith('erased:'))
            await suppress(tx, tenantId, phone, 'meta_131050', stop.at);
        }
        const { ended, senderStopped } = await followFailures(tx, tenantId, moved);
        return { moved, failedRuns: ended, senderStopped };
      }),

    /**
     * Stores a person's message once by its provider id. The first reply moves a new lead to contacted and ends its waiting runs; a stop word or opt-out
     * button adds the number to the suppression list, a start word takes it off again. WhatsApp's own news (kind `system`, such as a new number) is no reply. `isNew` is false for a repeat.
     */
    receive: (
      tenantId: number,
      inboxId: number,
      message: InboundMessage,
    ): Promise<{ isNew: boolean; newLeadId?: string | null; optedOut: boolean; runs: readonly RunToSignal[] }> =>
      inTenant(tenantId, async (tx) => {
        await markDone(tx, tenantId, [inboxId]);
        if (message.phone !== null && message.referral) await lockPerson(tx, tenantId, message.phone);
        const leads = message.phone === null ? [] : await leadsOfPhone(tx, tenantId, message.phone);
        const newest = leads[0];
        const { rowCount } = await tx.query(sql.unsafe`
          INSERT INTO chat_messages (tenant_id, lead_id, phone, direction, author, provider_message_id, kind, body, sent_at)
          VALUES (${tenantId}, ${newest?.id ?? null}, ${message.phone}, 'in', 'contact', ${message.providerId}, ${message.kind}, ${message.body}, ${message.sentAt.toISOString()}::timestamptz)
          ON CONFLICT (tenant_id, provider_message_id) DO NOTHING`);
        if (rowCount === 0) return { isNew: false, optedOut: false, runs: [] };
        if (message.kind === 'system') return { isNew: true, optedOut: false, runs: [] };
        const referred = await followReferral(tx, tenantId, message, newest?.id ?? null);
        for (const lead of leads) await markReplied(tx, tenantId, lead, message.sentAt);
        const optedOut = await applyConsent(tx, tenantId, message, newest?.id ?? null);
        const ids = leads.map(({ id }) => id);
        const runs = await endRuns(tx, tenantId, ids, optedOut ? 'opted_out' : 'replied');
        // After the end of what ran: the answer to a word is no follow-up that the word itself would stop.
        const leadId = newest?.id ?? referred?.leadId;
        if (!optedOut && leadId !== undefined && message.body !== null)
          await wordsCame(tx, tenantId, leadId, { id: message.providerId, body: message.body });
        return { isNew: true, newLeadId: referred?.isNew ? referred.leadId : null, optedOut, runs };
      }),

    /** YCloud's own list or the person's preference says stop, or start again: the latter only lifts what was said before it. */
    changeConsent: (
      tenantId: number,
      inboxId: number,
      { phone, consent, source, at }: ConsentChange,
    ): Promise<readonly RunToSignal[]> =>
      inTenant(tenantId, async (tx) => {
        await markDone(tx, tenantId, [inboxId]);
        if (consent === 'resumed') {
          await lift(tx, tenantId, phone, source, at);
          return [];
        }
        if (source === YCLOUD_LIST && (await isOurEcho(tx, tenantId, phone))) return [];
        await suppress(tx, tenantId, phone, source, at);
        const leads = await leadsOfPhone(tx, tenantId, phone);
        return endRuns(
          tx,
          tenantId,
          leads.map(({ id }) => id),
          'opted_out',
        );
      }),
  };
}
export type Conversations = ReturnType<typeof createConversations>;

const META_USER_STOPPED = '131050';
const LATE_REPLY_DAYS = 30;
const provider: Actor = { type: 'ycloud', id: null };

const leadsOfPhone = (tx: Tx, tenantId: number, phone: string) =>
  tx.any(
    sql.type(leadRow)`SELECT id, status FROM leads WHERE tenant_id = ${tenantId} AND merged_into IS NULL
      AND (phone = ${phone} OR id IN (SELECT m.merged_into FROM leads m WHERE m.tenant_id = ${tenantId} AND m.phone = ${phone} AND m.merged_into IS NOT NULL))
    ORDER BY created_at DESC LIMIT 20 FOR UPDATE`,
  );

/** A click on an ad is a touch of the person who writes; one who is not known becomes a lead, to whom the message belongs. */
async function followReferral(
  tx: Tx,
  tenantId: number,
  { phone, referral, profileName = null, sentAt, providerId }: InboundMessage,
  knownId: string | null,
): Promise<{ leadId: string; isNew: boolean } | null> {
  if (phone === null || !referral) return null;
  const referred = await attributeReferral(tx, tenantId, { phone, profileName, sentAt, referral }, knownId);
  if (referred.isNew)
    await tx.query(sql.unsafe`
      UPDATE chat_messages SET lead_id = ${referred.leadId} WHERE tenant_id = ${tenantId} AND provider_message_id = ${providerId}`);
  return referred;
}

/** Whether the message asks for no more. One that asks to be written to again takes back what the person's own words cover. */
async function applyConsent(
  tx: Tx,
  tenantId: number,
  message: InboundMessage,
  leadId: string | null,
): Promise<boolean> {
  const { phone, body, buttonPayload, sentAt } = message;
  if (phone === null) return false;
  const said = [body, buttonPayload].map((words) => words ?? '');
  const optedOut = said.some(isOptOut);
  if (optedOut) await suppress(tx, tenantId, phone, 'stop_word', sentAt);
  else if (said.some(isOptIn)) {
    await lift(tx, tenantId, phone, 'start_word', sentAt);
    if (leadId !== null) await insertStartWord(tx, tenantId, leadId, { text: body ?? buttonPayload ?? '', at: sentAt });
  }
  return optedOut;
}

async function markReplied(tx: Tx, tenantId: number, lead: z.output<typeof leadRow>, at: Date): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE leads SET first_reply_at = ${at.toISOString()}::timestamptz, updated_at = now()
    WHERE tenant_id = ${tenantId} AND id = ${lead.id} AND (first_reply_at IS NULL OR first_reply_at > ${at.toISOString()}::timestamptz)`);
  if (lead.status === 'new') await moveStatus(tx, tenantId, lead.id, 'new', 'contacted', provider);
}

/** Ends the runs of these people and returns those whose workflow waits: only they are told. A reply that comes late still counts for the run that asked. */
async function endRuns(
  tx: Tx,
  tenantId: number,
  leadIds: readonly string[],
  reason: 'replied' | 'opted_out',
): Promise<readonly RunToSignal[]> {
  const ofLeads = sql.fragment`r.lead_id = ANY(${sql.array([...leadIds], 'uuid')})`;
  const waiting = await waitingRuns(tx, tenantId, ofLeads);
  await tx.query(sql.unsafe`
    UPDATE automation_runs r SET state = ${reason === 'replied' ? 'done' : 'stopped'}, reason = ${reason}, updated_at = now()
    WHERE r.tenant_id = ${tenantId} AND ${ofLeads}
      AND (r.state IN ('active', 'waiting') OR (r.reason IN ('no_reply', 'message_failed', 'unconfirmed') AND r.created_at > now() - ${LATE_REPLY_DAYS} * interval '1 day'))`);
  return waiting;
}

async function waitingRuns(
  tx: Tx,
  tenantId: number,
  which: ReturnType<typeof sql.fragment>,
): Promise<readonly RunToSignal[]> {
  const rows = await tx.any(
    sql.type(
      runRow,
    )`SELECT r.id, r.workflow_id FROM automation_runs r WHERE r.tenant_id = ${tenantId} AND r.state IN ('active', 'waiting') AND ${which}`,
  );
  return rows.map((row) => ({ runId: row.id, workflowId: row.workflow_id }));
}

// A status may come before the reply that tells us its id, or belong to a message that is not ours. Looking is no failed try: the row keeps some of its 20.
const keepUnmatched = (tx: Tx, tenantId: number, ids: readonly number[]) =>
  tx.query(sql.unsafe`
    UPDATE webhook_events SET state = CASE WHEN received_at < now() - interval '24 hours' THEN 'ignored' ELSE 'pending' END, error = 'no_message_yet', attempts = least(attempts, 10),
      next_attempt_at = now() + least(power(2, least(attempts, 10)), 900) * interval '1 second'
    WHERE tenant_id = ${tenantId} AND id = ANY(${sql.array([...ids], 'int8')}) AND state = 'pending'`);

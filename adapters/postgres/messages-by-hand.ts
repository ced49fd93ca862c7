import { sql } from 'slonik';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import { LONGEST_ATTEMPT_WAIT_MS } from '../../domain/send-errors.ts';
import { checkDispatch, freeAt, sendableSender, type Verdict } from './dispatch-checks.ts';
import { addressOf } from './dispatch-claims.ts';
import { type DispatchSituation, lastLeft, situationOf } from './dispatch-situations.ts';
import { cancel, logMessage, takeBack, unfinished } from './message-moves.ts';
import { type ClaimedMessage, GIVE_UP_AFTER_MS } from './outbound-messages.ts';
import type { Database, Tx } from './pool.ts';
import { endRun } from './run-moves.ts';
import { audited } from './system-events.ts';
import { readyTest } from './test-messages.ts';

/** A free-form answer, claimed and about to leave. */
export interface ClaimedText {
  messageId: string;
  leadId: string;
  externalId: string;
  from: string;
  to: string;
  text: string;
}

export type ClaimByHand =
  | { decision: 'send'; message: ClaimedMessage | ClaimedText }
  | Exclude<Verdict, { decision: 'send' }>
  | { decision: 'already'; state: string };

const messageRow = z.object({
  id: z.string(),
  state: z.string(),
  external_id: z.string(),
  created_at: z.date(),
  lead_id: z.string(),
  run_id: z.string().nullable(),
  step: z.number(),
  phone: z.string(),
  template_name: z.string().nullable(),
  body: z.string().nullable(),
  template_language: z.string().nullable(),
  user_id: z.string().nullable(),
  again_of: z.string().nullable(),
  origin: z.string(),
});
type MessageRow = z.output<typeof messageRow>;

const personRow = z.object({
  suppressed: z.boolean(),
  last_inbound_at: z.date().nullable(),
  last_left_at: z.date().nullable(),
  sending_on: z.boolean(),
});
const PAUSED_RETRY_MS = 5 * 60_000;
/** After a person's last message anything may be written to them for so long. */
export const WINDOW_MS = 24 * 60 * 60_000;
const ARRIVED: ReadonlySet<string> = new Set(['accepted', 'sent', 'delivered', 'read']);

/** Messages that a person asked for, and new attempts of what Meta never took: rows in state `claimed` with their mirrors. They leave through the same protocol as a rule's, with all its checks. */
export function createMessagesByHand({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** One transaction: the person's lock, every check, the row set `sending`. */
    claim: (tenantId: number, messageId: string, now: Date): Promise<ClaimByHand> =>
      inTenant(tenantId, async (tx) => {
        const first = await read(tx, tenantId, messageId);
        await tx.query(sql.unsafe`SELECT pg_advisory_xact_lock(${tenantId}, hashtext(${first.phone}))`);
        const own = await read(tx, tenantId, messageId);
        if (own.state !== 'claimed') return unfinished(tx, tenantId, own);
        const verdict = await decide(tx, tenantId, own, now);
        if (verdict.decision !== 'send') return refuse(tx, tenantId, own, verdict);
        await takeBack(tx, tenantId, messageId);
        await logMessage(tx, tenantId, messageId, 'sending', null);
        await audited(tx, {
          tenantId,
          name: 'message.sending',
          actor: system('messages'),
          object: { type: 'lead', id: own.lead_id },
          details: { messageId },
        });
        return { decision: 'send', message: verdict.message };
      }),

    /** Ends a message that cannot be sent for a reason known before its checks. */
    skip: (tenantId: number, messageId: string, reason: string): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const own = await read(tx, tenantId, messageId);
        if (own.state === 'claimed') await refuse(tx, tenantId, own, { decision: 'skip', reason });
      }),
  };
}
export type MessagesByHand = ReturnType<typeof createMessagesByHand>;

async function read(tx: Tx, tenantId: number, messageId: string): Promise<MessageRow> {
  const row = await tx.maybeOne(sql.type(messageRow)`
    SELECT m.id, m.state, m.external_id, m.created_at, m.lead_id, m.run_id, m.step, m.phone, m.template_name, m.template_language, m.user_id, m.again_of, m.origin, c.body
    FROM outbound_messages m
    LEFT JOIN chat_messages c ON c.tenant_id = m.tenant_id AND c.outbound_message_id = m.id
    WHERE m.tenant_id = ${tenantId} AND m.id = ${messageId} AND m.origin <> 'rule' FOR UPDATE OF m`);
  if (!row) throw new AppError('not_found', `no message ${messageId}`);
  return row;
}

/** What Meta withheld is meant to wait for a day or two first. */
const giveUpAfterMs = ({ origin }: MessageRow): number =>
  origin === 'retry' ? LONGEST_ATTEMPT_WAIT_MS + GIVE_UP_AFTER_MS : GIVE_UP_AFTER_MS;

type Decision = { decision: 'send'; message: ClaimedMessage | ClaimedText } | Exclude<Verdict, { decision: 'send' }>;

async function decide(tx: Tx, tenantId: number, own: MessageRow, now: Date): Promise<Decision> {
  if (now.getTime() - own.created_at.getTime() > giveUpAfterMs(own)) return { decision: 'skip', reason: 'gave_up' };
  if (own.again_of !== null && (await hasArrived(tx, tenantId, own.again_of)))
    return { decision: 'skip', reason: 'arrived_meanwhile' };
  if (own.origin === 'reply' && own.template_name !== null) return decideTest(tx, tenantId, own, now);
  return own.template_name === null ? decideText(tx, tenantId, own, now) : decideTemplate(tx, tenantId, own, now);
}

/** What was in doubt may turn out to have arrived while this one waited to leave. Locked, so that a report under way is waited for. */
async function hasArrived(tx: Tx, tenantId: number, messageId: string): Promise<boolean> {
  const state = await tx.oneFirst(
    sql.type(
      z.object({ state: z.string() }),
    )`SELECT state FROM outbound_messages WHERE tenant_id = ${tenantId} AND id = ${messageId} FOR UPDATE`,
  );
  return ARRIVED.has(state);
}

/** All the checks of a rule's message. That its run ended or its rule rests does not count when a person asked. */
async function decideTemplate(tx: Tx, tenantId: number, own: MessageRow, now: Date): Promise<Decision> {
  if (own.run_id === null) return { decision: 'skip', reason: 'rule_missing' };
  const read = await situationOf(tx, tenantId, own.run_id, own.step);
  const asked = { run_state: 'waiting', rule_active: true, is_restored: false };
  // Due by its own row's time, not by the run's.
  const byRule = { run_state: read.run.run_state === 'active' ? 'waiting' : read.run.run_state };
  const situation: DispatchSituation = { ...read, run: { ...read.run, ...(own.origin === 'retry' ? byRule : asked) } };
  if (situation.phone !== own.phone) return { decision: 'skip', reason: 'phone_changed' };
  const verdict = checkDispatch(situation, now);
  if (verdict.decision !== 'send') return verdict;
  const address = { messageId: own.id, externalId: own.external_id, ...addressOf(situation) };
  return { decision: 'send', message: { ...address, bodyParameters: verdict.parameters } };
}

/** A person asked for it, for themselves: no hours and no caps, everything else. */
async function decideTest(tx: Tx, tenantId: number, own: MessageRow, now: Date): Promise<Decision> {
  const { template_name: template, template_language: language, phone, user_id: userId } = own;
  if (template === null || language === null) return { decision: 'skip', reason: 'template_missing' };
  const ready = await readyTest(tx, tenantId, { phone, template, language, userId });
  if (!ready.isReady && ready.reason === 'sending_paused')
    return { decision: 'wait', reason: ready.reason, until: now.getTime() + PAUSED_RETRY_MS };
  if (!ready.isReady) return { decision: 'skip', reason: ready.reason };
  const lastLeftAt = await tx.oneFirst(
    sql.type(z.object({ at: z.date().nullable() }))`SELECT ${lastLeft(tenantId, phone, sql.fragment`false`)} AS at`,
  );
  const free = freeAt(lastLeftAt, now);
  if (free !== null) return { decision: 'wait', reason: 'person_rate', until: free };
  const { id: messageId, external_id: externalId, lead_id: leadId } = own;
  const address = { messageId, externalId, leadId, from: ready.from, to: phone, templateName: template, language };
  return { decision: 'send', message: { ...address, bodyParameters: ready.parameters } };
}

async function decideText(tx: Tx, tenantId: number, own: MessageRow, now: Date): Promise<Decision> {
  const person = await tx.one(sql.type(personRow)`
    SELECT EXISTS (SELECT FROM suppressions s WHERE s.tenant_id = ${tenantId} AND s.phone = ${own.phone} AND s.lifted_at IS NULL) AS suppressed,
      (SELECT max(c.sent_at) FROM chat_messages c WHERE c.tenant_id = ${tenantId} AND c.phone = ${own.phone} AND c.direction = 'in') AS last_inbound_at,
      ${lastLeft(tenantId, own.phone, sql.fragment`m.id IS NOT DISTINCT FROM ${own.again_of}::uuid`)} AS last_left_at,
      (SELECT t.sending = 'on' FROM tenants t WHERE t.id = ${tenantId}) AND (SELECT i.sending = 'on' FROM installation_state i) AS sending_on`);
  if (person.suppressed) return { decision: 'skip', reason: 'opted_out' };
  if (person.last_inbound_at === null || now.getTime() - person.last_inbound_at.getTime() >= WINDOW_MS)
    return { decision: 'skip', reason: 'window_closed' };
  if (!person.sending_on) return { decision: 'wait', reason: 'sending_paused', until: now.getTime() + PAUSED_RETRY_MS };
  const sender = await sendableSender(tx, tenantId);
  if (typeof sender === 'string') return { decision: 'skip', reason: sender };
  const free = freeAt(person.last_left_at, now);
  if (free !== null) return { decision: 'wait', reason: 'person_rate', until: free };
  const { id: messageId, external_id: externalId, lead_id: leadId, phone: to, body } = own;
  return { decision: 'send', message: { messageId, externalId, leadId, from: sender.phone, to, text: body ?? '' } };
}

/** The check's reason goes to the log; a wait says when to look again, anything else ends the message. */
async function refuse(
  tx: Tx,
  tenantId: number,
  own: MessageRow,
  verdict: Exclude<Decision, { decision: 'send' }>,
): Promise<Exclude<Decision, { decision: 'send' }>> {
  if (verdict.decision === 'skip') {
    await cancel(tx, tenantId, own.id, verdict.reason);
    await logMessage(tx, tenantId, own.id, 'cancelled', verdict.reason);
    if (own.origin === 'retry' && own.run_id !== null) await endRun(tx, tenantId, own.run_id, verdict.reason);
    return verdict;
  }
  await tx.query(sql.unsafe`
    UPDATE outbound_messages SET due_at = ${new Date(verdict.until).toISOString()}::timestamptz + interval '1 minute' WHERE tenant_id = ${tenantId} AND id = ${own.id}`);
  await logMessage(tx, tenantId, own.id, 'waiting', verdict.reason);
  return verdict;
}

import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import { WINDOW_MS } from './messages-by-hand.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const stateRow = z.object({
  phone: z.string().nullable(),
  sender: z.string().nullable(),
  is_suppressed: z.boolean(),
  is_sending: z.boolean(),
  last_inbound_at: z.date().nullable(),
});

/** Why nothing can be written now. */
export type ReplyObstacle = 'no_phone' | 'opted_out' | 'window_closed' | 'no_sender' | 'sending_paused';

export interface ReplyState {
  obstacle: ReplyObstacle | null;
  /** Until when anything may be written, while the window is open. */
  until: Date | null;
}

const runRow = z.object({ workflow_id: z.string() });

/** The team's own words to a person, within 24 hours of their last message. They leave through the same protocol as everything else. */
export function createReplies({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    stateOf: (tenantId: number, leadId: string, now: Date): Promise<ReplyState> =>
      inTenant(tenantId, async (tx) => replyState(await read(tx, tenantId, leadId), now)),

    /**
     * The message as a row in state `claimed` with both mirrors; who writes takes over, so what runs for this person stops. `key` is the form's own: the same
     * form sent twice is one message.
     * @throws {AppError} `not_found`; `conflict` with `details.why`, a ReplyObstacle
     */
    write: (
      tenantId: number,
      leadId: string,
      { key, text }: { key: string; text: string },
      actor: Actor,
      now: Date,
    ): Promise<{ messageId: string | null; workflowIds: readonly string[] }> =>
      inTenant(tenantId, async (tx) => {
        const person = await read(tx, tenantId, leadId);
        const { obstacle } = replyState(person, now);
        if (obstacle !== null) throw new AppError('conflict', 'nothing can be written', { details: { why: obstacle } });
        const messageId = await insertReply(tx, tenantId, leadId, { key, text, actor, ...person });
        if (messageId === null) return { messageId: null, workflowIds: [] };
        const stopped = await stopRuns(tx, tenantId, leadId);
        await audited(tx, {
          tenantId,
          name: 'conversation.reply_written',
          actor,
          object: { type: 'lead', id: leadId },
          details: { messageId, stopped: stopped.length },
        });
        return { messageId, workflowIds: stopped };
      }),

    /** Somebody writes to the person elsewhere: what runs for them stops. Safe to repeat; gives the workflows that have to look again. */
    takeOver: (tenantId: number, leadId: string, actor: Actor): Promise<readonly string[]> =>
      inTenant(tenantId, async (tx) => {
        const stopped = await stopRuns(tx, tenantId, leadId);
        if (stopped.length > 0)
          await audited(tx, {
            tenantId,
            name: 'conversation.taken_over',
            actor,
            object: { type: 'lead', id: leadId },
            details: { stopped: stopped.length },
          });
        return stopped;
      }),
  };
}
export type Replies = ReturnType<typeof createReplies>;

async function stopRuns(tx: Tx, tenantId: number, leadId: string): Promise<readonly string[]> {
  return tx.anyFirst(sql.type(runRow)`
    UPDATE automation_runs SET state = 'stopped', reason = 'human_took_over', held_since = NULL, updated_at = now()
    WHERE tenant_id = ${tenantId} AND lead_id = ${leadId} AND state IN ('active', 'waiting') RETURNING workflow_id`);
}

async function read(tx: Tx, tenantId: number, leadId: string) {
  const row = await tx.maybeOne(sql.type(stateRow)`
    SELECT l.phone, (SELECT s.phone FROM whatsapp_senders s WHERE s.tenant_id = l.tenant_id AND s.is_default) AS sender,
      EXISTS (SELECT FROM suppressions s WHERE s.tenant_id = l.tenant_id AND s.phone = l.phone AND s.lifted_at IS NULL) AS is_suppressed,
      t.sending = 'on' AND (SELECT i.sending = 'on' FROM installation_state i) AS is_sending,
      (SELECT max(c.sent_at) FROM chat_messages c WHERE c.tenant_id = l.tenant_id AND c.phone = l.phone AND c.direction = 'in') AS last_inbound_at
    FROM leads l JOIN tenants t ON t.id = l.tenant_id WHERE l.tenant_id = ${tenantId} AND l.id = ${leadId}`);
  if (!row) throw new AppError('not_found', 'no such lead');
  return row;
}

function replyState(person: z.output<typeof stateRow>, now: Date): ReplyState {
  const until = person.last_inbound_at === null ? null : new Date(person.last_inbound_at.getTime() + WINDOW_MS);
  const isOpen = until !== null && now < until;
  const refuse = (obstacle: ReplyObstacle): ReplyState => ({ obstacle, until: isOpen ? until : null });
  if (person.phone === null) return refuse('no_phone');
  if (person.is_suppressed) return refuse('opted_out');
  if (!isOpen) return refuse('window_closed');
  if (person.sender === null) return refuse('no_sender');
  return person.is_sending ? { obstacle: null, until } : refuse('sending_paused');
}

async function insertReply(
  tx: Tx,
  tenantId: number,
  leadId: string,
  reply: { key: string; text: string; actor: Actor; phone: string | null; sender: string | null },
): Promise<string | null> {
  const { key, text, actor, phone, sender } = reply;
  const userId = actor.type === 'user' ? actor.id : null;
  const messageId = await tx.maybeOneFirst(sql.type(z.object({ id: z.string() }))`
    INSERT INTO outbound_messages (tenant_id, lead_id, occurrence, external_id, sender_phone, phone, state, origin, user_id, due_at)
    VALUES (${tenantId}, ${leadId}, ${`reply:${key}`}, ${randomUUID()}, ${sender}, ${phone}, 'claimed', 'reply', ${userId}::uuid, now() + interval '10 seconds')
    ON CONFLICT ON CONSTRAINT outbound_messages_once DO NOTHING RETURNING id`);
  if (messageId === null) return null;
  await tx.query(sql.unsafe`
    INSERT INTO chat_messages (tenant_id, lead_id, phone, direction, author, user_id, outbound_message_id, kind, body)
    VALUES (${tenantId}, ${leadId}, ${phone}, 'out', 'human', ${userId}::uuid, ${messageId}, 'text', ${text})`);
  await tx.query(sql.unsafe`
    INSERT INTO automation_logs (tenant_id, lead_id, outbound_message_id, trigger_type, status) VALUES (${tenantId}, ${leadId}, ${messageId}, 'reply', 'claimed')`);
  return messageId;
}

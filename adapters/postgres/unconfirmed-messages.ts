import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import { againRefusal, type Finding } from '../../domain/unconfirmed.ts';
import { followFailures } from './message-failures.ts';
import { applyReports } from './message-reports.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const openRow = z.object({
  id: z.string(),
  lead_id: z.string(),
  full_name: z.string().nullable(),
  phone: z.string(),
  template_name: z.string().nullable(),
  body: z.string().nullable(),
  why: z.string().nullable(),
  attempt: z.number(),
  sent_at: z.date(),
  rule_name: z.string().nullable(),
  has_run: z.boolean(),
  wrote_at: z.date().nullable(),
});
export type UnconfirmedMessage = z.output<typeof openRow>;

const settledRow = z.object({
  id: z.string(),
  lead_id: z.string(),
  full_name: z.string().nullable(),
  state: z.string(),
  resolution: z.enum(['arrived', 'lost', 'again']).nullable(),
  person: z.string().nullable(),
  at: z.date(),
  again_state: z.string().nullable(),
  again_reason: z.string().nullable(),
  may_repeat: z.boolean(),
});
export type SettledMessage = z.output<typeof settledRow>;

const originalRow = z.object({
  id: z.string(),
  lead_id: z.string(),
  state: z.string(),
  resolution: z.string().nullable(),
  external_id: z.string(),
  run_id: z.string().nullable(),
  template_name: z.string().nullable(),
  sent_at: z.date(),
});
const SETTLED_DAYS = 7;

/** Messages of which nobody knows whether they arrived, and what people made of them. Every move says which state it moves from: of two, one wins. */
export function createUnconfirmedMessages({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** What waits for a person, the oldest first. */
    open: (tenantId: number): Promise<readonly UnconfirmedMessage[]> =>
      inTenant(tenantId, (tx) => tx.any(sql.type(openRow)`${openOf(tenantId)} ORDER BY m.created_at, m.id LIMIT 100`)),

    /** @throws {AppError} `not_found` also for one that is in doubt no more */
    openById: (tenantId: number, messageId: string): Promise<UnconfirmedMessage> =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(sql.type(openRow)`${openOf(tenantId, true)} AND m.id = ${messageId}`);
        if (!row) throw new AppError('not_found', 'no such message in doubt');
        return row;
      }),

    /** What was in doubt in the last week and is not any more: by a report, or by a person. */
    settled: (tenantId: number): Promise<readonly SettledMessage[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(settledRow)`
          SELECT m.id, m.lead_id, l.full_name, m.state, m.resolution, u.name AS person, coalesce(m.resolved_at, m.updated_at) AS at,
            a.state AS again_state, a.error_code AS again_reason, m.resolution = 'lost' AND m.state = 'failed' AND m.run_id IS NOT NULL AS may_repeat
          FROM outbound_messages m JOIN leads l ON l.tenant_id = m.tenant_id AND l.id = m.lead_id
          LEFT JOIN users u ON u.tenant_id = m.tenant_id AND u.id = m.resolved_by
          LEFT JOIN outbound_messages a ON a.tenant_id = m.tenant_id AND a.again_of = m.id
          WHERE m.tenant_id = ${tenantId} AND m.doubted_at > now() - ${SETTLED_DAYS} * interval '1 day' AND (m.state <> 'unconfirmed' OR m.resolution IS NOT NULL)
          ORDER BY at DESC, m.id LIMIT 20`),
      ),

    /**
     * A person looked: it arrived, or it did not. Moves like a report, so that WhatsApp's own later `delivered` still counts.
     * @throws {AppError} `not_found`; `conflict` when it is in doubt no more
     */
    resolve: (tenantId: number, messageId: string, finding: Finding, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const original = await lockOriginal(tx, tenantId, messageId);
        if (original.state !== 'unconfirmed' || original.resolution !== null)
          throw new AppError('conflict', 'the message is in doubt no more');
        await note(tx, tenantId, messageId, finding, actor);
        const { applied } = await applyReports(tx, tenantId, [
          {
            externalId: original.external_id,
            providerId: null,
            wamid: null,
            state: finding === 'arrived' ? 'delivered' : 'failed',
            at: finding === 'arrived' ? original.sent_at : new Date(),
            errorCode: finding === 'arrived' ? null : 'person_says_lost',
            price: null,
            currency: null,
          },
        ]);
        await followFailures(tx, tenantId, applied);
        await auditResolution(tx, tenantId, original.id, { resolution: finding }, actor);
      }),

    /**
     * A new attempt, in a row of its own with both mirrors, state `claimed`; the one in doubt keeps its row, for what may still be reported of it.
     * @throws {AppError} `not_found`; `conflict` when it is in doubt no more, was sent again, or went out less than a quarter of an hour ago
     */
    sendAgain: (tenantId: number, messageId: string, actor: Actor, now: Date): Promise<{ messageId: string }> =>
      inTenant(tenantId, async (tx) => {
        const original = await lockOriginal(tx, tenantId, messageId);
        const refusal = againRefusal({ ...original, sendingAt: original.sent_at }, now);
        if (refusal !== null) throw new AppError('conflict', 'it cannot be sent again', { details: { why: refusal } });
        if (original.template_name !== null && original.run_id === null)
          throw new AppError('conflict', 'its rule is gone', { details: { why: 'settled' } });
        await note(tx, tenantId, messageId, 'again', actor);
        const attemptId = await insertAttempt(tx, tenantId, messageId, actor);
        await auditResolution(tx, tenantId, messageId, { resolution: 'again', attemptId }, actor);
        return { messageId: attemptId };
      }),
  };
}
export type UnconfirmedMessages = ReturnType<typeof createUnconfirmedMessages>;

const openOf = (tenantId: number, alsoLost = false) => sql.fragment`
  SELECT m.id, m.lead_id, l.full_name, m.phone, m.template_name, c.body, m.error_code AS why, m.attempt, coalesce(m.sending_at, m.created_at) AS sent_at,
    r.name AS rule_name, m.run_id IS NOT NULL OR m.template_name IS NULL AS has_run,
    (SELECT max(i.sent_at) FROM chat_messages i WHERE i.tenant_id = m.tenant_id AND i.phone = m.phone AND i.direction = 'in' AND i.sent_at > m.created_at) AS wrote_at
  FROM outbound_messages m JOIN leads l ON l.tenant_id = m.tenant_id AND l.id = m.lead_id
  LEFT JOIN chat_messages c ON c.tenant_id = m.tenant_id AND c.outbound_message_id = m.id
  LEFT JOIN automation_rules r ON r.tenant_id = m.tenant_id AND r.id = m.rule_id
  WHERE m.tenant_id = ${tenantId} AND ((m.state = 'unconfirmed' AND m.resolution IS NULL) OR (${alsoLost} AND m.state = 'failed' AND m.resolution = 'lost'))`;

async function lockOriginal(tx: Tx, tenantId: number, messageId: string) {
  const row = await tx.maybeOne(sql.type(originalRow)`
    SELECT id, lead_id, state, resolution, external_id, run_id, template_name, coalesce(sending_at, created_at) AS sent_at FROM outbound_messages
    WHERE tenant_id = ${tenantId} AND id = ${messageId} AND doubted_at IS NOT NULL FOR UPDATE`);
  if (!row) throw new AppError('not_found', 'no such message');
  return row;
}

const note = (tx: Tx, tenantId: number, messageId: string, resolution: Finding | 'again', actor: Actor) =>
  tx.query(sql.unsafe`
    UPDATE outbound_messages SET resolution = ${resolution}, resolved_at = now(), resolved_by = ${personIn(actor)}::uuid, updated_at = now()
    WHERE tenant_id = ${tenantId} AND id = ${messageId}`);

async function insertAttempt(tx: Tx, tenantId: number, messageId: string, actor: Actor): Promise<string> {
  const attemptId = await tx.oneFirst(sql.type(z.object({ id: z.string() }))`
    INSERT INTO outbound_messages (tenant_id, lead_id, rule_id, run_id, step, occurrence, attempt, external_id, sender_phone, phone, template_name, template_language,
      template_category, state, origin, user_id, again_of, due_at)
    SELECT tenant_id, lead_id, rule_id, run_id, step, occurrence, attempt + 1, ${randomUUID()}, sender_phone, phone, template_name, template_language,
      template_category, 'claimed', 'again', ${personIn(actor)}::uuid, id, now() + interval '10 seconds'
    FROM outbound_messages WHERE tenant_id = ${tenantId} AND id = ${messageId} RETURNING id`);
  await tx.query(sql.unsafe`
    INSERT INTO chat_messages (tenant_id, lead_id, phone, direction, author, user_id, outbound_message_id, kind, body)
    SELECT tenant_id, lead_id, phone, 'out', 'human', ${personIn(actor)}::uuid, ${attemptId}, kind, body
    FROM chat_messages WHERE tenant_id = ${tenantId} AND outbound_message_id = ${messageId}`);
  await tx.query(sql.unsafe`
    INSERT INTO automation_logs (tenant_id, rule_id, run_id, lead_id, outbound_message_id, trigger_type, status)
    SELECT tenant_id, rule_id, run_id, lead_id, id, 'send_again', 'claimed' FROM outbound_messages WHERE tenant_id = ${tenantId} AND id = ${attemptId}`);
  return attemptId;
}

const personIn = (actor: Actor): string | null => (actor.type === 'user' ? actor.id : null);

const auditResolution = (
  tx: Tx,
  tenantId: number,
  messageId: string,
  details: Record<string, string>,
  actor: Actor,
): Promise<void> =>
  audited(tx, { tenantId, name: 'message.resolved', actor, object: { type: 'message', id: messageId }, details });

import { sql } from 'slonik';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import type { Tx } from './pool.ts';
import { audited } from './system-events.ts';

/** The moves of one outbound message that runs' messages and people's have in common. Each says `WHERE state =` what it moves from. */

export const ownRow = z.object({ id: z.string(), state: z.string(), external_id: z.string(), created_at: z.date() });
export type OwnRow = z.output<typeof ownRow>;

/** An attempt that finds its own row `sending` cannot know whether the POST left. */
export async function unfinished(
  tx: Tx,
  tenantId: number,
  own: Pick<OwnRow, 'id' | 'state'>,
): Promise<{ decision: 'already'; state: string }> {
  if (own.state === 'sending') await unconfirm(tx, tenantId, own.id, 'found_sending');
  return { decision: 'already', state: own.state === 'sending' ? 'unconfirmed' : own.state };
}

/** `sending` to `unconfirmed`; false when the row moved on meanwhile. */
export async function unconfirm(tx: Tx, tenantId: number, messageId: string, why: string): Promise<boolean> {
  const { rowCount } = await tx.query(sql.unsafe`
    UPDATE outbound_messages SET state = 'unconfirmed', error_code = ${why}, doubted_at = now(), updated_at = now()
    WHERE tenant_id = ${tenantId} AND id = ${messageId} AND state = 'sending'`);
  if (rowCount === 0) return false;
  await logMessage(tx, tenantId, messageId, 'unconfirmed', why);
  await audited(tx, {
    tenantId,
    name: 'message.unconfirmed',
    actor: system('messages'),
    object: { type: 'message', id: messageId },
    details: { why },
  });
  return true;
}

/** `claimed` to `sending`: the POST follows. */
export const takeBack = (tx: Tx, tenantId: number, messageId: string) =>
  tx.query(sql.unsafe`
    UPDATE outbound_messages SET state = 'sending', sending_at = now(), updated_at = now() WHERE tenant_id = ${tenantId} AND id = ${messageId} AND state = 'claimed'`);

/** `claimed` to `cancelled`: certainly not sent, and never will be. */
export const cancel = (tx: Tx, tenantId: number, messageId: string, reason: string | null = null) =>
  tx.query(sql.unsafe`
    UPDATE outbound_messages SET state = 'cancelled', error_code = ${reason}, ended_at = now(), updated_at = now()
    WHERE tenant_id = ${tenantId} AND id = ${messageId} AND state = 'claimed'`);

/** Brings the message's own log row up to date; false when it has none. */
export async function logMessage(
  tx: Tx,
  tenantId: number,
  messageId: string,
  status: string,
  reason: string | null,
): Promise<boolean> {
  const { rowCount } = await tx.query(sql.unsafe`
    UPDATE automation_logs SET status = ${status}, reason = ${reason}, updated_at = now() WHERE tenant_id = ${tenantId} AND outbound_message_id = ${messageId}`);
  return rowCount > 0;
}

import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import type { DispatchSituation } from './dispatch-situations.ts';
import { type OwnRow, takeBack } from './message-moves.ts';
import type { Tx } from './pool.ts';
import { logDecision, movedRun, moveRun } from './run-moves.ts';
import { audited, auditRow } from './system-events.ts';

/** What a claim writes once all checks are passed, in the claiming transaction. */

interface Claimed {
  messageId: string;
  externalId: string;
}

/** A message of its own, set `sending`, with both mirrors, the run's move and the audit row: one statement, since each costs as much as its round trip. */
export async function claimNew(
  tx: Tx,
  tenantId: number,
  situation: DispatchSituation,
  body: string,
  nextAt: number | null,
): Promise<Claimed> {
  const { leadId, ruleId, runId, place, occurrence, run } = situation;
  const { from, to, templateName, language } = addressOf(situation);
  const externalId = randomUUID();
  const messageId = await tx.oneFirst(sql.prepared('dispatch_claim', z.object({ id: z.string() }))`
    WITH message AS (
      INSERT INTO outbound_messages (tenant_id, lead_id, rule_id, run_id, step, occurrence, external_id, sender_phone, phone, template_name, template_language, template_category, state, sending_at)
      VALUES (${tenantId}, ${leadId}, ${ruleId}, ${runId}, ${place}, ${occurrence}, ${externalId}, ${from}, ${to}, ${templateName}, ${language}, ${situation.template?.category ?? null}, 'sending', now())
      RETURNING id),
    conversation AS (
      INSERT INTO chat_messages (tenant_id, lead_id, phone, direction, author, outbound_message_id, kind, body)
      SELECT ${tenantId}::int, ${leadId}::uuid, ${to}, 'out', 'automation', id, 'template', ${body} FROM message),
    log AS (
      INSERT INTO automation_logs (tenant_id, rule_id, run_id, lead_id, outbound_message_id, trigger_type, status)
      SELECT ${tenantId}::int, ${ruleId}::uuid, ${runId}::uuid, ${leadId}::uuid, id, ${run.trigger_type}, 'sending' FROM message),
    moved AS (${movedRun(tenantId, runId, nextAt)}),
    audit AS (${auditRow(sendingOf(tenantId, leadId), sql.fragment`jsonb_build_object('messageId', id, 'runId', ${runId}::text)`, sql.fragment`FROM message`)})
    SELECT id FROM message`);
  return { messageId, externalId };
}

/** The row that an earlier attempt handed back, `claimed`: it keeps its mirrors. */
export async function claimOwn(
  tx: Tx,
  tenantId: number,
  situation: DispatchSituation,
  own: Pick<OwnRow, 'id' | 'external_id'>,
  nextAt: number | null,
): Promise<Claimed> {
  const { leadId, runId } = situation;
  await takeBack(tx, tenantId, own.id);
  await logDecision(tx, tenantId, situation, 'sending', null, own.id);
  await moveRun(tx, tenantId, runId, nextAt);
  await audited(tx, { ...sendingOf(tenantId, leadId), details: { messageId: own.id, runId } });
  return { messageId: own.id, externalId: own.external_id };
}

const sendingOf = (tenantId: number, leadId: string) => ({
  tenantId,
  name: 'message.sending',
  actor: system('lead-automation'),
  object: { type: 'lead', id: leadId },
});

export function addressOf({ leadId, phone, sender, template }: DispatchSituation) {
  if (phone === null || sender === null || template === null)
    throw new AppError('conflict', 'checked before, missing now');
  return { leadId, from: sender.phone, to: phone, templateName: template.name, language: template.language };
}

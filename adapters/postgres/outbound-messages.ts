import { sql } from 'slonik';
import { z } from 'zod';
import { isMessage, stepsOf } from '../../domain/automation.ts';
import { heldReasons } from '../../domain/held-runs.ts';
import { checkAction, checkDispatch } from './dispatch-checks.ts';
import { addressOf, claimNew, claimOwn } from './dispatch-claims.ts';
import { type DispatchSituation, situationOf } from './dispatch-situations.ts';
import { followFailures } from './message-failures.ts';
import { cancel, logMessage, unconfirm, unfinished } from './message-moves.ts';
import { applyReports, type Report } from './message-reports.ts';
import type { Database, Tx } from './pool.ts';
import { type Acted, act } from './rule-actions.ts';
import { actionConfig } from './rule-shapes.ts';
import { clockStarted } from './rule-triggers.ts';
import { endRun, logDecision } from './run-moves.ts';

/** A message claimed and about to leave; the POST follows at once. */
export interface ClaimedMessage {
  messageId: string;
  leadId: string;
  externalId: string;
  from: string;
  to: string;
  templateName: string;
  language: string;
  bodyParameters: readonly string[];
}

export type Claim =
  | Acted
  | { decision: 'send'; message: ClaimedMessage; nextAt?: number | null }
  /** Waiting reasons set a new due time, epoch milliseconds. */
  | { decision: 'wait'; reason: string; until: number }
  | { decision: 'skip'; reason: string }
  /** An earlier attempt of this step got this far: there is nothing to send. */
  | { decision: 'already'; state: string; nextAt?: number | null };

/** A message that certainly was not sent is tried again for this long. */
export const GIVE_UP_AFTER_MS = 24 * 60 * 60_000;

/** Outbound messages. `claim` and `settle` are the two halves of the protocol in docs/architecture.md: nothing else moves a message. */
export function createOutboundMessages({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** One transaction: the person's lock, every check, the row set `sending`, both mirrors. */
    claim: (tenantId: number, runId: string, now: Date, place = 0): Promise<Claim> =>
      inTenant(tenantId, async (tx) => {
        const situation = await situationOf(tx, tenantId, runId, place, { withOwn: true });
        const { own } = situation;
        const nextAt = nextAtOf(situation, now);
        if (!isMessage(situation.step)) {
          const isDone = situation.run.acted_step >= place;
          const verdict = isDone ? null : checkAction(situation, now);
          return verdict === null
            ? act(tx, tenantId, situation, nextAt)
            : refuse(tx, tenantId, situation, verdict, undefined);
        }
        if (own && own.state !== 'claimed') return { ...(await unfinished(tx, tenantId, own)), nextAt };
        const verdict = checkDispatch(situation, now);
        if (own && now.getTime() - own.created_at.getTime() > GIVE_UP_AFTER_MS)
          return giveUp(tx, tenantId, situation, own.id);
        if (verdict.decision !== 'send') return refuse(tx, tenantId, situation, verdict, own?.id);
        const message = own
          ? await claimOwn(tx, tenantId, situation, own, nextAt)
          : await claimNew(tx, tenantId, situation, verdict.body, nextAt);
        if (situation.run.starts_clocks) await clockStarted(tx, tenantId, situation.leadId, message.messageId);
        return {
          decision: 'send',
          message: { ...message, ...addressOf(situation), bodyParameters: verdict.parameters },
          nextAt,
        };
      }),

    /** Ends a run that cannot send for a reason known before its checks, with the reason in the log. What may have left is left as it is. */
    skip: (tenantId: number, runId: string, reason: string, place = 0): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const situation = await situationOf(tx, tenantId, runId, place, { withOwn: true });
        const { own } = situation;
        if (own && own.state !== 'claimed') await unfinished(tx, tenantId, own);
        else await refuse(tx, tenantId, situation, { decision: 'skip', reason }, own?.id);
      }),

    /** Whether the step is something else than a message, so that it needs nothing of YCloud. */
    isAction: (tenantId: number, runId: string, place: number): Promise<boolean> =>
      inTenant(tenantId, async (tx) => {
        const { action } = await tx.one(sql.type(z.object({ action: actionConfig }))`
          SELECT coalesce((SELECT v.action_config FROM automation_rule_versions v WHERE v.tenant_id = r.tenant_id AND v.rule_id = r.rule_id AND v.version = r.rule_version),
            u.action_config) AS action
          FROM automation_runs r JOIN automation_rules u ON u.tenant_id = r.tenant_id AND u.id = r.rule_id WHERE r.tenant_id = ${tenantId} AND r.id = ${runId}`);
        const step = stepsOf(action)[place];
        return step !== undefined && !isMessage(step);
      }),

    /** The HTTP reply's side of the one function that moves a message forward. Also learns the provider's id for reports that came too early. */
    settle: (tenantId: number, report: Report): Promise<{ senderStopped: boolean }> =>
      inTenant(tenantId, async (tx) => {
        const { applied } = await applyReports(tx, tenantId, [report]);
        const moved = applied.filter((row) => row.moved);
        const { senderStopped } = await followFailures(tx, tenantId, moved);
        if (report.providerId !== null) await wakeReports(tx, tenantId, report.providerId);
        return { senderStopped };
      }),

    /** The outcome is unclear: never sent again by us, shown to a person. A row that moved on meanwhile is left as it is. */
    markUnconfirmed: (tenantId: number, messageId: string, why: string): Promise<boolean> =>
      inTenant(tenantId, (tx) => unconfirm(tx, tenantId, messageId, why)),

    /** Certainly not sent: back to `claimed`, for another try at `until` with all checks. A row that moved on meanwhile is left as it is. */
    handBack: (tenantId: number, messageId: string, until: Date): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const { rowCount } = await tx.query(sql.unsafe`
          UPDATE outbound_messages SET state = 'claimed', sending_at = NULL, due_at = ${until.toISOString()}::timestamptz + interval '1 minute', updated_at = now()
          WHERE tenant_id = ${tenantId} AND id = ${messageId} AND state = 'sending'`);
        if (rowCount === 0) return;
        await logMessage(tx, tenantId, messageId, 'claimed', null);
        await tx.query(sql.unsafe`
          UPDATE automation_runs SET state = 'active', due_at = ${until.toISOString()}::timestamptz, updated_at = now() WHERE tenant_id = ${tenantId} AND state IN ('active', 'waiting')
            AND id = (SELECT m.run_id FROM outbound_messages m WHERE m.tenant_id = ${tenantId} AND m.id = ${messageId} AND m.origin = 'rule')`);
      }),
  };
}
export type OutboundMessages = ReturnType<typeof createOutboundMessages>;

/** When the run's next step is due, epoch milliseconds; null after its last. */
const nextAtOf = ({ nextInMinutes }: DispatchSituation, now: Date): number | null =>
  nextInMinutes === null ? null : now.getTime() + nextInMinutes * 60_000;

async function giveUp(tx: Tx, tenantId: number, situation: DispatchSituation, messageId: string): Promise<Claim> {
  await cancel(tx, tenantId, messageId);
  await endRun(tx, tenantId, situation.runId, 'gave_up');
  await logDecision(tx, tenantId, situation, 'cancelled', 'gave_up', messageId);
  return { decision: 'skip', reason: 'gave_up' };
}

/** The check's reason goes to the log; a wait moves the run's due time, a skip ends the run. */
async function refuse(
  tx: Tx,
  tenantId: number,
  situation: DispatchSituation,
  verdict: Exclude<ReturnType<typeof checkDispatch>, { decision: 'send' }>,
  ownId: string | undefined,
): Promise<Claim> {
  const isWait = verdict.decision === 'wait';
  // A run that is held for weeks looks every few minutes: said once.
  if (!isWait || verdict.reason !== situation.run.run_reason)
    await logDecision(tx, tenantId, situation, isWait ? 'waiting' : 'skipped', verdict.reason, ownId ?? null);
  if (verdict.decision === 'wait') {
    await tx.query(sql.unsafe`
      UPDATE automation_runs SET due_at = ${new Date(verdict.until).toISOString()}::timestamptz, reason = ${verdict.reason}, updated_at = now(),
        held_since = CASE WHEN ${heldReasons.some((each) => each === verdict.reason)} THEN coalesce(held_since, now()) END
      WHERE tenant_id = ${tenantId} AND id = ${situation.runId} AND state IN ('active', 'waiting')`);
    return verdict;
  }
  if (ownId !== undefined) await cancel(tx, tenantId, ownId);
  await endRun(tx, tenantId, situation.runId, verdict.reason);
  return verdict;
}

// Reports that matched nothing wait in the inbox; now that the id is known they are due.
const wakeReports = (tx: Tx, tenantId: number, providerId: string) =>
  tx.query(sql.unsafe`
    UPDATE webhook_events SET next_attempt_at = now() WHERE tenant_id = ${tenantId} AND provider = 'ycloud' AND subject = ${providerId} AND state = 'pending'`);

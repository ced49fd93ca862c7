import { sql } from 'slonik';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import { isMessage, type NotifyStep, type StatusStep } from '../../domain/automation.ts';
import { AppError } from '../../domain/error.ts';
import type { DispatchSituation } from './dispatch-situations.ts';
import { moveStatus } from './leads.ts';
import type { Tx } from './pool.ts';
import { completeRun, logDecision, moveRun } from './run-moves.ts';
import { audited } from './system-events.ts';

const personRow = z.object({ email: z.string(), locale: z.enum(['es', 'en']).nullable(), is_seller: z.boolean() });

/** Somebody of the team who is told that a rule met a lead. */
export interface Colleague {
  email: string;
  locale: 'es' | 'en' | null;
}

/** A step that is no message, done in this transaction. Whoever is to be told is told after it: a mail server that is away holds no run up. */
export interface Acted {
  decision: 'acted';
  tell: readonly Colleague[];
  leadId: string;
  ruleName: string;
  nextAt: number | null;
  /** There is no message of the run whose answer would be waited for. */
  isOver: boolean;
}

/** Does the step once: what a repeat finds done stays as it is, and nobody is told again. */
export async function act(
  tx: Tx,
  tenantId: number,
  situation: DispatchSituation,
  nextAt: number | null,
): Promise<Acted> {
  const { step, place, run, runId, leadId } = situation;
  if (isMessage(step)) throw new AppError('conflict', `step ${place} is a message`);
  const isRepeat = run.acted_step >= place;
  const tell = isRepeat ? [] : await perform(tx, tenantId, situation, step);
  const isOver = nextAt === null && !(await hasMessages(tx, tenantId, runId));
  if (!isRepeat) {
    await logDecision(tx, tenantId, situation, 'acted', 'setStatus' in step ? 'set_status' : 'team_told', null);
    await tx.query(
      sql.unsafe`UPDATE automation_runs SET acted_step = ${place} WHERE tenant_id = ${tenantId} AND id = ${runId}`,
    );
    if (isOver) await completeRun(tx, tenantId, runId);
    else await moveRun(tx, tenantId, runId, nextAt);
  }
  return { decision: 'acted', tell, leadId, ruleName: run.rule_name, nextAt, isOver };
}

async function perform(
  tx: Tx,
  tenantId: number,
  { leadId, ruleId, run }: DispatchSituation,
  step: StatusStep | NotifyStep,
): Promise<readonly Colleague[]> {
  if ('setStatus' in step) {
    const status = await tx.oneFirst(sql.type(z.object({ status: z.string() }))`
      SELECT status FROM leads WHERE tenant_id = ${tenantId} AND id = ${leadId} FOR UPDATE`);
    await moveStatus(tx, tenantId, leadId, status, step.setStatus, system('rules'), [...run.chain, ruleId]);
    return [];
  }
  const people = await tx.any(sql.type(personRow)`
    SELECT u.email, u.locale, u.id IS NOT DISTINCT FROM l.seller_id AS is_seller FROM users u JOIN leads l ON l.tenant_id = u.tenant_id AND l.id = ${leadId}
    WHERE u.tenant_id = ${tenantId} AND u.disabled_at IS NULL ORDER BY u.name, u.id LIMIT 50`);
  const sellers = people.filter(({ is_seller }) => is_seller);
  const told = step.notify === 'seller' && sellers.length > 0 ? sellers : people;
  await audited(tx, {
    tenantId,
    name: 'automation_run.team_told',
    actor: system('rules'),
    object: { type: 'lead', id: leadId },
    details: { ruleId, people: told.length },
  });
  return told.map(({ email, locale }) => ({ email, locale }));
}

const hasMessages = (tx: Tx, tenantId: number, runId: string): Promise<boolean> =>
  tx.exists(
    sql.unsafe`SELECT FROM outbound_messages WHERE tenant_id = ${tenantId} AND run_id = ${runId} AND state NOT IN ('claimed', 'cancelled')`,
  );

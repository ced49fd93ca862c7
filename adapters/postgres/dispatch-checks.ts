import { fillVariables, isMessage, render } from '../../domain/automation.ts';
import { dateWords } from '../../domain/days.ts';
import { AppError } from '../../domain/error.ts';
import { quietUntil } from '../../domain/quiet-hours.ts';
import { asksConsent, partsOf, templateProblem } from '../../domain/template.ts';
import { type DispatchSituation, defaultSender, type Person, type Run, type Sender } from './dispatch-situations.ts';
import type { Tx } from './pool.ts';

export type Verdict =
  | { decision: 'send'; parameters: readonly string[]; body: string }
  | { decision: 'wait'; reason: string; until: number }
  | { decision: 'skip'; reason: string };

const PAUSED_RETRY_MS = 5 * 60_000;
// A decision wakes the run; this only makes up for a lost signal.
const HELD_RETRY_MS = 60 * 60_000;
const CLOCKS_DIFFER_MS = 2_000;
/** Meta's rate for one number and one person. */
const ONE_MESSAGE_EVERY_MS = 6_000;
const SENDABLE: ReadonlySet<string> = new Set(['CONNECTED', 'UNKNOWN']);

/** The first reason against sending, else the words to send. */
export function checkDispatch(situation: DispatchSituation, now: Date): Verdict {
  const { run, person, sender, template, phone, place, step } = situation;
  const skip = (reason: string): Verdict => ({ decision: 'skip', reason });
  if (!isMessage(step)) throw new AppError('conflict', `step ${place} is no message`);
  if (!['active', 'waiting'].includes(run.run_state)) return skip('run_ended');
  if (run.is_test) return skip('test_lead');
  if (phone === null) return skip('no_phone');
  if (person.suppressed) return skip('opted_out');
  if (run.heed_consent && person.refused_consent && asksConsent(template)) return skip('no_consent');
  const hold = holdOf(run, now);
  if (hold !== null) return hold;
  const until = quietUntil(quietOf(run), now);
  if (until !== null) return { decision: 'wait', reason: 'quiet_hours', until: until.getTime() };
  if (person.recent_templates >= run.template_cap) return capReached(person, run, place);
  if (run.daily_cap !== null && run.rule_sent_today >= run.daily_cap) return skip('rule_cap_reached');
  if (sender === null) return skip('no_sender');
  if (!SENDABLE.has(sender.status)) return skip('sender_unavailable');
  const problem = templateProblem(template, step.variables.length);
  if (problem !== null) return skip(problem);
  const parameters = fillVariables(step.variables, {
    fullName: run.full_name,
    formId: run.form_id,
    campaignId: person.campaign_id,
    campaignName: person.campaign_name,
    expectedAt: person.expected_at && dateWords(person.expected_at, run.locale, run.time_zone),
  });
  if (parameters === null) return skip('variable_missing');
  const free = freeAt(person.last_left_at, now);
  if (free !== null) return { decision: 'wait', reason: 'person_rate', until: free };
  return { decision: 'send', parameters, body: render(partsOf(template?.components ?? []).body, parameters) };
}

/** When the person may get another message, epoch milliseconds; null when at once. */
export function freeAt(lastLeftAt: Date | null, now: Date): number | null {
  if (lastLeftAt === null) return null;
  // A time that lies ahead is another machine's clock, and as close.
  const isClose = Math.abs(now.getTime() - lastLeftAt.getTime()) < ONE_MESSAGE_EVERY_MS;
  return isClose ? lastLeftAt.getTime() + ONE_MESSAGE_EVERY_MS : null;
}

/** Why a step that is no message is not done now, or not any more; null when it is. What only keeps messages back does not count. */
export function checkAction({ run }: DispatchSituation, now: Date): Exclude<Verdict, { decision: 'send' }> | null {
  if (!['active', 'waiting'].includes(run.run_state)) return { decision: 'skip', reason: 'run_ended' };
  return holdOf({ ...run, sending_on: true }, now);
}

/** A first message that meets the cap is not wanted any more later; the next of a sequence waits its turn. */
function capReached(person: Person, run: Run, place: number): Exclude<Verdict, { decision: 'send' }> {
  if (place === 0 || person.recent_since === null) return { decision: 'skip', reason: 'cap_reached' };
  const until = person.recent_since.getTime() + run.template_cap_hours * 60 * 60_000;
  return { decision: 'wait', reason: 'cap_reached', until: until + CLOCKS_DIFFER_MS };
}

/** What only waits: a switch that a person moves, or a later time that was set for it. */
function holdOf(run: Run, now: Date): Extract<Verdict, { decision: 'wait' }> | null {
  const wait = (reason: string, until: number) => ({ decision: 'wait', reason, until }) as const;
  if (!run.sending_on) return wait('sending_paused', now.getTime() + PAUSED_RETRY_MS);
  if (run.is_restored) return wait('held_after_restore', now.getTime() + HELD_RETRY_MS);
  if (!run.rule_active) return wait('rule_paused', now.getTime() + HELD_RETRY_MS);
  const due = run.run_due_at.getTime();
  return run.run_state === 'active' && due - now.getTime() > CLOCKS_DIFFER_MS ? wait('not_due', due) : null;
}

const quietOf = (run: Run) => ({
  from: run.quiet_from ?? '00:00',
  until: run.quiet_until ?? '00:00',
  days: run.quiet_days,
  timeZone: run.time_zone,
});

/** The number that messages leave from, or the reason why none can. */
export async function sendableSender(tx: Tx, tenantId: number): Promise<Sender | 'no_sender' | 'sender_unavailable'> {
  const sender = await defaultSender(tx, tenantId);
  if (sender === null) return 'no_sender';
  return SENDABLE.has(sender.status) ? sender : 'sender_unavailable';
}

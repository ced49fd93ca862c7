import {
  condition,
  continueAsNew,
  defineSignal,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { MessageActivities } from '../activities/messages.ts';
import { automationWorkflowId } from '../domain/automation-id.ts';

const { dispatchMessage } = proxyActivities<MessageActivities>({
  // Longer than the POST's own deadline, so that an outcome is always known to somebody.
  startToCloseTimeout: '45 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
  summary: 'Check, claim and send the template',
});

export interface LeadAutomationInput {
  tenantId: number;
  runId: string;
  /** Epoch milliseconds. */
  dueAt: number;
  /** The step of a sequence that is due; the first is 0. */
  step?: number;
}

export const leadAutomationWorkflowId = automationWorkflowId;

export const messageFailedSignal = defineSignal('messageFailed');
export const leadRepliedSignal = defineSignal('leadReplied');
export const optedOutSignal = defineSignal('optedOut');
export const ruleChangedSignal = defineSignal('ruleChanged');
export const humanTookOverSignal = defineSignal('humanTookOver');

export type AutomationEnd =
  | 'replied'
  | 'opted_out'
  | 'message_failed'
  | 'human_took_over'
  | 'no_reply'
  | 'not_sent'
  | 'done';

const WAIT_FOR_REPLY = '24 hours';

/** One rule for one lead: waits until due, sends, goes on with its next step, and after the last waits at most a day for what ends it. Signals only wake it: dispatch reads the truth itself. */
export async function leadAutomationWorkflow({
  tenantId,
  runId,
  dueAt,
  step: firstStep = 0,
}: LeadAutomationInput): Promise<{ end: AutomationEnd }> {
  let end: AutomationEnd | null = null;
  let rulesChanged = 0;
  const endsWith = (reason: AutomationEnd) => () => {
    end = reason;
  };
  setHandler(leadRepliedSignal, endsWith('replied'));
  setHandler(optedOutSignal, endsWith('opted_out'));
  setHandler(messageFailedSignal, endsWith('message_failed'));
  setHandler(humanTookOverSignal, endsWith('human_took_over'));
  setHandler(ruleChangedSignal, () => {
    rulesChanged++;
  });
  const ended = (): AutomationEnd | null => end;

  for (let due = dueAt, step = firstStep; ; ) {
    const seen = rulesChanged;
    const wait = due - Date.now();
    if (wait > 0) await condition(() => end !== null || rulesChanged !== seen, wait);
    if (ended() !== null) break;
    const dispatched = await dispatchMessage(step === 0 ? { tenantId, runId } : { tenantId, runId, step });
    if (dispatched.outcome === 'ended') return { end: ended() ?? 'not_sent' };
    if (dispatched.outcome === 'done') return { end: 'done' };
    if (dispatched.outcome === 'sent' && dispatched.nextAt === undefined) {
      await condition(() => end !== null, WAIT_FOR_REPLY);
      break;
    }
    if (dispatched.outcome === 'sent') step++;
    due = dispatched.outcome === 'sent' ? (dispatched.nextAt ?? due) : dispatched.until;
    // Sending may be paused for weeks; the history would reach its limit.
    if (workflowInfo().continueAsNewSuggested && ended() === null)
      await continueAsNew<typeof leadAutomationWorkflow>({ tenantId, runId, dueAt: due, step });
  }
  return { end: ended() ?? 'no_reply' };
}

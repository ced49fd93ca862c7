import { continueAsNew, proxyActivities, sleep, workflowInfo } from '@temporalio/workflow';
import type { MessageActivities } from '../activities/messages.ts';

const { dispatchByHand } = proxyActivities<MessageActivities>({
  // Longer than the POST's own deadline, so that an outcome is always known to somebody.
  startToCloseTimeout: '45 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
  summary: 'Check, claim and send the message',
});

export interface MessageInput {
  tenantId: number;
  messageId: string;
}

export const messageWorkflowId = ({ tenantId, messageId }: MessageInput): string => `message:${tenantId}:${messageId}`;

/** One message that a person asked for: sends it as soon as the checks allow, and ends. Its row says what became of it. */
export async function messageWorkflow(input: MessageInput): Promise<{ end: string }> {
  for (;;) {
    const dispatched = await dispatchByHand(input);
    if (dispatched.outcome !== 'again') return { end: 'reason' in dispatched ? dispatched.reason : 'sent' };
    await sleep(Math.max(1, dispatched.until - Date.now()));
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof messageWorkflow>(input);
  }
}

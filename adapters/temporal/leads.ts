import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import {
  leadAutomationWorkflow,
  leadAutomationWorkflowId,
  leadRepliedSignal,
  messageFailedSignal,
  optedOutSignal,
  ruleChangedSignal,
} from '../../workflows/lead-automation.ts';
import { type LeadIntakeInput, leadIntakeWorkflow, leadIntakeWorkflowId } from '../../workflows/lead-intake.ts';
import { messageWorkflow, messageWorkflowId } from '../../workflows/message.ts';
import { asAppError } from './refusals.ts';
import { leadIdKey, ruleIdKey, tenantIdKey } from './search-attributes.ts';

export interface AutomationStart {
  tenantId: number;
  runId: string;
  ruleId: string;
  leadId: string;
  occurrence: string;
  dueAt: number;
}

// The client by itself tries a Temporal that is down for 20 seconds; the dispatcher, which calls this, has other things to do meanwhile.
const START_WITHIN_MS = 5_000;
const TELL_WITHIN_MS = 3_000;
const WAKE_AT_ONCE = 20;

export type RunNews = 'replied' | 'opted_out' | 'message_failed' | 'rule_changed';
const signals = {
  replied: leadRepliedSignal,
  opted_out: optedOutSignal,
  message_failed: messageFailedSignal,
  rule_changed: ruleChangedSignal,
} as const;

/** Starting and telling lead workflows. Starts are idempotent while a run lasts; after that our unique keys make a repeat harmless. */
export function createLeadWorkflows(client: Pick<Client, 'workflow' | 'withDeadline'>) {
  const start = {
    taskQueue: 'leads',
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
  } as const;
  const within = async (ms: number, call: () => Promise<unknown>): Promise<void> => {
    try {
      await client.withDeadline(Date.now() + ms, call);
    } catch (error) {
      throw asAppError(error);
    }
  };
  return {
    /** @throws AppError `unavailable` while Temporal is down */
    startIntake: (input: LeadIntakeInput): Promise<void> =>
      within(START_WITHIN_MS, () =>
        client.workflow.start(leadIntakeWorkflow, {
          ...start,
          workflowId: leadIntakeWorkflowId(input),
          args: [input],
          staticSummary: `Lead ${input.leadgenId} of tenant ${input.tenantId}`,
          typedSearchAttributes: [{ key: tenantIdKey, value: input.tenantId }],
        }),
      ),
    /** @throws AppError `unavailable` while Temporal is down */
    startAutomation: (run: AutomationStart): Promise<void> =>
      within(START_WITHIN_MS, () =>
        client.workflow.start(leadAutomationWorkflow, {
          ...start,
          workflowId: leadAutomationWorkflowId(run),
          args: [{ tenantId: run.tenantId, runId: run.runId, dueAt: run.dueAt }],
          staticSummary: `Rule ${run.ruleId} for lead ${run.leadId}`,
          typedSearchAttributes: [
            { key: tenantIdKey, value: run.tenantId },
            { key: leadIdKey, value: run.leadId },
            { key: ruleIdKey, value: run.ruleId },
          ],
        }),
      ),
    /** Sends a message that a person asked for. @throws AppError `unavailable` while Temporal is down: the dispatcher starts it later */
    startMessage: (message: { tenantId: number; messageId: string }): Promise<void> =>
      within(START_WITHIN_MS, () =>
        client.workflow.start(messageWorkflow, {
          ...start,
          workflowId: messageWorkflowId(message),
          args: [message],
          staticSummary: `Message ${message.messageId} of tenant ${message.tenantId}`,
          typedSearchAttributes: [{ key: tenantIdKey, value: message.tenantId }],
        }),
      ),
    /** A run that has ended needs no news: that is success. */
    tell: (workflowId: string, news: RunNews): Promise<void> =>
      within(TELL_WITHIN_MS, async () => {
        await client.workflow
          .getHandle(workflowId)
          .signal(signals[news])
          .catch((error: unknown) => {
            if (!(error instanceof WorkflowNotFoundError)) throw error;
          });
      }),
    /** Lets runs look at their truth again. What cannot be told now is told by their own timers. */
    async wake(workflowIds: readonly string[]): Promise<void> {
      const left = [...workflowIds];
      while (left.length > 0) {
        const told = await Promise.allSettled(left.splice(0, WAKE_AT_ONCE).map((id) => this.tell(id, 'rule_changed')));
        if (told.every(({ status }) => status === 'rejected')) return;
      }
    },
  };
}
export type LeadWorkflows = ReturnType<typeof createLeadWorkflows>;

import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import {
  leadAutomationWorkflow,
  leadAutomationWorkflowId,
  leadRepliedSignal,
  messageFailedSignal,
  optedOutSignal,
} from '../../workflows/lead-automation.ts';
import { type LeadIntakeInput, leadIntakeWorkflow, leadIntakeWorkflowId } from '../../workflows/lead-intake.ts';
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

export type RunNews = 'replied' | 'opted_out' | 'message_failed';
const signals = { replied: leadRepliedSignal, opted_out: optedOutSignal, message_failed: messageFailedSignal } as const;

/** Starting and telling lead workflows. Starts are idempotent while a run lasts; after that our unique keys make a repeat harmless. */
export function createLeadWorkflows(client: Pick<Client, 'workflow'>) {
  const start = {
    taskQueue: 'leads',
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
  } as const;
  return {
    /** @throws AppError `unavailable` while Temporal is down */
    async startIntake(input: LeadIntakeInput): Promise<void> {
      await client.workflow
        .start(leadIntakeWorkflow, {
          ...start,
          workflowId: leadIntakeWorkflowId(input),
          args: [input],
          staticSummary: `Lead ${input.leadgenId} of tenant ${input.tenantId}`,
          typedSearchAttributes: [{ key: tenantIdKey, value: input.tenantId }],
        })
        .catch(refuse);
    },
    /** @throws AppError `unavailable` while Temporal is down */
    async startAutomation(run: AutomationStart): Promise<void> {
      await client.workflow
        .start(leadAutomationWorkflow, {
          ...start,
          workflowId: leadAutomationWorkflowId(run),
          args: [{ tenantId: run.tenantId, runId: run.runId, dueAt: run.dueAt }],
          staticSummary: `Rule ${run.ruleId} for lead ${run.leadId}`,
          typedSearchAttributes: [
            { key: tenantIdKey, value: run.tenantId },
            { key: leadIdKey, value: run.leadId },
            { key: ruleIdKey, value: run.ruleId },
          ],
        })
        .catch(refuse);
    },
    /** A run that has ended needs no news: that is success. */
    async tell(workflowId: string, news: RunNews): Promise<void> {
      try {
        await client.workflow.getHandle(workflowId).signal(signals[news]);
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw asAppError(error);
      }
    },
  };
}
export type LeadWorkflows = ReturnType<typeof createLeadWorkflows>;

function refuse(error: unknown): never {
  throw asAppError(error);
}

import { isCancellation, proxyActivities } from '@temporalio/workflow';
import type { CaptureResult, LeadActivities } from '../activities/leads.ts';
import { codeOf } from './failure.ts';

/** Right after its webhook Meta may not show a lead yet, and permissions are put right within hours: it is asked for again for a day and a half. */
const { captureLead } = proxyActivities<LeadActivities>({
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '36 hours',
  retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumInterval: '15 minutes' },
  summary: 'Read the lead from Meta and keep it',
});
const { matchRules, keepForLater } = proxyActivities<LeadActivities>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '5 minutes' },
  summary: 'Start the runs of matching rules, or keep a lead that cannot be read',
});

export interface LeadIntakeInput {
  tenantId: number;
  leadgenId: string;
  pageId: string | null;
  /** When the webhook arrived, epoch milliseconds. */
  receivedAt: number;
}

export const leadIntakeWorkflowId = ({
  tenantId,
  leadgenId,
}: Pick<LeadIntakeInput, 'tenantId' | 'leadgenId'>): string => `lead:${tenantId}:${leadgenId}`;

/** One lead from "Meta told us of it" to "its rules run". A repeat ends after its first activity. */
export async function leadIntakeWorkflow(input: LeadIntakeInput): Promise<{ outcome: string; runs: number }> {
  const { outcome, leadId } = await capture(input);
  if (outcome !== 'captured' || leadId === null) return { outcome, runs: 0 };
  const { runs } = await matchRules({ tenantId: input.tenantId, leadId, leadgenId: input.leadgenId });
  return { outcome, runs };
}

/** What Meta told us of is never forgotten: a lead that stays unreadable becomes a row, with the reason. */
async function capture(input: LeadIntakeInput): Promise<CaptureResult> {
  try {
    return await captureLead(input);
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { tenantId, leadgenId, pageId } = input;
    await keepForLater({ tenantId, leadgenId, pageId, code: codeOf(error) ?? 'unavailable' });
    return { outcome: 'failed', leadId: null };
  }
}

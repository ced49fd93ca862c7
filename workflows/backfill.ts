import {
  continueAsNew,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { BackfillActivities } from '../activities/backfill.ts';

const { readHistory } = proxyActivities<BackfillActivities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '90 seconds',
  // A report of Meta's may take hours; a token that ends in between is no failure to try again.
  scheduleToCloseTimeout: '12 hours',
  retry: { initialInterval: '5 seconds', maximumInterval: '10 minutes' },
});
const { planBackfill } = proxyLocalActivities<BackfillActivities>({ startToCloseTimeout: '30 seconds' });

export interface BackfillInput {
  tenantId: number;
  adAccountId: string;
}

export const backfillId = ({ tenantId, adAccountId }: BackfillInput): string => `backfill:${tenantId}:${adAccountId}`;

/** Reads an account's history back to the day a person chose, slice by slice, and lets every regular sync go first. */
export async function backfillWorkflow({ tenantId, adAccountId }: BackfillInput): Promise<{ slices: number }> {
  let slices = 0;
  for (;;) {
    const next = await planBackfill({ tenantId, adAccountId });
    if (next === null) return { slices };
    if ('waitMs' in next) await sleep(next.waitMs);
    else {
      setCurrentDetails(`days until ${next.slice.until}`);
      const summary = `history of account ${adAccountId} until ${next.slice.until}`;
      await readHistory.executeWithOptions({ summary }, [{ tenantId, adAccountId, slice: next.slice }]);
      slices += 1;
    }
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof backfillWorkflow>({ tenantId, adAccountId });
  }
}

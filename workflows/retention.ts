import { continueAsNew, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { HousekeepingActivities } from '../activities/housekeeping.ts';

/** The Schedule's id; each run's own id is this and its time. */
export const RETENTION_ID = 'retention';

const { keepHouse } = proxyActivities<HousekeepingActivities>({
  // A minute's work, and the step that is under way when it is over: a month of detail on its way to a slow place.
  startToCloseTimeout: '20 minutes',
  heartbeatTimeout: '10 minutes',
  retry: { initialInterval: '10 seconds', maximumInterval: '10 minutes' },
});

/** Goes through every tenant once and lets go of what it need not keep any longer. One of whom something fails does not stop the others. */
export async function retentionWorkflow({ afterTenantId }: { afterTenantId: number }): Promise<void> {
  let next: number | null = afterTenantId;
  while (next !== null) {
    ({ afterTenantId: next } = await keepHouse({ afterTenantId: next }));
    if (next !== null && workflowInfo().continueAsNewSuggested)
      await continueAsNew<typeof retentionWorkflow>({ afterTenantId: next });
  }
}

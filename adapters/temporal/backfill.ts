import type { Client } from '@temporalio/client';
import { type BackfillInput, backfillId, backfillWorkflow } from '../../workflows/backfill.ts';
import { ask } from './refusals.ts';
import { adAccountIdKey, tenantIdKey } from './search-attributes.ts';

export type Backfills = ReturnType<typeof createBackfills>;

/** Reading histories, for people. */
export function createBackfills(client: Client) {
  return {
    /** Starts one, or leaves the one that runs alone: it reads what is wanted each time it goes on. `unavailable` while Temporal is down. */
    start: async (input: BackfillInput): Promise<void> => {
      await ask(client, () =>
        client.workflow.start(backfillWorkflow, {
          taskQueue: 'sync',
          workflowId: backfillId(input),
          workflowIdConflictPolicy: 'USE_EXISTING',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          args: [input],
          staticSummary: `History of account ${input.adAccountId} of tenant ${input.tenantId}`,
          typedSearchAttributes: [
            { key: tenantIdKey, value: input.tenantId },
            { key: adAccountIdKey, value: input.adAccountId },
          ],
        }),
      );
    },
  };
}

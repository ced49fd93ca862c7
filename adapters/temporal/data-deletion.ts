import type { Client } from '@temporalio/client';
import { dataDeletionWorkflow, dataDeletionWorkflowId } from '../../workflows/data-deletion.ts';
import { ask } from './refusals.ts';

/** Begins the erasure of a request. Safe to repeat. @throws AppError `unavailable` while Temporal is down */
export const createDataDeletions = (client: Client, { taskQueue = 'sync' }: { taskQueue?: string } = {}) => ({
  start: (confirmationCode: string): Promise<void> =>
    ask(client, async () => {
      await client.workflow.start(dataDeletionWorkflow, {
        taskQueue,
        workflowId: dataDeletionWorkflowId(confirmationCode),
        args: [{ confirmationCode }],
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: 'Erases a person who asked Meta for it',
      });
    }),
});

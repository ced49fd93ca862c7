import { proxyActivities } from '@temporalio/workflow';
import type { DataDeletionActivities } from '../activities/data-deletion.ts';

export const dataDeletionWorkflowId = (confirmationCode: string): string => `deletion:${confirmationCode}`;

const { tenantsToErase, erasePerson, proveErasure } = proxyActivities<DataDeletionActivities>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '2 seconds', maximumInterval: '10 minutes' },
});

/** Erases a person who asked Meta for it from every tenant that knows them, then proves it. Returns how many tenants that were. */
export async function dataDeletionWorkflow({ confirmationCode }: { confirmationCode: string }): Promise<number> {
  const tenantIds = await tenantsToErase({ confirmationCode });
  for (const tenantId of tenantIds) await erasePerson({ confirmationCode, tenantId });
  await proveErasure({ confirmationCode, tenantIds });
  return tenantIds.length;
}

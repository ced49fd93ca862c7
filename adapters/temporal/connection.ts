import { type Client, WithStartWorkflowOperation, WorkflowNotFoundError } from '@temporalio/client';
import {
  type AssetChoice,
  type BusinessChoice,
  beginUpdate,
  confirmUpdate,
  connectionWorkflowId,
  disconnectSignal,
  metaConnectionWorkflow,
  oauthReturnedSignal,
  refreshNowSignal,
  selectAssetsUpdate,
  selectBusinessUpdate,
  type TestResult,
  type TokenRejection,
  testUpdate,
  tokenRejectedSignal,
} from '../../workflows/connection.ts';
import { asAppError } from './refusals.ts';
import { tenantIdKey } from './search-attributes.ts';

export type ConnectionWorkflows = ReturnType<typeof createConnectionWorkflows>;

/**
 * A tenant's connection workflow, for pages and the dispatcher. Updates throw AppError: `conflict` (details.reason `superseded` or `step`) when the
 * attempt is not the current one or not that far, `not_found` when no connection runs, `unavailable` while Temporal is down, else the step's own code.
 */
export function createConnectionWorkflows(client: Pick<Client, 'workflow'>) {
  const handleOf = (tenantId: number) =>
    client.workflow.getHandle<typeof metaConnectionWorkflow>(connectionWorkflowId(tenantId));
  /** A run that has ended needs no signal: that is success, and false. */
  const signalled = async (deed: () => Promise<void>): Promise<boolean> => {
    try {
      await deed();
      return true;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw asAppError(error);
    }
  };
  return {
    /** Makes `attemptId` the tenant's current sign-in, starting the workflow when none runs. Safe to repeat. */
    async begin(tenantId: number, attemptId: string): Promise<void> {
      const startWorkflowOperation = new WithStartWorkflowOperation(metaConnectionWorkflow, {
        taskQueue: 'sync',
        workflowId: connectionWorkflowId(tenantId),
        args: [{ tenantId }],
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        staticSummary: `Meta connection of tenant ${tenantId}`,
        typedSearchAttributes: [{ key: tenantIdKey, value: tenantId }],
      });
      await client.workflow
        .executeUpdateWithStart(beginUpdate, { startWorkflowOperation, args: [{ attemptId }] })
        .catch(refuse);
    },
    selectBusiness: (tenantId: number, choice: BusinessChoice) =>
      handleOf(tenantId)
        .executeUpdate(selectBusinessUpdate, { args: [choice] })
        .catch(refuse),
    selectAssets: (tenantId: number, choice: AssetChoice): Promise<void> =>
      handleOf(tenantId)
        .executeUpdate(selectAssetsUpdate, { args: [choice] })
        .catch(refuse),
    confirm: (tenantId: number, attemptId: string): Promise<void> =>
      handleOf(tenantId)
        .executeUpdate(confirmUpdate, { args: [{ attemptId }] })
        .catch(refuse),
    /** Whether Meta accepts the token now, and which scopes it lacks. */
    test: (tenantId: number): Promise<TestResult> => handleOf(tenantId).executeUpdate(testUpdate).catch(refuse),
    /** For the dispatcher: the person came back from Meta's dialog and the code is parked. */
    deliverOauthReturned: async (tenantId: number, attemptId: string): Promise<void> => {
      await signalled(() => handleOf(tenantId).signal(oauthReturnedSignal, { attemptId }));
    },
    /** Error 190 was met somewhere. False when no connection workflow runs. */
    tokenRejected: (tenantId: number, rejection: TokenRejection): Promise<boolean> =>
      signalled(() => handleOf(tenantId).signal(tokenRejectedSignal, rejection)),
    /** False when nothing is connected. */
    refreshNow: (tenantId: number): Promise<boolean> => signalled(() => handleOf(tenantId).signal(refreshNowSignal)),
    /** False when nothing is connected. */
    disconnect: (tenantId: number, userId: string | null): Promise<boolean> =>
      signalled(() => handleOf(tenantId).signal(disconnectSignal, { userId })),
  };
}

function refuse(error: unknown): never {
  throw asAppError(error);
}

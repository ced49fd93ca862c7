import { type Client, WithStartWorkflowOperation } from '@temporalio/client';
import { AppError } from '../../domain/error.ts';
import {
  type AssetChoice,
  type BusinessChoice,
  beginUpdate,
  confirmUpdate,
  connectionWorkflowId,
  disconnectSignal,
  examineUpdate,
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
import { ask } from './refusals.ts';
import { tenantIdKey } from './search-attributes.ts';

/** The activities of a step have 45 seconds (workflows/connection-steps.ts). */
const UPDATE_WITHIN_MS = 60_000;

export type ConnectionWorkflows = ReturnType<typeof createConnectionWorkflows>;

/**
 * A tenant's connection workflow, for pages and the dispatcher. Updates throw AppError: `conflict` (details.reason `superseded` or `step`) when the
 * attempt is not the current one or not that far, `not_found` when no connection runs, `unavailable` while Temporal is down, else the step's own code.
 */
export function createConnectionWorkflows(client: Client, { taskQueue = 'sync' }: { taskQueue?: string } = {}) {
  const handleOf = (tenantId: number) =>
    client.workflow.getHandle<typeof metaConnectionWorkflow>(connectionWorkflowId(tenantId));
  const updated = <T>(update: () => Promise<T>) => ask(client, update, { withinMs: UPDATE_WITHIN_MS });
  /** A run that has ended needs no signal: that is success, and false. */
  const signalled = async (deed: () => Promise<void>): Promise<boolean> => {
    try {
      await ask(client, deed);
      return true;
    } catch (error) {
      if (error instanceof AppError && error.code === 'not_found') return false;
      throw error;
    }
  };
  return {
    /** Makes `attemptId` the tenant's current sign-in, starting the workflow when none runs. Safe to repeat. */
    begin: (tenantId: number, attemptId: string): Promise<void> =>
      updated(() => {
        const startWorkflowOperation = new WithStartWorkflowOperation(metaConnectionWorkflow, {
          taskQueue,
          workflowId: connectionWorkflowId(tenantId),
          args: [{ tenantId }],
          workflowIdConflictPolicy: 'USE_EXISTING',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          staticSummary: `Meta connection of tenant ${tenantId}`,
          typedSearchAttributes: [{ key: tenantIdKey, value: tenantId }],
        });
        const args = [{ attemptId }] as [{ attemptId: string }];
        return client.workflow.executeUpdateWithStart(beginUpdate, { startWorkflowOperation, args });
      }),
    selectBusiness: (tenantId: number, choice: BusinessChoice) =>
      updated(() => handleOf(tenantId).executeUpdate(selectBusinessUpdate, { args: [choice] })),
    selectAssets: (tenantId: number, choice: AssetChoice): Promise<void> =>
      updated(() => handleOf(tenantId).executeUpdate(selectAssetsUpdate, { args: [choice] })),
    confirm: (tenantId: number, attemptId: string): Promise<void> =>
      updated(() => handleOf(tenantId).executeUpdate(confirmUpdate, { args: [{ attemptId }] })),
    /** Whether Meta accepts the token now, and which scopes it lacks. */
    test: (tenantId: number): Promise<TestResult> => updated(() => handleOf(tenantId).executeUpdate(testUpdate)),
    /** A check-up; what it found is in `connection_checks`. */
    examine: (tenantId: number): Promise<void> => updated(() => handleOf(tenantId).executeUpdate(examineUpdate)),
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

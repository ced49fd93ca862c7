import { WithStartWorkflowOperation, type WorkflowHandle } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { beforeEach, expect, vi } from 'vitest';
import type { ConnectionActivities } from '../activities/connection.ts';
import type { ConnectionCheckActivities } from '../activities/connection-checks.ts';
import type { ReminderActivities } from '../activities/reminders.ts';
import type { TokenEnds } from '../domain/connection.ts';
import {
  beginUpdate,
  confirmUpdate,
  metaConnectionWorkflow,
  oauthReturnedSignal,
  selectAssetsUpdate,
  selectBusinessUpdate,
} from '../workflows/connection.ts';
import { workflowBench } from './time-skipping.ts';

export const bench = workflowBench('connection.ts');
const hubStatusKey = defineSearchAttributeKey('HubStatus', 'KEYWORD');
export const DAY = 24 * 60 * 60_000;
// By the clock of the test server, which runs ahead of ours.
export async function in60Days(): Promise<TokenEnds> {
  const now = await bench.env.currentTimeMs();
  return { expiresAt: now + 60 * DAY, dataAccessExpiresAt: now + 90 * DAY };
}

export let calls: string[];
export let behaviour: {
  exchange: () => 'exchanged' | 'failed';
  refresh: () => Promise<TokenEnds & { moved: boolean }>;
  confirmed: () => Promise<TokenEnds>;
  choose: () => void;
  undelivered: () => boolean;
  mark: () => boolean;
  mail: () => { mailed: number };
  test: () => { isValid: boolean; subcode: number | null; tokenVersion: number; missingScopes: string[] };
};
beforeEach(() => {
  calls = [];
  behaviour = {
    exchange: () => 'exchanged',
    refresh: async () => ({ ...(await in60Days()), moved: true }),
    confirmed: in60Days,
    choose: () => {},
    undelivered: () => false,
    mark: () => true,
    mail: () => ({ mailed: 1 }),
    test: () => ({ isValid: true, subcode: null, tokenVersion: 1, missingScopes: [] }),
  };
});

/** Notes the call, then behaves. */
const noted =
  <R>(call: string, behave: () => R | Promise<R>) =>
  async (): Promise<R> => {
    note(call);
    return behave();
  };

export const fakes = {
  beginAttempt: async () => note('begin'),
  exchangeCode: noted('exchange', () => ({ outcome: behaviour.exchange() })),
  failAttempt: async ({ error }) => note(`fail:${error}`),
  isReturnUndelivered: async () => behaviour.undelivered(),
  listAssets: noted('list', () => ({ adAccounts: 2, pages: 1 })),
  chooseAssets: noted('choose', () => behaviour.choose()),
  confirmConnection: noted('confirm', () => behaviour.confirmed()),
  startSyncing: async () => note('sync'),
  refreshToken: noted('refresh', () => behaviour.refresh()),
  testToken: noted('test', () => behaviour.test()),
  noteRefreshFailed: async ({ code }) => note(`failed:${code}`),
  markReconnectNeeded: async ({ reason }) => {
    note(`reconnect:${reason}`);
    return behaviour.mark();
  },
  disconnectMeta: async () => note('disconnect'),
  examineConnection: noted('examine', () => behaviour.test()),
  noteReminder: async ({ days }) => note(`reminder:${days}`),
  mailReminder: noted('mail', () => behaviour.mail()),
} satisfies ConnectionActivities & ConnectionCheckActivities & ReminderActivities;
const note = (call: string): void => void calls.push(call);

export type Handle = WorkflowHandle<typeof metaConnectionWorkflow>;

export async function aWorkflow(): Promise<{ handle: Handle; attemptId: string }> {
  const attemptId = crypto.randomUUID();
  const startWorkflowOperation = new WithStartWorkflowOperation(metaConnectionWorkflow, {
    taskQueue: bench.taskQueue,
    workflowId: `connection:${crypto.randomUUID()}`,
    args: [{ tenantId: 7 }],
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  await bench.env.client.workflow.executeUpdateWithStart(beginUpdate, {
    startWorkflowOperation,
    args: [{ attemptId }],
  });
  const { workflowId } = await startWorkflowOperation.workflowHandle();
  return { handle: bench.env.client.workflow.getHandle(workflowId), attemptId };
}

export async function signIn(handle: Handle, attemptId: string): Promise<void> {
  await handle.signal(oauthReturnedSignal, { attemptId });
  await chosen(handle, attemptId);
  await handle.executeUpdate(selectAssetsUpdate, { args: [{ attemptId, adAccountIds: ['1'], pageIds: ['2'] }] });
  await handle.executeUpdate(confirmUpdate, { args: [{ attemptId }] });
  await called('sync');
}

export async function aConnection() {
  const started = await aWorkflow();
  await signIn(started.handle, started.attemptId);
  return started;
}

// Read from the visibility store: the test server may hang on a query that meets a local activity.
export async function statusOf(handle: Handle): Promise<unknown> {
  const { typedSearchAttributes } = await handle.describe();
  return typedSearchAttributes.get(hubStatusKey);
}
export const patience = { timeout: 20_000, interval: 20 };
export const reached = (handle: Handle, status: string): Promise<void> =>
  vi.waitFor(async () => expect(await statusOf(handle), `after ${calls.join()}`).toBe(status), patience);
/** Until an activity ran. */
export const called = (call: string, times = 1): Promise<void> =>
  vi.waitFor(() => expect(counted(call), `${call} among ${calls.join()}`).toBeGreaterThanOrEqual(times), patience);
/** Until the workflow has taken in what the exchange brought: before, it refuses the choice as too early. */
export const chosen = (handle: Handle, attemptId: string): Promise<unknown> =>
  vi.waitFor(() => handle.executeUpdate(selectBusinessUpdate, { args: [{ attemptId, businessId: '2003' }] }), patience);
export const refusalOf = (update: Promise<unknown>) =>
  update.then(
    () => 'accepted',
    (error: { cause: { type: string; message: string } }) => `${error.cause.type}:${error.cause.message}`,
  );
export const counted = (call: string) => calls.filter((name) => name === call).length;

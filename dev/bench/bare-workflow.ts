import { proxyActivities } from '@temporalio/workflow';

const { nothing } = proxyActivities<{ nothing(): Promise<void> }>({ startToCloseTimeout: '10 seconds' });

/** What the lead walk is measured against: one workflow, one activity. */
export async function bareWorkflow(): Promise<void> {
  await nothing();
}

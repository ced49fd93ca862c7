import {
  type Client,
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  type ScheduleOptions,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import { SYNC_EVERY_MS, syncOffsetMs } from '../../domain/insights.ts';
import { campaignSyncId, campaignSyncWorkflow } from '../../workflows/campaign-sync.ts';
import { tenantIdKey } from './search-attributes.ts';

export type Schedules = ReturnType<typeof createSchedules>;

/** The Schedules of tenants. Every method may be repeated: what stands already is brought up to date, what is gone is gone. */
export function createSchedules(client: Pick<Client, 'schedule'>, { taskQueue = 'sync' }: { taskQueue?: string } = {}) {
  const ensure = (tenantId: number): Promise<void> => ensureSchedule(client, campaignSyncSchedule(tenantId, taskQueue));
  return {
    ensureCampaignSync: ensure,
    /** Makes or updates the tenant's Schedule and starts a sync now; one that runs already is left alone. */
    async startCampaignSync(tenantId: number): Promise<void> {
      await ensure(tenantId);
      await client.schedule.getHandle(campaignSyncId(tenantId)).trigger(ScheduleOverlapPolicy.SKIP);
    },
    async stopCampaignSync(tenantId: number): Promise<void> {
      await client.schedule.getHandle(campaignSyncId(tenantId)).delete().catch(ignoreMissing);
    },
    /** At worker start: every connected tenant has its Schedule, as this version of the code wants it. */
    async reconcile(tenantIds: readonly number[]): Promise<void> {
      for (const tenantId of tenantIds) await ensure(tenantId);
    },
  };
}

type WorkflowSchedule = ScheduleOptions & { action: { type: 'startWorkflow' } };

function campaignSyncSchedule(tenantId: number, taskQueue: string): WorkflowSchedule {
  return {
    scheduleId: campaignSyncId(tenantId),
    spec: { intervals: [{ every: SYNC_EVERY_MS, offset: syncOffsetMs(tenantId) }] },
    // Shorter than the period: after an outage one sync catches up, not one for each missed turn.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 hour', pauseOnFailure: false },
    action: {
      type: 'startWorkflow',
      workflowType: campaignSyncWorkflow,
      args: [{ tenantId }],
      taskQueue,
      workflowId: campaignSyncId(tenantId),
      staticSummary: `Campaigns of tenant ${tenantId}`,
      typedSearchAttributes: [{ key: tenantIdKey, value: tenantId }],
    },
    typedSearchAttributes: [{ key: tenantIdKey, value: tenantId }],
  };
}

async function ensureSchedule(client: Pick<Client, 'schedule'>, wanted: WorkflowSchedule): Promise<void> {
  try {
    await client.schedule.create(wanted);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const { spec, action, policies } = wanted;
    await client.schedule
      .getHandle(wanted.scheduleId)
      .update((previous) => ({ ...previous, spec, action, policies: { ...previous.policies, ...policies } }));
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof ScheduleNotFoundError)) throw error;
}

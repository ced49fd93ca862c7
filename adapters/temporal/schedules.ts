import {
  type Client,
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  type ScheduleOptions,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import { SYNC_EVERY_MS, syncOffsetMs } from '../../domain/insights.ts';
import { campaignSyncId, campaignSyncWorkflow } from '../../workflows/campaign-sync.ts';
import { leadReconciliationId, leadReconciliationWorkflow } from '../../workflows/lead-reconciliation.ts';
import { RETENTION_ID, retentionWorkflow } from '../../workflows/retention.ts';
import { tenantIdKey } from './search-attributes.ts';

export type Schedules = ReturnType<typeof createSchedules>;

/** The Schedules of tenants, and the installation's own. Every method may be repeated: what stands already is brought up to date, what is gone is gone. */
export function createSchedules(client: Pick<Client, 'schedule'>, { taskQueue = 'sync' }: { taskQueue?: string } = {}) {
  const start = async (wanted: WorkflowSchedule): Promise<void> => {
    await ensureSchedule(client, wanted);
    await client.schedule.getHandle(wanted.scheduleId).trigger(ScheduleOverlapPolicy.SKIP);
  };
  const stop = (scheduleId: string): Promise<void> =>
    client.schedule
      .getHandle(scheduleId)
      .delete()
      .then(() => {}, ignoreMissing);
  return {
    /** Makes or updates the tenant's Schedule and starts a sync now; one that runs already is left alone. */
    startCampaignSync: (tenantId: number): Promise<void> => start(campaignSyncSchedule(tenantId, taskQueue)),
    stopCampaignSync: (tenantId: number): Promise<void> => stop(campaignSyncId(tenantId)),
    /** The same for the hourly comparison of leads; the first one fetches the leads of the last 90 days. */
    startLeadReconciliation: (tenantId: number): Promise<void> =>
      start(leadReconciliationSchedule(tenantId, taskQueue)),
    stopLeadReconciliation: (tenantId: number): Promise<void> => stop(leadReconciliationId(tenantId)),
    /** At worker start: the installation and every connected tenant have their Schedules, as this version of the code wants them. */
    async reconcile(tenantIds: readonly number[]): Promise<void> {
      await ensureSchedule(client, retentionSchedule(taskQueue));
      for (const tenantId of tenantIds) {
        await ensureSchedule(client, campaignSyncSchedule(tenantId, taskQueue));
        await ensureSchedule(client, leadReconciliationSchedule(tenantId, taskQueue));
      }
    },
  };
}

const HOUR_MS = 60 * 60_000;
// At 06:00 UTC it is night from Mexico to Buenos Aires.
const NIGHT_OFFSET_MS = 6 * HOUR_MS;
// Spreads the tenants over the hour, evenly for ids that follow one another.
const reconciliationOffsetMs = (tenantId: number): number => ((tenantId * 37) % 60) * 60_000;

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

function leadReconciliationSchedule(tenantId: number, taskQueue: string): WorkflowSchedule {
  return {
    scheduleId: leadReconciliationId(tenantId),
    spec: { intervals: [{ every: HOUR_MS, offset: reconciliationOffsetMs(tenantId) }] },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '10 minutes', pauseOnFailure: false },
    action: {
      type: 'startWorkflow',
      workflowType: leadReconciliationWorkflow,
      args: [{ tenantId }],
      taskQueue,
      workflowId: leadReconciliationId(tenantId),
      staticSummary: `Leads of tenant ${tenantId}`,
      typedSearchAttributes: [{ key: tenantIdKey, value: tenantId }],
    },
    typedSearchAttributes: [{ key: tenantIdKey, value: tenantId }],
  };
}

function retentionSchedule(taskQueue: string): WorkflowSchedule {
  return {
    scheduleId: RETENTION_ID,
    spec: { intervals: [{ every: 24 * HOUR_MS, offset: NIGHT_OFFSET_MS }] },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '12 hours', pauseOnFailure: false },
    action: {
      type: 'startWorkflow',
      workflowType: retentionWorkflow,
      args: [{ afterTenantId: 0 }],
      taskQueue,
      workflowId: RETENTION_ID,
      staticSummary: 'What every tenant need not keep any longer',
    },
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

import { type Client, ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import { AppError } from '../../domain/error.ts';
import { campaignSyncId } from '../../workflows/campaign-sync.ts';
import { asAppError } from './refusals.ts';

export type CampaignSyncs = ReturnType<typeof createCampaignSyncs>;

/** Asking for a campaign sync, for people. */
export function createCampaignSyncs(client: Pick<Client, 'schedule'>) {
  const handleOf = (tenantId: number) => client.schedule.getHandle(campaignSyncId(tenantId));
  return {
    /** Whether one is under way. `conflict` (details.reason `not_connected`) without a Schedule, `unavailable` while Temporal is down. */
    isRunning: (tenantId: number): Promise<boolean> =>
      asked(async () => (await handleOf(tenantId).describe()).info.runningActions.length > 0),
    /** Starts one through the tenant's Schedule; one that runs already is left alone. Failures as `isRunning`. */
    start: (tenantId: number): Promise<void> => asked(() => handleOf(tenantId).trigger(ScheduleOverlapPolicy.SKIP)),
  };
}

async function asked<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError)
      throw new AppError('conflict', 'no schedule', { details: { reason: 'not_connected' } });
    throw asAppError(error);
  }
}

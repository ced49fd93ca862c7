import { type Client, ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import { AppError } from '../../domain/error.ts';
import { campaignSyncId } from '../../workflows/campaign-sync.ts';
import { ask } from './refusals.ts';

export type CampaignSyncs = ReturnType<typeof createCampaignSyncs>;

/** Asking for a campaign sync, for people. */
export function createCampaignSyncs(client: Client) {
  const handleOf = (tenantId: number) => client.schedule.getHandle(campaignSyncId(tenantId));
  return {
    /** Whether one is under way. `conflict` (details.reason `not_connected`) without a Schedule, `unavailable` while Temporal is down. */
    isRunning: (tenantId: number): Promise<boolean> =>
      asked(client, async () => (await handleOf(tenantId).describe()).info.runningActions.length > 0),
    /** Starts one through the tenant's Schedule; one that runs already is left alone. Failures as `isRunning`. */
    start: (tenantId: number): Promise<void> =>
      asked(client, () => handleOf(tenantId).trigger(ScheduleOverlapPolicy.SKIP)),
  };
}

const asked = async <T>(client: Client, question: () => Promise<T>): Promise<T> => {
  const answer = await ask(client, () => question().catch(noneWhenMissing));
  if (answer === MISSING) throw new AppError('conflict', 'no schedule', { details: { reason: 'not_connected' } });
  return answer;
};

const MISSING = Symbol('no schedule');

function noneWhenMissing(error: unknown): typeof MISSING {
  if (error instanceof ScheduleNotFoundError) return MISSING;
  throw error;
}

import { type Client, ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import { AppError } from '../../domain/error.ts';
import { leadReconciliationId } from '../../workflows/lead-reconciliation.ts';
import { ask } from './refusals.ts';

export type LeadReconciliations = ReturnType<typeof createLeadReconciliations>;

/** Asking for a comparison of leads, for people. */
export function createLeadReconciliations(client: Client) {
  return {
    /** Starts one through the tenant's Schedule; one that runs already is left alone. `conflict` without a Schedule, `unavailable` while Temporal is down. */
    async start(tenantId: number): Promise<void> {
      const schedule = client.schedule.getHandle(leadReconciliationId(tenantId));
      const isThere = await ask(client, () =>
        schedule.trigger(ScheduleOverlapPolicy.SKIP).then(
          () => true,
          (error: unknown) => {
            if (error instanceof ScheduleNotFoundError) return false;
            throw error;
          },
        ),
      );
      if (!isThere) throw new AppError('conflict', 'no schedule', { details: { reason: 'not_connected' } });
    },
  };
}

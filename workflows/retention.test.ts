import type { WorkflowHandle } from '@temporalio/client';
import { beforeEach, describe, expect, it } from 'vitest';
import type { HousekeepingActivities } from '../activities/housekeeping.ts';
import { workflowBench } from '../test/time-skipping.ts';
import { RETENTION_ID, retentionWorkflow } from './retention.ts';

const bench = workflowBench('index.ts');
let calls: number[];
let failures: number;
beforeEach(() => {
  calls = [];
  failures = 0;
});

/** Each turn serves three tenants; there are eight. */
const fakes = {
  keepHouse: async ({ afterTenantId }) => {
    if (failures-- > 0) throw new Error('the database is away');
    calls.push(afterTenantId);
    return { afterTenantId: afterTenantId < 6 ? afterTenantId + 3 : null };
  },
} satisfies HousekeepingActivities;

const run = (save?: string) =>
  bench.withActivities(fakes, async () => {
    const handle = await bench.env.client.workflow.start(retentionWorkflow, {
      taskQueue: bench.taskQueue,
      workflowId: RETENTION_ID,
      args: [{ afterTenantId: 0 }],
    });
    await handle.result();
    if (save !== undefined) await bench.saveHistory(save, handle as WorkflowHandle);
  });

describe('A night of housekeeping', () => {
  it('goes on from turn to turn until every tenant had its own', async () => {
    await run('retention');
    expect(calls).toEqual([0, 3, 6]);
  });

  it('waits for a database that is away, and goes on where it stood', async () => {
    failures = 40;
    await run();
    expect(calls).toEqual([0, 3, 6]);
  });

  it('replays its saved history without a difference', () => bench.replay('retention'));
});

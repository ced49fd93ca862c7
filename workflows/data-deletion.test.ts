import type { WorkflowHandle } from '@temporalio/client';
import { beforeEach, describe, expect, it } from 'vitest';
import type { DataDeletionActivities } from '../activities/data-deletion.ts';
import { AppError } from '../domain/error.ts';
import { workflowBench } from '../test/time-skipping.ts';
import { dataDeletionWorkflow } from './data-deletion.ts';

const bench = workflowBench('index.ts');
let calls: string[];
let refusals: number;
beforeEach(() => {
  calls = [];
  refusals = 0;
});

const fakes = {
  tenantsToErase: async () => [7, 9],
  erasePerson: async ({ tenantId }) => {
    if (refusals-- > 0) throw new AppError('unavailable', 'still ending', { retryAfterMs: 2_000 });
    calls.push(`erase:${tenantId}`);
  },
  proveErasure: async ({ tenantIds }) => void calls.push(`prove:${tenantIds}`),
} satisfies DataDeletionActivities;

async function run(save?: string): Promise<number> {
  return bench.withActivities(fakes, async () => {
    const handle = await bench.env.client.workflow.start(dataDeletionWorkflow, {
      taskQueue: bench.taskQueue,
      workflowId: 'deletion:a-code',
      args: [{ confirmationCode: 'a-code' }],
    });
    const result = await handle.result();
    if (save !== undefined) await bench.saveHistory(save, handle as WorkflowHandle);
    return result;
  });
}

describe('An erasure', () => {
  it('goes through every tenant, then proves it', async () => {
    expect(await run('data-deletion')).toBe(2);
    expect(calls).toEqual(['erase:7', 'erase:9', 'prove:7,9']);
  });

  it('goes on for as long as a connection takes to end', async () => {
    refusals = 300;
    expect(await run()).toBe(2);
    expect(calls).toEqual(['erase:7', 'erase:9', 'prove:7,9']);
  });

  it('replays its saved history without a difference', () => bench.replay('data-deletion'));
});

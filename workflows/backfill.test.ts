import { beforeEach, describe, expect, it } from 'vitest';
import type { BackfillActivities, BackfillPlan } from '../activities/backfill.ts';
import { AppError } from '../domain/error.ts';
import { workflowBench } from '../test/time-skipping.ts';
import { backfillId, backfillWorkflow } from './backfill.ts';

const bench = workflowBench('index.ts');
let plans: BackfillPlan[];
let calls: string[];
let failures: AppError[];

beforeEach(() => {
  calls = [];
  failures = [];
  plans = [];
});

const fakes = {
  planBackfill: async () => plans.shift() ?? null,
  readHistory: async ({ slice }) => {
    calls.push(`${slice.since}..${slice.until}`);
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
    return { rows: 600 };
  },
} satisfies BackfillActivities;

const slice = (since: string, until: string): BackfillPlan => ({ slice: { since, until } });
const input = { tenantId: 7, adAccountId: '1002003004005' };

async function run() {
  const handle = await bench.env.client.workflow.start(backfillWorkflow, {
    taskQueue: bench.taskQueue,
    workflowId: backfillId(input),
    args: [input],
  });
  return { handle, result: await handle.result() };
}

describe('Reading the history', () => {
  it('goes back slice by slice until nothing is left', () =>
    bench.withActivities(fakes, async () => {
      plans = [slice('2026-07-27', '2026-08-26'), slice('2026-06-26', '2026-07-26'), null];
      const { handle, result } = await run();
      expect(result).toEqual({ slices: 2 });
      expect(calls).toEqual(['2026-07-27..2026-08-26', '2026-06-26..2026-07-26']);
      await bench.saveHistory('backfill', handle);
    }));

  it('lets the regular sync go first', () =>
    bench.withActivities(fakes, async () => {
      plans = [{ waitMs: 60_000 }, { waitMs: 60_000 }, slice('2026-07-27', '2026-08-26'), null];
      expect((await run()).result).toEqual({ slices: 1 });
    }));

  it('waits as long as Meta says, and reads the same slice again', () =>
    bench.withActivities(fakes, async () => {
      plans = [slice('2026-07-27', '2026-08-26'), null];
      failures = [new AppError('rate_limited', 'gate closed', { retryAfterMs: 30 * 60_000 })];
      expect((await run()).result).toEqual({ slices: 1 });
      expect(calls).toHaveLength(2);
    }));

  it('ends when the connection is gone, and can be begun again', () =>
    bench.withActivities(fakes, async () => {
      plans = [slice('2026-07-27', '2026-08-26')];
      failures = [new AppError('reconnect_required', 'no token')];
      await expect(run()).rejects.toThrow();
      plans = [null];
      expect((await run()).result).toEqual({ slices: 0 });
    }));

  it('does again what its saved history did', () => bench.replay('backfill'));
});

import { beforeEach, describe, expect, it } from 'vitest';
import type { LeadReconciliationActivities } from '../activities/lead-reconciliation.ts';
import { AppError } from '../domain/error.ts';
import { workflowBench } from '../test/time-skipping.ts';
import { leadReconciliationWorkflow } from './lead-reconciliation.ts';

const bench = workflowBench('index.ts');
let calls: string[];
let pageIds: string[];
let failing: Record<string, AppError>;

beforeEach(() => {
  calls = [];
  pageIds = ['1', '2'];
  failing = {};
});

const fakes = {
  planReconciliation: async () => ({ pageIds }),
  countForms: async ({ pageId }) => {
    calls.push(`count:${pageId}`);
    const failure = failing[pageId];
    if (failure !== undefined) throw failure;
    return { readings: [{ formId: `${pageId}0`, depth: 'recent' as const }] };
  },
  readForm: async ({ formId, depth }) => {
    calls.push(`${depth}:${formId}`);
    return { captured: 2, recovered: 1 };
  },
  finishPage: async ({ pageId, errorCode }) => void calls.push(`finish:${pageId}:${errorCode}`),
} satisfies LeadReconciliationActivities;

async function aComparison(activities: object = fakes, saveAs?: string) {
  return bench.withActivities(activities, async () => {
    const before = await bench.env.currentTimeMs();
    const handle = await bench.env.client.workflow.start(leadReconciliationWorkflow, {
      taskQueue: bench.taskQueue,
      workflowId: `lead-reconciliation:${crypto.randomUUID()}`,
      args: [{ tenantId: 7 }],
    });
    const result = await handle.result();
    if (saveAs !== undefined) await bench.saveHistory(saveAs, handle);
    return { result, tookMs: (await bench.env.currentTimeMs()) - before };
  });
}

describe('The hourly comparison of leads', () => {
  it('counts each page’s forms and reads those that differ', async () => {
    const { result } = await aComparison(fakes, 'lead-reconciliation');
    expect(result).toEqual({ pages: 2, failed: 0, forms: 2, captured: 4, recovered: 2 });
    expect(calls).toEqual(['count:1', 'recent:10', 'finish:1:null', 'count:2', 'recent:20', 'finish:2:null']);
  });

  it('goes on with the other pages when one gives no permission, and keeps why', async () => {
    failing['1'] = new AppError('permission_missing', 'Graph leadgen_forms: 200');
    expect((await aComparison()).result).toMatchObject({ failed: 1, forms: 1 });
    expect(calls).toEqual(['count:1', 'finish:1:permission_missing', 'count:2', 'recent:20', 'finish:2:null']);
  });

  it('asks no further once the token is refused', async () => {
    failing['1'] = new AppError('reconnect_required', 'Graph leadgen_forms: 190');
    expect((await aComparison()).result).toMatchObject({ failed: 1, forms: 0 });
    expect(calls).toEqual(['count:1', 'finish:1:reconnect_required']);
  });

  it('waits as long as Meta asks', async () => {
    failing['1'] = new AppError('rate_limited', 'Graph leadgen_forms: 32', { retryAfterMs: 20 * 60_000 });
    const withRelief = {
      ...fakes,
      countForms: (of: { tenantId: number; pageId: string }) => {
        if (calls.includes('count:1')) failing = {};
        return fakes.countForms(of);
      },
    };
    const { result, tookMs } = await aComparison(withRelief);
    expect(result).toMatchObject({ failed: 0, forms: 2 });
    expect(tookMs).toBeGreaterThanOrEqual(20 * 60_000);
  });

  it('has nothing to do while nothing is connected', async () => {
    pageIds = [];
    expect((await aComparison()).result).toEqual({ pages: 0, failed: 0, forms: 0, captured: 0, recovered: 0 });
    expect(calls).toEqual([]);
  });

  it('replays its saved history without a difference', () => bench.replay('lead-reconciliation'));
});

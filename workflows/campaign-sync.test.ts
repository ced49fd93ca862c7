import type { WorkflowHandle } from '@temporalio/client';
import { beforeEach, describe, expect, it } from 'vitest';
import type { AccountPlan, CampaignSyncActivities, SyncPlan } from '../activities/campaign-sync.ts';
import type { ConnectionActivities } from '../activities/connection.ts';
import type { CreativePictureActivities } from '../activities/creative-pictures.ts';
import { AppError } from '../domain/error.ts';
import { workflowBench } from '../test/time-skipping.ts';
import { campaignSyncWorkflow } from './campaign-sync.ts';

const bench = workflowBench('index.ts');

let calls: string[];
let plan: SyncPlan | null;
let failing: Record<string, AppError>;
let doneAtOnce: number;
const note = (call: string): void => void calls.push(call);

beforeEach(() => {
  calls = [];
  plan = { runId: 'run', kind: 'scheduled', accounts: [anAccount('1'), anAccount('2')] };
  failing = {};
  doneAtOnce = 99;
});

const anAccount = (adAccountId: string, given: Partial<AccountPlan> = {}): AccountPlan => ({
  adAccountId,
  window: 'narrow',
  changesOnly: true,
  slices: [{ since: '2026-11-22', until: '2026-11-24' }],
  ...given,
});

const fakes = {
  planSync: async () => plan,
  syncObjects: async ({ adAccountId }) => {
    note(`objects:${adAccountId}`);
    const failure = failing[adAccountId];
    if (failure !== undefined) throw failure;
    return { campaigns: 20, calls: 4 };
  },
  syncInsights: async ({ adAccountId, slices }) => {
    note(`days:${adAccountId}:${slices.map(({ until }) => until).join()}`);
    return { slicesDone: Math.min(slices.length, doneAtOnce), rows: 60 };
  },
  finishAccount: async ({ adAccountId, window }) => note(`done:${adAccountId}:${window}`),
  finishSync: async ({ errorCode }) => note(`finish:${errorCode}`),
  copyPictures: async () => ({ copied: 0, failed: 0 }),
  markReconnectNeeded: async ({ reason, tokenVersion }) => {
    note(`reconnect:${reason}:${tokenVersion}`);
    return true;
  },
} satisfies CampaignSyncActivities & CreativePictureActivities & Pick<ConnectionActivities, 'markReconnectNeeded'>;

async function aSync() {
  const handle = await bench.env.client.workflow.start(campaignSyncWorkflow, {
    taskQueue: bench.taskQueue,
    workflowId: `campaign-sync:${crypto.randomUUID()}`,
    args: [{ tenantId: 7 }],
  });
  return { handle, result: await handle.result() };
}

describe('A campaign sync', () => {
  it('reads objects, then days, then adds up, account by account', async () => {
    await bench.withActivities(fakes, async () => {
      const { handle, result } = await aSync();
      expect(result).toEqual({ accounts: 2, failed: 0, rows: 120 });
      expect(calls.filter((call) => call.includes(':1'))).toEqual(['objects:1', 'days:1:2026-11-24', 'done:1:narrow']);
      expect(calls.at(-1)).toBe('finish:null');
      await bench.saveHistory('campaign-sync', handle as WorkflowHandle);
    });
  });

  it('ends well when the pictures of the ads cannot be had', async () => {
    const copyPictures = async () => {
      throw new AppError('unavailable', 'no pictures today');
    };
    await bench.withActivities({ ...fakes, copyPictures }, async () => {
      const { result } = await aSync();
      expect(result).toEqual({ accounts: 2, failed: 0, rows: 120 });
      expect(calls.at(-1)).toBe('finish:null');
    });
  });

  it('goes on where an activity left off after its minute, newest days first', async () => {
    const slices = ['24', '20', '10'].map((day) => ({ since: `2026-11-${day}`, until: `2026-11-${day}` }));
    plan = { runId: 'run', kind: 'first', accounts: [anAccount('1', { window: 'first', slices })] };
    doneAtOnce = 1;
    await bench.withActivities(fakes, async () => {
      await aSync();
      expect(calls.filter((call) => call.startsWith('days'))).toEqual([
        'days:1:2026-11-24,2026-11-20,2026-11-10',
        'days:1:2026-11-20,2026-11-10',
        'days:1:2026-11-10',
      ]);
    });
  });

  it('finishes the other accounts when one is not permitted, and says so', async () => {
    failing['1'] = new AppError('permission_missing', 'Graph campaigns: 200');
    await bench.withActivities(fakes, async () => {
      const { result } = await aSync();
      expect(result).toEqual({ accounts: 2, failed: 1, rows: 60 });
      expect(calls).toContain('done:2:narrow');
      expect(calls).not.toContain('done:1:narrow');
      expect(calls.at(-1)).toBe('finish:permission_missing');
    });
  });

  it('waits as long as Meta said when an account is throttled, while the other one is done', async () => {
    failing['1'] = new AppError('rate_limited', 'Graph campaigns: 80004', { retryAfterMs: 5 * 60_000 });
    const withRelief = {
      ...fakes,
      syncObjects: async (of: { tenantId: number; runId: string; adAccountId: string }) => {
        if (calls.includes('objects:1')) failing = {};
        return fakes.syncObjects(of);
      },
    };
    await bench.withActivities(withRelief, async () => {
      const before = await bench.env.currentTimeMs();
      const { result } = await aSync();
      expect(result.failed).toBe(0);
      expect((await bench.env.currentTimeMs()) - before).toBeGreaterThanOrEqual(5 * 60_000);
      expect(calls.indexOf('done:2:narrow')).toBeLessThan(calls.lastIndexOf('objects:1'));
    });
  });

  it('tells the table that the token is refused when no connection workflow runs, and asks no further', async () => {
    const refusal = { details: { metaCode: 190, subcode: 463, tokenVersion: 5 } };
    plan = { runId: 'run', kind: 'scheduled', accounts: ['1', '2', '3', '4', '5', '6'].map((id) => anAccount(id)) };
    for (const id of ['1', '2', '3', '4', '5', '6'])
      failing[id] = new AppError('reconnect_required', '190/463', refusal);
    await bench.withActivities(fakes, async () => {
      await aSync();
      expect(calls).toContain('reconnect:expired:5');
      expect(calls).not.toContain('objects:6');
      expect(calls.at(-1)).toBe('finish:reconnect_required');
    });
  });

  it('has nothing to do while nothing is connected', async () => {
    plan = null;
    await bench.withActivities(fakes, async () => {
      expect((await aSync()).result).toEqual({ accounts: 0, failed: 0, rows: 0 });
      expect(calls).toEqual([]);
    });
  });

  it('replays its saved history without a difference', () => bench.replay('campaign-sync'));
});

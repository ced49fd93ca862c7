import type { WorkflowHandle } from '@temporalio/client';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Dispatched, MessageActivities } from '../activities/messages.ts';
import { workflowBench } from '../test/time-skipping.ts';
import {
  type AutomationEnd,
  humanTookOverSignal,
  leadAutomationWorkflow,
  leadRepliedSignal,
  messageFailedSignal,
  optedOutSignal,
  ruleChangedSignal,
} from './lead-automation.ts';

const HOUR_MS = 3_600_000;
const bench = workflowBench('index.ts');
let dispatched: number;
let results: Dispatched[];
let steps: (number | undefined)[];

beforeEach(() => {
  dispatched = 0;
  results = [];
  steps = [];
});

const activities = {
  dispatchMessage: async ({ step }: { step?: number }) => {
    dispatched++;
    steps.push(step);
    return results.shift() ?? { outcome: 'sent' };
  },
  dispatchByHand: async () => ({ outcome: 'sent' }),
} satisfies MessageActivities;

type Handle = WorkflowHandle<typeof leadAutomationWorkflow>;
async function aRun(dueInMs = 0): Promise<Handle> {
  return bench.env.client.workflow.start(leadAutomationWorkflow, {
    taskQueue: bench.taskQueue,
    workflowId: `automation:${crypto.randomUUID()}`,
    args: [{ tenantId: 7, runId: 'run', dueAt: (await bench.env.currentTimeMs()) + dueInMs }],
  });
}
const endOf = async (handle: Handle): Promise<AutomationEnd> => (await handle.result()).end;

describe('The automation of one lead', () => {
  it('sends when it is due and ends a day later when nobody answers', () =>
    bench.withActivities(activities, async () => {
      const handle = await aRun(3 * HOUR_MS);
      expect(await endOf(handle)).toBe('no_reply');
      expect(dispatched).toBe(1);
    }));

  it('ends at once after a last step that nobody can answer', () =>
    bench.withActivities(activities, async () => {
      results = [{ outcome: 'sent', nextAt: 0 }, { outcome: 'done' }];
      expect(await endOf(await aRun())).toBe('done');
      expect(steps).toEqual([undefined, 1]);
    }));

  it.each([
    [leadRepliedSignal, 'replied'],
    [optedOutSignal, 'opted_out'],
    [messageFailedSignal, 'message_failed'],
    [humanTookOverSignal, 'human_took_over'],
  ] as const)('ends when it is told, and sends nothing that was still due', (signal, end) =>
    bench.withActivities(activities, async () => {
      const handle = await aRun(3 * HOUR_MS);
      await handle.signal(signal);
      expect(await endOf(handle)).toBe(end);
      expect(dispatched).toBe(0);
    }),
  );

  it('ends with the reply while it waits for one', () =>
    bench.withActivities(activities, async () => {
      const handle = await aRun();
      await vi.waitUntil(() => dispatched === 1, { timeout: 20_000 });
      await handle.signal(leadRepliedSignal);
      expect(await endOf(handle)).toBe('replied');
    }));

  it('waits for the end of the quiet hours and dispatches again', () =>
    bench.withActivities(activities, async () => {
      results = [{ outcome: 'again', until: (await bench.env.currentTimeMs()) + 9 * HOUR_MS }];
      const handle = await aRun();
      expect(await endOf(handle)).toBe('no_reply');
      expect(dispatched).toBe(2);
      await bench.saveHistory('lead-automation', handle);
    }));

  it('goes on in a new run when sending stays paused for weeks', () =>
    bench.withActivities(activities, async () => {
      const now = await bench.env.currentTimeMs();
      results = Array.from({ length: 900 }, (_, n) => ({ outcome: 'again', until: now + (n + 1) * 300_000 }));
      const handle = await aRun();
      const { runId } = await handle.describe();
      expect(await endOf(handle)).toBe('no_reply');
      expect(dispatched).toBe(901);
      expect((await handle.describe()).runId).not.toBe(runId);
    }));

  it('goes through the steps of a sequence, each at its time', () =>
    bench.withActivities(activities, async () => {
      const now = await bench.env.currentTimeMs();
      results = [
        { outcome: 'sent', nextAt: now + 48 * HOUR_MS },
        { outcome: 'again', until: now + 50 * HOUR_MS },
        { outcome: 'sent' },
      ];
      const handle = await aRun();
      expect(await endOf(handle)).toBe('no_reply');
      expect(steps).toEqual([undefined, 1, 1]);
      await bench.saveHistory('lead-automation-sequence', handle);
    }));

  it('sends no further step after a reply', () =>
    bench.withActivities(activities, async () => {
      results = [{ outcome: 'sent', nextAt: (await bench.env.currentTimeMs()) + 48 * HOUR_MS }];
      const handle = await aRun();
      await vi.waitUntil(() => dispatched === 1, { timeout: 20_000 });
      await handle.signal(leadRepliedSignal);
      expect(await endOf(handle)).toBe('replied');
      expect(dispatched).toBe(1);
    }));

  it('ends at once when nothing will be sent', () =>
    bench.withActivities(activities, async () => {
      results = [{ outcome: 'ended', reason: 'opted_out' }];
      expect(await endOf(await aRun())).toBe('not_sent');
    }));

  it('looks again when its rule changed', () =>
    bench.withActivities(activities, async () => {
      const handle = await aRun(5 * HOUR_MS);
      await handle.signal(ruleChangedSignal);
      await endOf(handle);
      expect(dispatched).toBe(1);
    }));

  it.each(['lead-automation', 'lead-automation-sequence'])(
    'replays its saved history without a difference: %s',
    (name) => bench.replay(name),
  );
});

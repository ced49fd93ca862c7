import { beforeEach, describe, expect, it } from 'vitest';
import type { Dispatched, MessageActivities } from '../activities/messages.ts';
import { workflowBench } from '../test/time-skipping.ts';
import { messageWorkflow } from './message.ts';

const bench = workflowBench('index.ts');
let results: Dispatched[];
let dispatched: number;
beforeEach(() => {
  [results, dispatched] = [[], 0];
});

const activities = {
  dispatchMessage: async () => ({ outcome: 'sent' }),
  dispatchByHand: async () => {
    dispatched++;
    return results.shift() ?? { outcome: 'sent' };
  },
} satisfies MessageActivities;

const aMessage = () =>
  bench.env.client.workflow.start(messageWorkflow, {
    taskQueue: bench.taskQueue,
    workflowId: `message:${crypto.randomUUID()}`,
    args: [{ tenantId: 7, messageId: 'message' }],
  });

describe('A message that a person asked for', () => {
  it('is sent, after the wait that its checks ask for', () =>
    bench.withActivities(activities, async () => {
      results = [{ outcome: 'again', until: (await bench.env.currentTimeMs()) + 9 * 3_600_000 }];
      const handle = await aMessage();
      expect(await handle.result()).toEqual({ end: 'sent' });
      expect(dispatched).toBe(2);
      await bench.saveHistory('message', handle);
    }));

  it('ends with the reason when it will not be sent', () =>
    bench.withActivities(activities, async () => {
      results = [{ outcome: 'ended', reason: 'opted_out' }];
      expect(await (await aMessage()).result()).toEqual({ end: 'opted_out' });
    }));

  it('replays its saved history without a difference', () => bench.replay('message'));
});

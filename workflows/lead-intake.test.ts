import { beforeEach, describe, expect, it } from 'vitest';
import type { LeadActivities } from '../activities/leads.ts';
import { AppError } from '../domain/error.ts';
import { workflowBench } from '../test/time-skipping.ts';
import { leadIntakeWorkflow, leadIntakeWorkflowId } from './lead-intake.ts';

const bench = workflowBench('index.ts');
let captures: (AppError | Awaited<ReturnType<LeadActivities['captureLead']>>)[];
let matched: string[];
let kept: string[];

beforeEach(() => {
  [captures, matched, kept] = [[], [], []];
});

const activities = {
  captureLead: async () => {
    const next = captures.shift() ?? ({ outcome: 'captured', leadId: 'lead-1' } as const);
    if (next instanceof AppError) throw next;
    return next;
  },
  keepForLater: async ({ code }) => void kept.push(code),
  matchRules: async ({ leadId }) => {
    matched.push(leadId);
    return { runs: 1 };
  },
} satisfies LeadActivities;

const notYet = () => new AppError('unavailable', 'not visible yet');

async function anIntake() {
  const lead = { tenantId: 7, leadgenId: String(Date.now()) };
  const handle = await bench.env.client.workflow.start(leadIntakeWorkflow, {
    taskQueue: bench.taskQueue,
    workflowId: leadIntakeWorkflowId(lead),
    args: [{ ...lead, pageId: '100', receivedAt: 0 }],
  });
  return { handle, result: await handle.result() };
}

describe('The intake of a lead', () => {
  it('captures, then starts the runs of matching rules', () =>
    bench.withActivities(activities, async () => {
      const { handle, result } = await anIntake();
      await bench.saveHistory('lead-intake', handle);
      expect(result).toEqual({ outcome: 'captured', runs: 1 });
      expect(matched).toEqual(['lead-1']);
    }));

  it('asks again for hours while Meta does not show the lead', () =>
    bench.withActivities(activities, async () => {
      captures = Array.from({ length: 30 }, notYet);
      expect((await anIntake()).result).toEqual({ outcome: 'captured', runs: 1 });
    }));

  it.each([
    ['not visible for a day and a half', 'unavailable', 500],
    ['one that Meta cannot give', 'invalid', 1],
  ] as const)('keeps the lead for later when it is %s', (_name, code, times) =>
    bench.withActivities(activities, async () => {
      captures = Array.from({ length: times }, () => new AppError(code, 'not readable'));
      expect((await anIntake()).result).toEqual({ outcome: 'failed', runs: 0 });
      expect([kept, matched]).toEqual([[code], []]);
    }),
  );

  it.each(['waiting_for_connection', 'failed'] as const)('ends without a run when the lead is %s', (outcome) =>
    bench.withActivities(activities, async () => {
      captures = [{ outcome, leadId: null }];
      expect((await anIntake()).result).toEqual({ outcome, runs: 0 });
      expect(matched).toEqual([]);
    }),
  );

  it('carries ids and times only, and needs few actions', () =>
    bench.withActivities(activities, async () => {
      const { handle } = await anIntake();
      const { events } = await handle.fetchHistory();
      const scheduled = events?.filter((event) => event.activityTaskScheduledEventAttributes != null) ?? [];
      expect(scheduled).toHaveLength(2);
    }));

  it('replays its saved history without a difference', () => bench.replay('lead-intake'));
});

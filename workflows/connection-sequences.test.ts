import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { AppError } from '../domain/error.ts';
import {
  aWorkflow,
  behaviour,
  bench,
  fakes,
  type Handle,
  in60Days,
  patience,
  statusOf,
} from '../test/connection-workflow.ts';
import {
  beginUpdate,
  confirmUpdate,
  disconnectSignal,
  examineUpdate,
  oauthReturnedSignal,
  refreshNowSignal,
  selectAssetsUpdate,
  selectBusinessUpdate,
  testUpdate,
  tokenRejectedSignal,
} from './connection.ts';

const moves = [
  'begin',
  'returned',
  'business',
  'assets',
  'confirm',
  'stale',
  'test',
  'examine',
  'refresh',
  'rejected',
  'days',
  'disconnect',
] as const;
type Move = (typeof moves)[number];

/** How Meta behaves from now on. */
const moods = ['well', 'refuses', 'silent', 'dead'] as const;

const step = fc.record({
  move: fc.constantFrom(...moves),
  mood: fc.constantFrom(...moods),
  isAwaited: fc.boolean(),
});

const statuses = ['not_connected', 'connecting', 'connected', 'refreshing', 'reconnect_needed', 'disconnected'];

function become(mood: (typeof moods)[number]): void {
  const fails = () => {
    if (mood === 'refuses') throw new AppError('permission_missing', 'refused');
    if (mood === 'silent') throw new AppError('misconfigured', 'no answer');
    if (mood === 'dead') throw new AppError('reconnect_required', 'dead', { details: { subcode: 460 } });
  };
  Object.assign(behaviour, {
    exchange: () => {
      if (mood === 'refuses') return 'failed';
      fails();
      return 'exchanged';
    },
    choose: fails,
    confirmed: () => {
      fails();
      return in60Days();
    },
    refresh: async () => {
      fails();
      return { ...(await in60Days()), moved: mood === 'well' };
    },
    test: () => ({ isValid: mood !== 'dead', subcode: 460, tokenVersion: 1, missingScopes: [] }),
  });
}

/** Does one thing that a person, Meta, or time does. Refusals are answers; anything else that fails is not. */
async function act(move: Move, handle: Handle, sign: { attemptId: string }): Promise<void> {
  const { attemptId } = sign;
  const answered = (update: Promise<unknown>) => update.then(() => {}, expectRefusal);
  if (move === 'begin') {
    sign.attemptId = crypto.randomUUID();
    await handle.executeUpdate(beginUpdate, { args: [{ attemptId: sign.attemptId }] }).catch(expectGone); // whoever presses "Connect" may
  }
  if (move === 'returned') await handle.signal(oauthReturnedSignal, { attemptId }).catch(expectGone);
  if (move === 'business')
    await answered(handle.executeUpdate(selectBusinessUpdate, { args: [{ attemptId, businessId: '2003' }] }));
  if (move === 'assets')
    await answered(
      handle.executeUpdate(selectAssetsUpdate, { args: [{ attemptId, adAccountIds: ['1'], pageIds: ['2'] }] }),
    );
  if (move === 'confirm') await answered(handle.executeUpdate(confirmUpdate, { args: [{ attemptId }] }));
  if (move === 'stale')
    await answered(handle.executeUpdate(confirmUpdate, { args: [{ attemptId: crypto.randomUUID() }] }));
  if (move === 'test') await answered(handle.executeUpdate(testUpdate));
  if (move === 'examine') await answered(handle.executeUpdate(examineUpdate));
  if (move === 'refresh') await handle.signal(refreshNowSignal).catch(expectGone);
  if (move === 'rejected')
    await handle.signal(tokenRejectedSignal, { subcode: 463, tokenVersion: 1 }).catch(expectGone);
  if (move === 'disconnect') await handle.signal(disconnectSignal, { userId: null }).catch(expectGone);
  if (move === 'days') await bench.env.sleep('30 days');
}

const codes = ['conflict', 'invalid', 'permission_missing', 'misconfigured', 'reconnect_required'];
function expectRefusal(error: { name: string; cause?: { type?: string; cause?: { type?: string } } }): void {
  if (error.name === 'WorkflowNotFoundError') return;
  const { cause } = error;
  expect(codes, `${error.name}: ${cause?.type}`).toContain(cause?.cause?.type ?? cause?.type);
}
function expectGone({ name }: Error): void {
  expect(name).toBe('WorkflowNotFoundError'); // it has ended: nothing is connected, and nothing is lost
}

describe('Any sequence of updates, signals and weeks', () => {
  it('leaves a connection that knows its state, answers, and can be ended', { timeout: 240_000 }, async () => {
    const run = async (steps: { move: Move; mood: (typeof moods)[number]; isAwaited: boolean }[]) => {
      become('well');
      const { handle, attemptId } = await aWorkflow();
      const sign = { attemptId };
      const open: Promise<void>[] = [];
      for (const { move, mood, isAwaited } of steps) {
        become(mood);
        const doing = act(move, handle, sign);
        if (isAwaited || move === 'days') await doing;
        else open.push(doing);
      }
      await Promise.all(open);
      become('well');
      await handle.signal(disconnectSignal, { userId: null }).catch(expectGone);
      await vi.waitFor(async () => expect((await handle.describe()).status.name).toBe('COMPLETED'), patience);
      expect(statuses).toContain(await statusOf(handle));
    };
    const sequences = fc.array(step, { minLength: 3, maxLength: 12 });
    await bench.withActivities(fakes, () => fc.assert(fc.asyncProperty(sequences, run), { numRuns: 25 }));
  });
});

import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { describe, expect, it, vi } from 'vitest';
import { AppError } from '../domain/error.ts';
import {
  aConnection,
  behaviour,
  bench,
  called,
  calls,
  counted,
  fakes,
  type Handle,
  in60Days,
  patience,
  reached,
  signIn,
  statusOf,
} from '../test/connection-workflow.ts';
import { beginUpdate, disconnectSignal, refreshNowSignal, testUpdate, tokenRejectedSignal } from './connection.ts';

describe("A token's life", () => {
  it('is renewed seven days before its end, over a year, with a bounded history', async () => {
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      await bench.env.sleep('365 days');
      await called('refresh', 6);
      expect(counted('refresh')).toBeLessThanOrEqual(7);
      const { historyLength } = await handle.describe();
      expect(historyLength).toBeLessThan(60);
      expect(await statusOf(handle)).toBe('connected');
      await handle.terminate();
    });
  });

  it('asks for a person when its end comes and no renewal moved it', async () => {
    await bench.withActivities(fakes, async () => {
      const ends = await in60Days();
      behaviour.confirmed = async () => ends;
      behaviour.refresh = async () => ({ ...ends, moved: false });
      const { handle } = await aConnection();
      await bench.env.sleep('61 days');
      await reached(handle, 'reconnect_needed');
      expect(counted('refresh')).toBeGreaterThanOrEqual(6);
      expect(counted('refresh')).toBeLessThanOrEqual(9);
      expect(calls.at(-1)).toBe('reconnect:expired');
      await handle.terminate();
    });
  });

  it('reminds people 7, 3 and 1 days before an end that no renewal moved, each time once', async () => {
    await bench.withActivities(fakes, async () => {
      const ends = await in60Days();
      behaviour.confirmed = async () => ends;
      behaviour.refresh = async () => ({ ...ends, moved: false });
      const { handle } = await aConnection();
      await bench.env.sleep('52 days');
      expect(calls.filter((call) => call.startsWith('reminder'))).toEqual([]);
      await bench.env.sleep('180 hours');
      await called('reminder:1');
      expect(calls.filter((call) => call.startsWith('reminder'))).toEqual(['reminder:7', 'reminder:3', 'reminder:1']);
      await called('mail', 3);
      await handle.terminate();
    });
  });

  it('reminds nobody while renewing works, and keeps a reminder whose mail could not be sent', async () => {
    behaviour.mail = () => {
      throw new AppError('misconfigured', 'the mail server refused');
    };
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      await bench.env.sleep('59 days');
      expect(calls.filter((call) => call.startsWith('reminder'))).toEqual([]);
      behaviour.refresh = () => {
        throw new AppError('misconfigured', 'Graph oauth_token: 101');
      };
      await bench.env.sleep('1278 hours'); // past the last reminder and before the end, however early the renewal was
      await called('reminder:1');
      expect(await statusOf(handle)).toBe('connected');
      await handle.terminate();
    });
  });

  it('survives days in which Meta does not answer', async () => {
    let down = true;
    behaviour.refresh = async () => {
      if (down) throw new AppError('misconfigured', 'Graph oauth_token: 101');
      return { ...(await in60Days()), moved: true };
    };
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      await bench.env.sleep('56 days');
      await called('failed:misconfigured', 3);
      expect(await statusOf(handle)).toBe('connected');
      down = false;
      await bench.env.sleep('1 day');
      const failures = counted('failed:misconfigured');
      await bench.env.sleep('20 days');
      expect(counted('failed:misconfigured')).toBe(failures);
      expect(counted('refresh')).toBe(failures + 1);
      await handle.terminate();
    });
  });

  it('survives three days of silence from Meta, asking a few times a day', async () => {
    let down = true;
    behaviour.refresh = async () => {
      if (down) throw new AppError('unavailable', 'Graph oauth_token: no reply');
      return { ...(await in60Days()), moved: true };
    };
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      await bench.env.sleep('56 days');
      const asked = counted('refresh');
      expect(counted('failed:unavailable')).toBeGreaterThanOrEqual(8); // every 8 hours
      expect(asked / counted('failed:unavailable')).toBeLessThan(20); // and within the hour of each try, ever more slowly
      expect(['connected', 'refreshing']).toContain(await statusOf(handle)); // the latter if this is such an hour
      down = false;
      await bench.env.sleep('1 day');
      expect(counted('refresh')).toBe(asked + 1);
      await handle.terminate();
    });
  });

  it('costs under 30 actions a month while idle', async () => {
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      const before = await actionsOf(handle);
      await bench.env.sleep('180 days');
      const idle = (await actionsOf(handle)) - before;
      expect(counted('refresh')).toBeGreaterThanOrEqual(3); // six months hold three renewals
      expect(idle / 6).toBeLessThan(5);
      await handle.terminate();
    });
  });

  it('never wakes up for a token that never ends', async () => {
    behaviour.confirmed = async () => ({ expiresAt: null, dataAccessExpiresAt: null });
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      await bench.env.sleep('400 days');
      expect(await statusOf(handle)).toBe('connected');
      expect(counted('refresh')).toBe(0);
      await handle.terminate();
    });
  });

  it('is renewed at once when a person asks', async () => {
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      await handle.signal(refreshNowSignal);
      await called('refresh');
      await reached(handle, 'connected');
      expect(counted('refresh')).toBe(1);
      await handle.terminate();
    });
  });
});

interface SavedEvent {
  eventType: string;
  workflowExecutionStartedEventAttributes?: { continuedExecutionRunId?: string };
}

/** What Temporal bills: starts, timers, activities and their retries, local activities, updates, signals, attributes; over all runs of the workflow. */
async function actionsOf(handle: Handle): Promise<number> {
  const billed =
    /^EVENT_TYPE_(WORKFLOW_EXECUTION_STARTED|TIMER_STARTED|ACTIVITY_TASK_STARTED|MARKER_RECORDED|WORKFLOW_EXECUTION_UPDATE_ACCEPTED|WORKFLOW_EXECUTION_SIGNALED|UPSERT_WORKFLOW_SEARCH_ATTRIBUTES)$/;
  let runId: string | undefined = (await handle.describe()).runId;
  let count = 0;
  while (runId) {
    const history = await bench.env.client.workflow.getHandle(handle.workflowId, runId).fetchHistory();
    const { events } = JSON.parse(historyToJSON(history)) as { events: SavedEvent[] };
    count += events.filter(({ eventType }) => billed.test(eventType)).length;
    runId = events[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId;
  }
  return count;
}

describe('Endings', () => {
  it('asks for a person once when Meta refuses the token, by the reason Meta gave', async () => {
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      await handle.signal(tokenRejectedSignal, { subcode: 460, tokenVersion: 1 });
      await handle.signal(tokenRejectedSignal, { subcode: 460, tokenVersion: 1 });
      await reached(handle, 'reconnect_needed');
      expect(calls.filter((call) => call.startsWith('reconnect'))).toEqual(['reconnect:password_changed']);
      await handle.terminate();
    });
  });

  it.each([
    [null, 'invalid'],
    [458, 'app_removed'],
    [459, 'checkpoint'],
    [460, 'password_changed'],
    [463, 'expired'],
    [464, 'unconfirmed_user'],
    [467, 'invalidated'],
    [999, 'invalid'],
  ])('names why, by the subcode %s of error 190', async (subcode, reason) => {
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      await handle.signal(tokenRejectedSignal, { subcode, tokenVersion: null });
      await reached(handle, 'reconnect_needed');
      expect(calls.at(-1)).toBe(`reconnect:${reason}`);
      await handle.terminate();
    });
  });

  it('stays connected when the refused token was an older one', async () => {
    behaviour.mark = () => false;
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      await handle.signal(tokenRejectedSignal, { subcode: 463, tokenVersion: 1 });
      await called('reconnect:expired');
      expect(await statusOf(handle)).toBe('connected');
      await handle.terminate();
    });
  });

  it('connects again after a refusal, in the same workflow', async () => {
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      await handle.signal(tokenRejectedSignal, { subcode: 458, tokenVersion: null });
      await reached(handle, 'reconnect_needed');
      const attemptId = crypto.randomUUID();
      await handle.executeUpdate(beginUpdate, { args: [{ attemptId }] });
      await signIn(handle, attemptId);
      expect(await statusOf(handle)).toBe('connected');
      await handle.terminate();
    });
  });

  it('finds a dead token during a renewal', async () => {
    behaviour.refresh = () => {
      throw new AppError('reconnect_required', 'Graph oauth_token: 190/467', { details: { subcode: 467 } });
    };
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      await handle.signal(refreshNowSignal);
      await called('refresh');
      await reached(handle, 'reconnect_needed');
      expect(calls.at(-1)).toBe('reconnect:invalidated');
      await handle.terminate();
    });
  });

  it('learns from a test that the token is dead', async () => {
    behaviour.test = () => ({ isValid: false, subcode: 458, tokenVersion: 1, missingScopes: [] });
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      expect(await handle.executeUpdate(testUpdate)).toEqual({ isValid: false, missingScopes: [] });
      await reached(handle, 'reconnect_needed');
      expect(calls.at(-1)).toBe('reconnect:app_removed');
      await handle.terminate();
    });
  });

  it('ends when a person disconnects, with a renewal or without', async () => {
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      await handle.signal(refreshNowSignal);
      await handle.signal(disconnectSignal, { userId: 'someone' });
      await handle.result();
      expect(calls.at(-1)).toBe('disconnect');
    });
  });
});

describe('The saved histories', () => {
  it('are of a whole life and of a renewal', async () => {
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      await handle.signal(tokenRejectedSignal, { subcode: 460, tokenVersion: null });
      await reached(handle, 'reconnect_needed');
      const attemptId = crypto.randomUUID();
      await handle.executeUpdate(beginUpdate, { args: [{ attemptId }] });
      await signIn(handle, attemptId);
      await handle.signal(disconnectSignal, { userId: null });
      await handle.result();
      await bench.saveHistory('connection', handle);
      const { handle: renewed } = await aConnection();
      const { runId } = await renewed.describe();
      await renewed.signal(refreshNowSignal);
      await called('refresh');
      await vi.waitFor(async () => expect((await renewed.describe()).runId).not.toBe(runId), patience);
      await bench.saveHistory('connection-renewal', bench.env.client.workflow.getHandle(renewed.workflowId, runId));
      await renewed.terminate();
    });
  });

  it.each(['connection', 'connection-renewal'])('replay without a difference: %s', (name) => bench.replay(name));
});

import { WithStartWorkflowOperation, type WorkflowHandle } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConnectionActivities } from '../activities/connection.ts';
import type { TokenEnds } from '../domain/connection.ts';
import { AppError } from '../domain/error.ts';
import { workflowBench } from '../test/time-skipping.ts';
import {
  beginUpdate,
  confirmUpdate,
  disconnectSignal,
  metaConnectionWorkflow,
  oauthReturnedSignal,
  refreshNowSignal,
  selectAssetsUpdate,
  selectBusinessUpdate,
  testUpdate,
  tokenRejectedSignal,
} from './connection.ts';

const bench = workflowBench('connection.ts');
const hubStatusKey = defineSearchAttributeKey('HubStatus', 'KEYWORD');
const DAY = 24 * 60 * 60_000;
// By the clock of the test server, which runs ahead of ours.
async function in60Days(): Promise<TokenEnds> {
  const now = await bench.env.currentTimeMs();
  return { expiresAt: now + 60 * DAY, dataAccessExpiresAt: now + 90 * DAY };
}

let calls: string[];
let behaviour: {
  exchange: () => 'exchanged' | 'failed';
  refresh: () => Promise<TokenEnds & { moved: boolean }>;
  confirmed: () => Promise<TokenEnds>;
  choose: () => void;
  undelivered: () => boolean;
  mark: () => boolean;
  test: () => { isValid: boolean; subcode: number | null; tokenVersion: number; missingScopes: string[] };
};
beforeEach(() => {
  calls = [];
  behaviour = {
    exchange: () => 'exchanged',
    refresh: async () => ({ ...(await in60Days()), moved: true }),
    confirmed: in60Days,
    choose: () => {},
    undelivered: () => false,
    mark: () => true,
    test: () => ({ isValid: true, subcode: null, tokenVersion: 1, missingScopes: [] }),
  };
});

/** Notes the call, then behaves. */
const noted =
  <R>(call: string, behave: () => R | Promise<R>) =>
  async (): Promise<R> => {
    note(call);
    return behave();
  };

const fakes = {
  beginAttempt: async () => note('begin'),
  exchangeCode: noted('exchange', () => ({ outcome: behaviour.exchange() })),
  failAttempt: async ({ error }) => note(`fail:${error}`),
  isReturnUndelivered: async () => behaviour.undelivered(),
  listAssets: noted('list', () => ({ adAccounts: 2, pages: 1 })),
  chooseAssets: noted('choose', () => behaviour.choose()),
  confirmConnection: noted('confirm', () => behaviour.confirmed()),
  startSyncing: async () => note('sync'),
  refreshToken: noted('refresh', () => behaviour.refresh()),
  testToken: noted('test', () => behaviour.test()),
  noteRefreshFailed: async ({ code }) => note(`failed:${code}`),
  markReconnectNeeded: async ({ reason }) => {
    note(`reconnect:${reason}`);
    return behaviour.mark();
  },
  disconnectMeta: async () => note('disconnect'),
} satisfies ConnectionActivities;
const note = (call: string): void => void calls.push(call);

type Handle = WorkflowHandle<typeof metaConnectionWorkflow>;

async function aWorkflow(): Promise<{ handle: Handle; attemptId: string }> {
  const attemptId = crypto.randomUUID();
  const startWorkflowOperation = new WithStartWorkflowOperation(metaConnectionWorkflow, {
    taskQueue: bench.taskQueue,
    workflowId: `connection:${crypto.randomUUID()}`,
    args: [{ tenantId: 7 }],
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  await bench.env.client.workflow.executeUpdateWithStart(beginUpdate, {
    startWorkflowOperation,
    args: [{ attemptId }],
  });
  const { workflowId } = await startWorkflowOperation.workflowHandle();
  return { handle: bench.env.client.workflow.getHandle(workflowId), attemptId };
}

async function signIn(handle: Handle, attemptId: string): Promise<void> {
  await handle.signal(oauthReturnedSignal, { attemptId });
  await chosen(handle, attemptId);
  await handle.executeUpdate(selectAssetsUpdate, { args: [{ attemptId, adAccountIds: ['1'], pageIds: ['2'] }] });
  await handle.executeUpdate(confirmUpdate, { args: [{ attemptId }] });
  await called('sync');
}

async function aConnection() {
  const started = await aWorkflow();
  await signIn(started.handle, started.attemptId);
  return started;
}

// Read from the visibility store: the test server may hang on a query that meets a local activity.
async function statusOf(handle: Handle): Promise<unknown> {
  const { typedSearchAttributes } = await handle.describe();
  return typedSearchAttributes.get(hubStatusKey);
}
const patience = { timeout: 20_000, interval: 20 };
const reached = (handle: Handle, status: string): Promise<void> =>
  vi.waitFor(async () => expect(await statusOf(handle), `after ${calls.join()}`).toBe(status), patience);
/** Until an activity ran. */
const called = (call: string, times = 1): Promise<void> =>
  vi.waitFor(() => expect(counted(call), `${call} among ${calls.join()}`).toBeGreaterThanOrEqual(times), patience);
/** Until the workflow has taken in what the exchange brought: before, it refuses the choice as too early. */
const chosen = (handle: Handle, attemptId: string): Promise<unknown> =>
  vi.waitFor(() => handle.executeUpdate(selectBusinessUpdate, { args: [{ attemptId, businessId: '2003' }] }), patience);
const refusalOf = (update: Promise<unknown>) =>
  update.then(
    () => 'accepted',
    (error: { cause: { type: string; message: string } }) => `${error.cause.type}:${error.cause.message}`,
  );
const counted = (call: string) => calls.filter((name) => name === call).length;

describe('Connecting', () => {
  it('goes from the sign-in over business, accounts and pages to connected, and starts the first sync', async () => {
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      expect(await statusOf(handle)).toBe('connected');
      expect(calls).toEqual(['begin', 'exchange', 'list', 'choose', 'confirm', 'sync']);
      await handle.terminate();
    });
  });

  it('refuses a step of another attempt and a step too early, and says which', async () => {
    await bench.withActivities(fakes, async () => {
      const { handle, attemptId } = await aWorkflow();
      const early = handle.executeUpdate(confirmUpdate, { args: [{ attemptId }] });
      expect(await refusalOf(early)).toBe('conflict:step');
      const foreign = handle.executeUpdate(confirmUpdate, { args: [{ attemptId: crypto.randomUUID() }] });
      expect(await refusalOf(foreign)).toBe('conflict:superseded');
      await handle.terminate();
    });
  });

  it('ends when the person never comes back within ten minutes', async () => {
    await bench.withActivities(fakes, async () => {
      const { handle } = await aWorkflow();
      await handle.result();
      expect(calls).toEqual(['begin', 'fail:expired']);
    });
  });

  it('waits on when the person came back in time but the news of it is late', async () => {
    let asked = 0;
    behaviour.undelivered = () => ++asked === 1;
    await bench.withActivities(fakes, async () => {
      const { handle } = await aWorkflow();
      await handle.result();
      expect(asked).toBe(2);
      expect(calls).toEqual(['begin', 'fail:expired']);
    });
  });

  it('ends with a reason when Meta rejects the code', async () => {
    behaviour.exchange = () => {
      throw new AppError('invalid', 'Graph oauth_token: 100/36009');
    };
    await bench.withActivities(fakes, async () => {
      const { handle, attemptId } = await aWorkflow();
      await handle.signal(oauthReturnedSignal, { attemptId });
      await handle.result();
      expect(calls).toEqual(['begin', 'exchange', 'fail:code_rejected']);
    });
  });

  it('takes a double return once, and a return of an older attempt not at all', async () => {
    await bench.withActivities(fakes, async () => {
      const { handle, attemptId } = await aWorkflow();
      await handle.signal(oauthReturnedSignal, { attemptId: crypto.randomUUID() });
      await handle.signal(oauthReturnedSignal, { attemptId });
      await chosen(handle, attemptId);
      await handle.signal(oauthReturnedSignal, { attemptId });
      await handle.executeUpdate(testUpdate); // answered after the signal was seen
      expect(counted('exchange')).toBe(1);
      await handle.terminate();
    });
  });

  it('keeps the choices open after one was refused', async () => {
    behaviour.choose = () => {
      throw new AppError('invalid', 'choice refused', { details: { reason: 'no_ad_account' } });
    };
    await bench.withActivities(fakes, async () => {
      const { handle, attemptId } = await aWorkflow();
      await handle.signal(oauthReturnedSignal, { attemptId });
      await chosen(handle, attemptId);
      const choice = { args: [{ attemptId, adAccountIds: [], pageIds: [] }] as const };
      expect(await refusalOf(handle.executeUpdate(selectAssetsUpdate, { args: [choice.args[0] as never] }))).toBe(
        'invalid:refused',
      );
      expect(await refusalOf(handle.executeUpdate(confirmUpdate, { args: [{ attemptId }] }))).toBe('conflict:step');
      await handle.terminate();
    });
  });

  it('lets the old connection serve while somebody signs in again and gives up', async () => {
    await bench.withActivities(fakes, async () => {
      const { handle } = await aConnection();
      const attemptId = crypto.randomUUID();
      await handle.executeUpdate(beginUpdate, { args: [{ attemptId }] });
      await bench.env.sleep('11 minutes');
      await called('fail:expired');
      expect(await statusOf(handle)).toBe('connected');
      await handle.terminate();
    });
  });
});

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

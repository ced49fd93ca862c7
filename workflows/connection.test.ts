import { describe, expect, it } from 'vitest';
import { AppError } from '../domain/error.ts';
import {
  aConnection,
  aWorkflow,
  behaviour,
  bench,
  called,
  calls,
  chosen,
  counted,
  fakes,
  refusalOf,
  signIn,
  statusOf,
} from '../test/connection-workflow.ts';
import { beginUpdate, confirmUpdate, oauthReturnedSignal, selectAssetsUpdate, testUpdate } from './connection.ts';

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

  it('lets a person press "Connect" again after leaving Meta’s window: the newer sign-in counts', async () => {
    await bench.withActivities(fakes, async () => {
      const { handle, attemptId: older } = await aWorkflow();
      const attemptId = crypto.randomUUID();
      await handle.executeUpdate(beginUpdate, { args: [{ attemptId }] });
      await handle.signal(oauthReturnedSignal, { attemptId: older });
      await signIn(handle, attemptId);
      expect(calls).toEqual(['begin', 'begin', 'exchange', 'list', 'choose', 'confirm', 'sync']);
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

import { describe, expect, it } from 'vitest';
import { freePort } from '../adapters/free-port.ts';
import { createYCloud } from '../adapters/ycloud/client.ts';
import { messageBench, SENDS } from '../test/message-bench.ts';
import { messagesOf } from '../test/outbound.ts';
import { silentLog } from '../test/silent-log.ts';

const bench = messageBench();
const { dispatch, newRun, sentTo } = bench;
const noText = { sendText: () => Promise.reject(new Error('no text is sent here')) };

describe('dispatching a template', () => {
  it('sends it once, with both mirrors written', async () => {
    const run = await newRun();
    expect(await dispatch(run)).toEqual({ outcome: 'sent' });
    const { messages, mirrored, logs } = await messagesOf(bench.db.database, run);
    expect(messages.map(({ state }) => state)).toEqual(['accepted']);
    expect([mirrored, logs.map(({ status }) => status)]).toEqual([1, ['accepted']]);
    expect(sentTo(run)).toHaveLength(1);
  });

  it('sends nothing more when it is repeated', async () => {
    const run = await newRun();
    await dispatch(run);
    expect(await dispatch(run)).toEqual({ outcome: 'sent' });
    expect(sentTo(run)).toHaveLength(1);
  });

  it('has the message mirrored before YCloud is called', async () => {
    const run = await newRun();
    const seen: number[] = [];
    const ycloud = {
      ...noText,
      sendTemplate: async () => {
        seen.push((await messagesOf(bench.db.database, run)).mirrored);
        return { outcome: 'unclear', why: 'test' } as const;
      },
    };
    await dispatch(run, { ycloud });
    expect(seen).toEqual([1]);
  });

  it('never sends again what may have been sent: the connection was cut after accepting', async () => {
    const run = await newRun();
    bench.simulator.faults.add({ match: SENDS, kind: 'cut_after_accept' });
    expect(await dispatch(run)).toEqual({ outcome: 'sent' });
    await dispatch(run);
    expect((await messagesOf(bench.db.database, run)).messages[0]?.state).toBe('unconfirmed');
    expect(sentTo(run)).toHaveLength(1);
  });

  it.each([503, 500, 502])('leaves a %d unconfirmed and never retries it', async (status) => {
    const run = await newRun();
    bench.simulator.faults.add({ match: SENDS, kind: status === 502 ? 'html' : 'status', value: status });
    await dispatch(run);
    await dispatch(run);
    expect((await messagesOf(bench.db.database, run)).messages[0]?.state).toBe('unconfirmed');
    expect(sentTo(run)).toHaveLength(0);
  });

  it('leaves an unreadable acceptance unconfirmed', async () => {
    const run = await newRun();
    bench.simulator.faults.add({ match: SENDS, kind: 'truncate' });
    await dispatch(run);
    expect((await messagesOf(bench.db.database, run)).messages[0]?.state).toBe('unconfirmed');
  });

  it('tries again what was certainly not sent, in the same row', async () => {
    const run = await newRun();
    bench.simulator.faults.add({ match: SENDS, kind: 'status', value: 429, times: 1 });
    expect(await dispatch(run)).toMatchObject({ outcome: 'again' });
    expect((await messagesOf(bench.db.database, run)).messages[0]?.state).toBe('claimed');
    expect(await dispatch(run)).toEqual({ outcome: 'sent' });
    const { messages, mirrored } = await messagesOf(bench.db.database, run);
    expect([messages.length, messages[0]?.state, mirrored, sentTo(run).length]).toEqual([1, 'accepted', 1, 1]);
  });

  it('knows that nothing left when nobody listens', async () => {
    const run = await newRun();
    const ycloud = createYCloud({ url: `http://127.0.0.1:${await freePort()}`, log: silentLog });
    expect(await dispatch(run, { ycloud })).toMatchObject({ outcome: 'again' });
    expect((await messagesOf(bench.db.database, run)).messages[0]?.state).toBe('claimed');
  });

  it('gives up after 24 hours of certainly not sending', async () => {
    const run = await newRun();
    bench.simulator.faults.add({ match: SENDS, kind: 'status', value: 429 });
    await dispatch(run);
    const tomorrow = () => new Date(Date.now() + 25 * 60 * 60_000);
    expect(await dispatch(run, { now: tomorrow })).toEqual({ outcome: 'ended', reason: 'gave_up' });
    expect((await messagesOf(bench.db.database, run)).messages[0]?.state).toBe('cancelled');
  });

  it('stops at a refusal', async () => {
    const run = await newRun();
    bench.simulator.faults.add({ match: SENDS, kind: 'code', value: '131009' });
    expect(await dispatch(run)).toEqual({ outcome: 'ended', reason: 'rejected' });
    expect((await messagesOf(bench.db.database, run)).messages[0]?.state).toBe('rejected');
  });

  it('finds its own row sending after a crash, and leaves it unconfirmed', async () => {
    const run = await newRun();
    const crash = {
      ...noText,
      sendTemplate: async () => {
        throw new Error('the process died');
      },
    };
    await expect(dispatch(run, { ycloud: crash })).rejects.toThrow();
    expect(await dispatch(run)).toEqual({ outcome: 'sent' });
    expect((await messagesOf(bench.db.database, run)).messages[0]?.state).toBe('unconfirmed');
    expect(sentTo(run)).toHaveLength(0);
  });

  it('sends once when two attempts race', async () => {
    const run = await newRun();
    await Promise.all([dispatch(run), dispatch(run), dispatch(run)]);
    expect(sentTo(run)).toHaveLength(1);
  });
});

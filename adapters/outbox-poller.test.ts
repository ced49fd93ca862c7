import { expect, it, vi } from 'vitest';
import { silentLog } from '../test/silent-log.ts';
import { startOutboxPoller } from './outbox-poller.ts';

const patience = { timeout: 20_000 };
const rows = (...ids: string[]) => ids.map((object_id) => ({ tenant_id: 1, object_id }));

it('works off what is due, goes on after a failure, and finishes what it began before it stops', async () => {
  const done: string[] = [];
  const batches = [rows('1', '2', '3', '4', '5'), rows('6')];
  const { promise, resolve: release } = Promise.withResolvers<void>();
  const poller = startOutboxPoller({
    due: async () => batches.shift() ?? [],
    work: async (_tenantId, id) => {
      if (id === '2') throw new Error('away');
      if (id === '6') await promise;
      done.push(id);
    },
    everyMs: 60_000,
    log: silentLog,
  });
  await vi.waitFor(() => expect(done).toEqual(expect.arrayContaining(['1', '3', '4', '5'])), patience);
  const stopped = poller.stop();
  release();
  await stopped;
  expect(done).toHaveLength(5);
});

it('looks again when the outbox could not be read', async () => {
  let asked = 0;
  const poller = startOutboxPoller({
    due: async () => {
      asked += 1;
      if (asked === 1) throw new Error('the database is away');
      return [];
    },
    work: async () => {},
    everyMs: 5,
    log: silentLog,
  });
  await vi.waitFor(() => expect(asked).toBeGreaterThan(2), patience);
  await poller.stop();
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../domain/error.ts';
import { silentLog } from '../../test/silent-log.ts';
import { type Dispatcher, type DispatcherDeps, type InboxRow, startDispatcher } from './dispatcher.ts';

let batches: InboxRow[][];
let calls: string[];
let temporalIsDown: boolean;
let due: { work: string; tenant_id: number; object_id: string }[];
let dispatcher: Dispatcher | undefined;
const note = (call: string): void => void calls.push(call);

beforeEach(() => {
  vi.useFakeTimers();
  [batches, calls, temporalIsDown, due, dispatcher] = [[], [], false, [], undefined];
});
afterEach(async () => {
  const stopped = dispatcher?.stop();
  await vi.advanceTimersByTimeAsync(5_000);
  await stopped;
  vi.useRealTimers();
});

let nextId = 1;
const aRow = (given: Partial<InboxRow> = {}): InboxRow => {
  const id = nextId++;
  return {
    id,
    tenant_id: 1,
    provider: 'meta',
    kind: 'leadgen',
    subject: `lead-${id}`,
    source_id: '100',
    attempts: 1,
    received_at: new Date('2026-11-24T12:00:00Z'),
    ...given,
  };
};
const idsOf = (rows: readonly InboxRow[]) => rows.map(({ id }) => id);

function start(given: Partial<DispatcherDeps> = {}): Dispatcher {
  dispatcher = startDispatcher({
    take: async (max, perTenant) => {
      note(`take:${max}:${perTenant}`);
      return batches.shift() ?? [];
    },
    done: async (tenantId, ids) => note(`done:${tenantId}:${ids}`),
    failed: async (tenantId, ids, error) => {
      note(`failed:${tenantId}:${ids}:${error}`);
      return 0;
    },
    release: async (tenantId, ids) => note(`release:${tenantId}:${ids}`),
    dueWork: async () => due.splice(0),
    startIntake: async ({ tenantId, leadgenId, pageId, receivedAt }) => {
      if (temporalIsDown) throw new AppError('unavailable', 'Temporal does not answer');
      note(`intake:${tenantId}:${leadgenId}:${pageId}:${new Date(receivedAt).getUTCHours()}`);
    },
    applyYcloud: async (tenantId, rows) => note(`ycloud:${tenantId}:${idsOf(rows)}`),
    work: {},
    onParked: (count) => note(`parked:${count}`),
    log: silentLog,
    ...given,
  });
  return dispatcher;
}
const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);
const withoutTakes = () => calls.filter((call) => !call.startsWith('take'));

describe('The dispatcher', () => {
  it('takes up to 100 rows, at most 20 of one tenant, and marks what it moved on', async () => {
    const row = aRow();
    batches = [[row]];
    start();
    await settle();
    expect(calls[0]).toBe('take:100:20');
    expect(withoutTakes()).toEqual([`intake:1:${row.subject}:100:12`, `done:1:${row.id}`]);
  });

  it('hands what YCloud said to the tables tenant by tenant', async () => {
    const [mine, theirs] = [
      aRow({ provider: 'ycloud', kind: 'status' }),
      aRow({ provider: 'ycloud', kind: 'status', tenant_id: 2 }),
    ];
    batches = [[mine, theirs]];
    start();
    await settle();
    expect(withoutTakes().sort()).toEqual([`ycloud:1:${mine.id}`, `ycloud:2:${theirs.id}`]);
  });

  it('looks once a second while nothing comes, and at once when it is told of news', async () => {
    start();
    await settle();
    expect(calls).toHaveLength(1);
    await settle(999);
    expect(calls).toHaveLength(1);
    await settle(1);
    expect(calls).toHaveLength(2);
    dispatcher?.nudge();
    await settle();
    expect(calls).toHaveLength(3);
  });

  it('lets rows be tried again while Temporal is down, and moves them on when it is back', async () => {
    const row = aRow();
    temporalIsDown = true;
    batches = [[row], [row]];
    const stopped = start();
    await settle();
    expect(withoutTakes()[0]).toBe(`failed:1:${row.id}:unavailable`);
    temporalIsDown = false;
    batches = [[row]];
    stopped.nudge();
    await settle(1_000);
    expect(calls).toContain(`done:1:${row.id}`);
  });

  it('does not hold other leads back for one that cannot be started', async () => {
    const rows = [aRow(), aRow()];
    batches = [rows];
    start({
      startIntake: async ({ leadgenId }) => {
        if (leadgenId === rows[0]?.subject) throw new Error('odd');
      },
    });
    await settle();
    expect(withoutTakes()).toEqual([`done:1:${rows[1]?.id}`, `failed:1:${rows[0]?.id}:unexpected`]);
  });

  it('does not hold other messages back for one that cannot be applied', async () => {
    const [first, bad, last] = [1, 2, 3].map(() => aRow({ provider: 'ycloud', kind: 'inbound' })) as [
      InboxRow,
      InboxRow,
      InboxRow,
    ];
    batches = [[first, bad, last]];
    start({
      applyYcloud: async (_, rows) => {
        if (rows.includes(bad)) throw new TypeError('no such moment');
        note(`ycloud:${idsOf(rows)}`);
      },
    });
    await settle();
    expect(withoutTakes()).toEqual([`ycloud:${first.id}`, `failed:1:${bad.id}:unexpected`, `ycloud:${last.id}`]);
  });

  it('asks once for all while the other side is away', async () => {
    const rows = [aRow({ provider: 'ycloud', kind: 'template' }), aRow({ provider: 'ycloud', kind: 'template' })];
    batches = [rows];
    let asked = 0;
    start({
      applyYcloud: async () => {
        asked++;
        throw new AppError('unavailable', 'YCloud does not answer');
      },
    });
    await settle();
    expect([asked, withoutTakes()]).toEqual([1, [`failed:1:${idsOf(rows)}:unavailable`]]);
  });

  it('raises the alarm for rows that were given up', async () => {
    batches = [[aRow({ provider: 'ycloud' })]];
    start({ applyYcloud: () => Promise.reject(new Error('odd')), failed: async () => 1 });
    await settle();
    expect(calls).toContain('parked:1');
  });

  it('goes on after a round that failed as a whole', async () => {
    let isDown = true;
    start({
      take: async () => {
        note('take');
        if (isDown) throw new Error('database away');
        return [];
      },
    });
    await settle();
    isDown = false;
    await settle(2_000);
    expect(calls).toHaveLength(2);
  });

  it('does what is due, and goes on when one piece of it fails', async () => {
    due = [
      { work: 'stale_send', tenant_id: 1, object_id: 'm' },
      { work: 'waiting_lead', tenant_id: 2, object_id: '77' },
      { work: 'unheard_of', tenant_id: 3, object_id: 'x' },
    ];
    start({
      work: {
        stale_send: () => Promise.reject(new Error('odd')),
        waiting_lead: async (tenantId, leadgenId) => note(`waiting:${tenantId}:${leadgenId}`),
      },
    });
    await settle();
    expect(withoutTakes()).toEqual(['waiting:2:77']);
  });

  it('begins no more work of a kind whose other side is away, and leaves the rest for its next look', async () => {
    due = Array.from({ length: 50 }, (_, n) => ({ work: 'waiting_lead', tenant_id: 1, object_id: `${n}` }));
    due.push({ work: 'stale_send', tenant_id: 1, object_id: 'm' });
    let asked = 0;
    start({
      work: {
        waiting_lead: () => {
          asked += 1;
          return Promise.reject(new AppError('unavailable', 'Temporal does not answer'));
        },
        stale_send: async (_tenantId, messageId) => note(`stale:${messageId}`),
      },
    });
    await settle();
    expect([asked, withoutTakes()]).toEqual([20, ['stale:m']]);
  });

  it('begins no more due work once it is stopped', async () => {
    due = Array.from({ length: 50 }, (_, n) => ({ work: 'waiting_lead', tenant_id: 1, object_id: `${n}` }));
    let finish: () => void = () => {};
    const isFree = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let begun = 0;
    const running = start({
      work: {
        waiting_lead: () => {
          begun += 1;
          return isFree;
        },
      },
    });
    await settle();
    const stopped = running.stop();
    finish();
    await settle();
    await stopped;
    expect(begun).toBe(20);
  });

  it('finishes the round under way when it is stopped, and hands back what came too late', async () => {
    const row = aRow();
    let give: (rows: InboxRow[]) => void = () => {};
    const stopped = start({ take: () => new Promise((resolve) => (give = resolve)) }).stop();
    give([row]);
    await settle();
    await stopped;
    expect(calls).toEqual([`release:1:${row.id}`]);
  });
});

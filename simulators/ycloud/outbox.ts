import type { Endpoint } from './accounts.ts';
import { createDueQueue } from './due-queue.ts';

/** Seconds to wait after each failure; after the last the event is dropped. */
export const RETRY_SECONDS = [10, 30, 300, 1800, 3600, 7200, 7200] as const;
const AT_ONCE = 8;
const SUSPENDED_MS = 3 * 60_000;
const MOST_FAILURES = 200;
const MOST_FAILING_MS = 10 * 60_000;
const MINUTE_MS = 60_000;

export interface Delivery {
  body: string;
  attempt: number;
  /** In the simulator's time. */
  due: number;
  isBadlySigned: boolean;
  /** Called once, after the first attempt or instead of it. */
  tried: () => void;
}

export interface OutboxDeps {
  endpoint: Endpoint;
  now: () => number;
  /** Sends it and returns the HTTP status, 0 without an answer. */
  post: (endpoint: Endpoint, delivery: Delivery) => Promise<number>;
}

export type Outbox = ReturnType<typeof createOutbox>;

/** What waits for one endpoint: a few at once, retried by the schedule, silent while suspended. */
export function createOutbox({ endpoint, now, post }: OutboxDeps) {
  const waiting = createDueQueue<Delivery>();
  let failures: { at: number; lastedMs: number }[] = [];
  let suspendedUntil = 0;
  let underWay = 0;
  let epoch = 0;
  let timer: NodeJS.Timeout | undefined;

  const isSuspended = () => suspendedUntil > now();

  const pump = () => {
    clearTimeout(timer);
    while (underWay < AT_ONCE && (waiting.first()?.due ?? Number.POSITIVE_INFINITY) <= now()) {
      const delivery = waiting.take();
      if (!delivery) return;
      underWay++;
      void attempt(delivery).finally(() => {
        underWay--;
        pump();
      });
    }
    const next = waiting.first();
    if (next && underWay < AT_ONCE)
      timer = setTimeout(pump, Math.min(Math.max(next.due - now(), 1), MINUTE_MS)).unref();
  };

  const attempt = async (delivery: Delivery): Promise<void> => {
    const startedIn = epoch;
    if (endpoint.status !== 'active') return delivery.tried();
    if (isSuspended()) {
      delivery.tried();
      return again(delivery, 0); // this attempt of an older event is lost, its later ones are not
    }
    const startedAt = performance.now();
    const status = await post(endpoint, delivery);
    delivery.tried();
    if ((status >= 200 && status < 300) || startedIn !== epoch) return;
    const lastedMs = performance.now() - startedAt;
    noteFailure(lastedMs);
    again(delivery, lastedMs);
  };

  /** Counts from when this attempt was due, so that a clock moved far ahead finds every attempt of that time due. */
  const again = ({ attempt: last, due, ...delivery }: Delivery, lastedMs: number) => {
    const wait = RETRY_SECONDS[last - 1];
    if (wait !== undefined) waiting.add({ ...delivery, attempt: last + 1, due: due + lastedMs + wait * 1000 });
  };

  const noteFailure = (lastedMs: number) => {
    failures = [...failures, { at: now(), lastedMs }].filter(({ at }) => at > now() - MINUTE_MS);
    const failingMs = failures.reduce((sum, each) => sum + each.lastedMs, 0);
    if (failures.length <= MOST_FAILURES && failingMs <= MOST_FAILING_MS) return;
    suspendedUntil = now() + SUSPENDED_MS;
    failures = [];
  };

  return {
    /** An event of a suspended or sleeping endpoint is not kept for later. */
    add(delivery: Delivery) {
      if (endpoint.status !== 'active' || isSuspended()) return delivery.tried();
      waiting.add(delivery);
      pump();
    },
    pump,
    state: () => ({ endpointId: endpoint.id, waiting: waiting.size(), underWay, isSuspended: isSuspended() }),
    clear() {
      epoch++;
      waiting.clear();
      failures = [];
      suspendedUntil = 0;
      clearTimeout(timer);
    },
  };
}

import { randomBytes } from 'node:crypto';
import type { Account, Endpoint } from './accounts.ts';
import type { Ledger } from './ledger.ts';
import { createOutbox, type Delivery, type Outbox } from './outbox.ts';
import { fraction } from './random.ts';
import type { Settings } from './settings.ts';
import { postEvent } from './wire.ts';

export interface EmitOptions {
  delayMs?: number;
  /** The same event again, with the same id and body. */
  times?: number;
  /** The same id again with another body, which a receiver must not apply. */
  conflict?: Record<string, unknown>;
  isBadlySigned?: boolean;
  /** Goes to endpoints that did not ask for this type too. */
  isForAll?: boolean;
}

export interface WebhookDeps {
  ledger: Ledger;
  settings: Settings;
  seed: number;
  now: () => number;
}

export type Webhooks = ReturnType<typeof createWebhooks>;

/** Delivers events to the endpoints that asked for them, signed anew each time: at least once, in no order. */
export function createWebhooks({ ledger, settings, seed, now }: WebhookDeps) {
  // Ids must differ from start to start: a receiver remembers those it has seen.
  const prefix = `evt_${randomBytes(5).toString('hex')}`;
  const outboxes = new Map<string, Outbox>();
  const underWay = new Set<AbortController>();
  let count = 0;

  const post = async (endpoint: Endpoint, { body, attempt, isBadlySigned }: Delivery): Promise<number> => {
    const secret = isBadlySigned ? `${endpoint.secret}-wrong` : endpoint.secret;
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), settings.webhookTimeoutMs);
    underWay.add(patience);
    const status = await postEvent({ url: endpoint.url, secret }, body, patience.signal);
    clearTimeout(timer);
    // What was under way when everything was cleared belongs to no ledger any more.
    if (underWay.delete(patience)) ledger.delivery({ url: endpoint.url, status, attempt });
    return status;
  };
  const outboxOf = (endpoint: Endpoint): Outbox => {
    const outbox = outboxes.get(endpoint.id) ?? createOutbox({ endpoint, now, post });
    outboxes.set(endpoint.id, outbox);
    return outbox;
  };
  const pumpAll = () => {
    for (const outbox of outboxes.values()) outbox.pump();
  };

  return {
    /** Queues one event for the account's endpoints that want its type; resolves once each was tried for the first time. */
    async emit(
      account: Account,
      type: string,
      payload: Record<string, unknown>,
      options: EmitOptions = {},
    ): Promise<void> {
      const { delayMs = 0, times = 1, conflict, isBadlySigned = false, isForAll = false } = options;
      const number = ++count;
      const id = `${prefix}${number.toString(36).padStart(6, '0')}`;
      const event = { id, type, apiVersion: 'v2', createTime: new Date(now()).toISOString(), ...payload };
      const body = JSON.stringify(surprised(event, seed, number, settings.surprises));
      const bodies = [...Array(times).fill(body), ...(conflict ? [JSON.stringify({ ...event, ...conflict })] : [])];
      const wanting = [...account.endpoints.values()].filter(
        (endpoint) => endpoint.status === 'active' && (isForAll || endpoint.enabledEvents.includes(type)),
      );
      const sent = wanting.flatMap((endpoint) =>
        bodies.map(
          (each: string) =>
            new Promise<void>((tried) =>
              outboxOf(endpoint).add({ body: each, attempt: 1, due: now() + delayMs, isBadlySigned, tried }),
            ),
        ),
      );
      await Promise.all(sent);
    },
    /** Sends what has become due. */
    pump: pumpAll,
    state: () => [...outboxes.values()].map((outbox) => outbox.state()),
    clear() {
      for (const patience of underWay) patience.abort();
      underWay.clear();
      for (const outbox of outboxes.values()) outbox.clear();
      outboxes.clear();
    },
  };
}

/** New fields and new enum values may appear at any time; which events carry one depends on the seed alone. */
function surprised(event: Record<string, unknown>, seed: number, number: number, share: number): object {
  if (fraction(seed, 'surprise', number) >= share) return event;
  if (fraction(seed, 'kind', number) < 0.5) return { ...event, futureField: { since: 'v2.9', flags: [number % 7] } };
  const inner = Object.entries(event).find(([, value]) => typeof value === 'object' && value !== null);
  if (!inner) return { ...event, futureField: null };
  return { ...event, [inner[0]]: { ...(inner[1] as object), bizType: 'future_kind', futureDetail: ['?', number] } };
}

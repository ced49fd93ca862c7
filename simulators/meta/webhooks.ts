import type { Clock } from './clock.ts';
import type { Lead } from './leads.ts';
import type { Ledger } from './ledger.ts';
import type { Settings } from './settings.ts';
import { webhookPayload } from './webhook-payload.ts';
import { hmacHex, metaJson } from './wire.ts';

/** How a set of leads goes out. */
export interface DeliveryOptions {
  /** Changes per POST, 1 to 1000. */
  readonly batch: number;
  readonly delaySeconds: number;
  /** Signs with a wrong key: the receiver must refuse it. */
  readonly badSignature: boolean;
  /** Puts a change of another field beside the leads, with names and addresses that need escaping. */
  readonly foreign: boolean;
}

/** The sending side of the app's `page` subscription. */
export interface Webhooks {
  /** Queues one POST per batch and returns at once. */
  queue(leads: readonly Lead[], options: DeliveryOptions): void;
  /** Sends what has become due by the simulator's clock. */
  wake(): void;
  /** Resolves when nothing is being sent and nothing is due now; redeliveries may still wait for their time. */
  idle(): Promise<void>;
  waiting(): number;
  clear(): void;
}

interface Delivery {
  readonly leads: readonly Lead[];
  readonly badSignature: boolean;
  readonly foreign: boolean;
  readonly firstAt: number;
  dueAt: number;
  attempts: number;
}

interface Deps {
  readonly app: { readonly secret: string; readonly callbackUrl: string | undefined };
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly settings: Settings;
}

/** Seconds before each further attempt: at once, then less and less often; the last step repeats up to 36 hours. */
const RETRY_SECONDS = [0, 5, 30, 300, 900, 3600, 7200, 14_400] as const;
const GIVE_UP_MS = 36 * 3600 * 1000;
const ANSWER_TIMEOUT_MS = 10_000;

/** Nothing queued at first. */
export function createWebhooks(deps: Deps): Webhooks {
  return new WebhookQueue(deps);
}

class WebhookQueue implements Webhooks {
  readonly #deps: Deps;
  #ready: Delivery[] = [];
  #waiting: Delivery[] = [];
  #active = 0;
  /** Moves with each `clear`, so that what was under way then is not tried again. */
  #epoch = 0;
  #timer: NodeJS.Timeout | undefined;
  #idlers: (() => void)[] = [];

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  queue(leads: readonly Lead[], { batch, delaySeconds, badSignature, foreign }: DeliveryOptions): void {
    const firstAt = this.#deps.clock.now() + delaySeconds * 1000;
    for (let start = 0; start < leads.length; start += batch) {
      const part = leads.slice(start, start + batch);
      this.#waiting.push({ leads: part, badSignature, foreign, firstAt, dueAt: firstAt, attempts: 0 });
    }
    setImmediate(() => this.wake());
  }

  wake(): void {
    const now = this.#deps.clock.now();
    this.#ready.push(...this.#waiting.filter((delivery) => delivery.dueAt <= now));
    this.#waiting = this.#waiting.filter((delivery) => delivery.dueAt > now);
    clearTimeout(this.#timer);
    if (this.#waiting.length > 0) {
      const next = this.#waiting.reduce((earliest, { dueAt }) => Math.min(earliest, dueAt), Number.POSITIVE_INFINITY);
      this.#timer = setTimeout(() => this.wake(), Math.min(next - now, 3_600_000)).unref();
    }
    this.#pump();
  }

  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idlers.push(resolve);
      setImmediate(() => this.wake());
    });
  }

  waiting(): number {
    return this.#waiting.length + this.#ready.length + this.#active;
  }

  clear(): void {
    this.#epoch += 1;
    this.#ready = [];
    this.#waiting = [];
    clearTimeout(this.#timer);
  }

  #pump(): void {
    while (this.#active < this.#deps.settings.deliveryConcurrency) {
      const delivery = this.#ready.shift();
      if (delivery === undefined) {
        break;
      }
      this.#active += 1;
      void this.#send(delivery).finally(() => {
        this.#active -= 1;
        this.#pump();
      });
    }
    if (this.#active === 0 && this.#ready.length === 0) {
      for (const resolve of this.#idlers.splice(0)) {
        resolve();
      }
    }
  }

  async #send(delivery: Delivery): Promise<void> {
    const { clock } = this.#deps;
    const epoch = this.#epoch;
    delivery.attempts += 1;
    const arrived = await post(this.#deps, delivery);
    if (arrived || epoch !== this.#epoch || clock.now() - delivery.firstAt > GIVE_UP_MS) {
      return;
    }
    const pause = RETRY_SECONDS[Math.min(delivery.attempts, RETRY_SECONDS.length) - 1] ?? 0;
    delivery.dueAt = clock.now() + pause * 1000;
    this.#waiting.push(delivery);
    this.wake();
  }
}

async function post({ app, clock, ledger }: Deps, delivery: Delivery): Promise<boolean> {
  const { callbackUrl, secret } = app;
  if (callbackUrl === undefined) {
    return true; // no subscription, nobody to tell
  }
  const body = metaJson(webhookPayload(delivery, clock.seconds()));
  const key = delivery.badSignature ? `${secret}-wrong` : secret;
  const status = await fetch(callbackUrl, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'user-agent': 'facebookexternalua',
      accept: '*/*',
      'x-hub-signature': `sha1=${hmacHex(key, body, 'sha1')}`,
      'x-hub-signature-256': `sha256=${hmacHex(key, body)}`,
    },
    body,
    redirect: 'manual',
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  }).then(
    async (response) => {
      await response.arrayBuffer();
      return response.status;
    },
    () => 0,
  );
  ledger.delivery({ url: callbackUrl.split('?')[0] ?? '', status, attempt: delivery.attempts });
  return status === 200;
}

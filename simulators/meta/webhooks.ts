import type { Clock } from './clock.ts';
import type { Lead } from './leads.ts';
import type { Ledger } from './ledger.ts';
import type { Settings } from './settings.ts';
import { hmacHex, metaJson, rawNumber } from './wire.ts';

/** How a set of leads goes out. */
export interface DeliveryOptions {
  /** Changes per POST, 1 to 1000. */
  readonly batch: number;
  readonly delaySeconds: number;
  /** Signs with a wrong key: the receiver must refuse it. */
  readonly badSignature: boolean;
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
  const { clock, settings } = deps;
  let ready: Delivery[] = [];
  let waiting: Delivery[] = [];
  let active = 0;
  let timer: NodeJS.Timeout | undefined;
  const idlers: (() => void)[] = [];

  const pump = () => {
    while (active < settings.deliveryConcurrency) {
      const delivery = ready.shift();
      if (delivery === undefined) {
        break;
      }
      active += 1;
      void send(delivery).finally(() => {
        active -= 1;
        pump();
      });
    }
    if (active === 0 && ready.length === 0) {
      for (const resolve of idlers.splice(0)) {
        resolve();
      }
    }
  };
  const wake = () => {
    const now = clock.now();
    ready.push(...waiting.filter((delivery) => delivery.dueAt <= now));
    waiting = waiting.filter((delivery) => delivery.dueAt > now);
    clearTimeout(timer);
    if (waiting.length > 0) {
      const next = waiting.reduce((earliest, { dueAt }) => Math.min(earliest, dueAt), Number.POSITIVE_INFINITY);
      timer = setTimeout(wake, Math.min(next - now, 3_600_000)).unref();
    }
    pump();
  };
  const send = async (delivery: Delivery) => {
    delivery.attempts += 1;
    if ((await post(deps, delivery)) || clock.now() - delivery.firstAt > GIVE_UP_MS) {
      return;
    }
    const pause = RETRY_SECONDS[Math.min(delivery.attempts, RETRY_SECONDS.length) - 1] ?? 0;
    delivery.dueAt = clock.now() + pause * 1000;
    waiting.push(delivery);
    wake();
  };

  return {
    queue: (leads, { batch, delaySeconds, badSignature }) => {
      const firstAt = clock.now() + delaySeconds * 1000;
      for (let start = 0; start < leads.length; start += batch) {
        const part = leads.slice(start, start + batch);
        waiting.push({ leads: part, badSignature, firstAt, dueAt: firstAt, attempts: 0 });
      }
      setImmediate(wake);
    },
    wake,
    idle: () =>
      new Promise((resolve) => {
        idlers.push(resolve);
        setImmediate(wake);
      }),
    waiting: () => waiting.length + ready.length + active,
    clear: () => {
      ready = [];
      waiting = [];
      clearTimeout(timer);
    },
  };
}

async function post({ app, clock, ledger }: Deps, delivery: Delivery): Promise<boolean> {
  const { callbackUrl, secret } = app;
  if (callbackUrl === undefined) {
    return true; // no subscription, nobody to tell
  }
  const body = metaJson(payloadOf(delivery.leads, Math.floor(clock.now() / 1000)));
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

/** One entry per page; ids as numbers for one lead and as text for the next. Organic leads have no ad. */
function payloadOf(leads: readonly Lead[], time: number): unknown {
  const pages = Map.groupBy(leads, (lead) => lead.pageId);
  const entry = [...pages].map(([id, ofPage]) => ({
    id,
    time,
    changes: ofPage.map((lead) => {
      const idOf = (digits: string) => (lead.numericIds ? rawNumber(digits) : digits);
      const ad =
        lead.adId === undefined
          ? lead.test
            ? { ad_id: 0, adgroup_id: 0 }
            : {}
          : { ad_id: idOf(lead.adId), adgroup_id: idOf(lead.adId) };
      return {
        field: 'leadgen',
        value: {
          created_time: Math.floor(lead.createdAt / 1000),
          leadgen_id: idOf(lead.id),
          page_id: idOf(lead.pageId),
          form_id: idOf(lead.formId),
          ...ad,
        },
      };
    }),
  }));
  return { object: 'page', entry };
}

import { z } from 'zod';
import { AppError } from '../../domain/error.ts';

/** One call with a key; throws AppError for what is not 2xx and for no answer. */
export type YCloudRequest = <T>(
  key: string,
  path: string,
  schema: z.ZodType<T>,
  send?: { method: 'POST' | 'PATCH' | 'DELETE'; body?: object },
) => Promise<T>;

const endpoint = z.object({
  id: z.string(),
  url: z.string(),
  status: z.string().default(''),
  enabledEvents: z.array(z.string()).default([]),
  secret: z.string().optional(),
});
const optOuts = z.object({
  items: z.array(
    z.object({ customer: z.string(), channel: z.string().default('whatsapp'), createTime: z.string().optional() }),
  ),
  cursor: z.object({ after: z.string().optional() }).default({}),
});
/** Who is on YCloud's list of those who want no more messages. */
export interface YCloudOptOut {
  phone: string;
  /** As YCloud writes it; null when it names no time. */
  since: string | null;
}
const MOST_PAGES = 1_000;
const balance = z
  .object({ amount: z.union([z.number(), z.string()]), currency: z.string().length(3) })
  .transform(({ amount, currency }) => ({ amount: String(amount), currency }));

const unless =
  (code: string) =>
  (error: unknown): void => {
    if (!(error instanceof AppError && error.details?.['code'] === code)) throw error;
  };

/** The account behind a key: where it sends its events, and what is left to send with (reference/ycloud.md 4.1, 5.6). */
export function createYCloudAccount(request: YCloudRequest) {
  const secretOf = ({ secret }: z.output<typeof endpoint>): string => {
    if (secret === undefined) throw new AppError('unavailable', 'YCloud gave no secret');
    return secret;
  };
  return {
    webhookEndpoints: async (key: string) =>
      (await request(key, '/webhookEndpoints?page=1&limit=100', z.object({ items: z.array(endpoint) }))).items,
    /** Returns the secret that its events will be signed with. */
    createWebhookEndpoint: async (key: string, given: { url: string; enabledEvents: readonly string[] }) =>
      secretOf(await request(key, '/webhookEndpoints', endpoint, { method: 'POST', body: given })),
    updateWebhookEndpoint: async (
      key: string,
      id: string,
      given: { status: 'active'; enabledEvents: readonly string[] },
    ) => {
      await request(key, `/webhookEndpoints/${encodeURIComponent(id)}`, endpoint, { method: 'PATCH', body: given });
    },
    /** A fresh secret; the one before ends at once. */
    rotateWebhookSecret: async (key: string, id: string) =>
      secretOf(
        await request(key, `/webhookEndpoints/${encodeURIComponent(id)}/rotateSecret`, endpoint, {
          method: 'POST',
          body: {},
        }),
      ),
    /** The whole list, whatever its length. */
    async optOuts(key: string): Promise<YCloudOptOut[]> {
      const all: YCloudOptOut[] = [];
      let after: string | undefined;
      for (let page = 0; page < MOST_PAGES; page++) {
        const place = after === undefined ? '' : `&pageAfter=${encodeURIComponent(after)}`;
        const { items, cursor } = await request(
          key,
          `/unsubscribers?filter.channel=whatsapp&limit=100${place}`,
          optOuts,
        );
        all.push(...items.map(({ customer, createTime }) => ({ phone: customer, since: createTime ?? null })));
        after = cursor.after;
        if (after === undefined) break;
      }
      return all;
    },
    /** Adds a phone to the list; one that is there stays. */
    addOptOut: (key: string, phone: string): Promise<void> =>
      request(key, '/unsubscribers', z.unknown(), {
        method: 'POST',
        body: { customer: phone, channel: 'whatsapp', type: 'PHONE_NUMBER' },
      }).then(() => {}, unless('ALREADY_EXISTS')),
    /** Takes a phone off the list; one that is not there is none. */
    removeOptOut: (key: string, phone: string): Promise<void> =>
      request(key, `/unsubscribers/${encodeURIComponent(phone)}/whatsapp`, z.unknown(), { method: 'DELETE' }).then(
        () => {},
        unless('NOT_FOUND'),
      ),
    /** Money as decimal text. */
    balance: (key: string) => request(key, '/balance', balance),
  };
}

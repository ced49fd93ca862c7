import { z } from 'zod';
import { AppError } from '../../domain/error.ts';

/** One call with a key; throws AppError for what is not 2xx and for no answer. */
export type YCloudRequest = <T>(
  key: string,
  path: string,
  schema: z.ZodType<T>,
  send?: { method: 'POST' | 'PATCH'; body: object },
) => Promise<T>;

const endpoint = z.object({
  id: z.string(),
  url: z.string(),
  status: z.string().default(''),
  enabledEvents: z.array(z.string()).default([]),
  secret: z.string().optional(),
});
const balance = z
  .object({ amount: z.union([z.number(), z.string()]), currency: z.string().length(3) })
  .transform(({ amount, currency }) => ({ amount: String(amount), currency }));

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
    /** Money as decimal text. */
    balance: (key: string) => request(key, '/balance', balance),
  };
}

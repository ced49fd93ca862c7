import { z } from 'zod';
import type { Graph } from './graph.ts';
import { allRows, metaId } from './paging.ts';

const success = z.object({ success: z.literal(true) });
const subscriptionRow = z
  .object({ id: metaId, subscribed_fields: z.array(z.string()).default([]) })
  .transform((row) => ({ appId: row.id, fields: row.subscribed_fields }));
export type PageSubscription = z.output<typeof subscriptionRow>;

const appSubscriptionRow = z
  .object({
    object: z.string(),
    callback_url: z.string().default(''),
    active: z.boolean().default(true),
    fields: z.array(z.union([z.string(), z.object({ name: z.string() })])).default([]),
  })
  .transform((row) => ({
    object: row.object,
    callbackUrl: row.callback_url,
    isActive: row.active,
    fields: row.fields.map((field) => (typeof field === 'string' ? field : field.name)),
  }));

/** A page's subscription to our app, always with the page's own token. */
export function createPageSubscriptions(graph: Graph) {
  const edge = (pageToken: string, pageId: string) => ({
    endpoint: 'subscribed_apps' as const,
    path: `${encodeURIComponent(pageId)}/subscribed_apps`,
    token: pageToken,
    assetId: pageId,
    limits: ['pages'],
  });
  return {
    /** Asks Meta to send this page's leads to the app's webhook. Safe to repeat. `permission_missing` without pages_manage_metadata. */
    async subscribe(pageToken: string, pageId: string): Promise<void> {
      const params = { subscribed_fields: 'leadgen' };
      await graph.call({ ...edge(pageToken, pageId), method: 'POST', params, schema: success });
    },
    async unsubscribe(pageToken: string, pageId: string): Promise<void> {
      await graph.call({ ...edge(pageToken, pageId), method: 'DELETE', schema: success });
    },
    /** Where Meta sends what the app's pages tell: one address for each kind of object (reference/meta.md section 7). */
    async appSubscriptions() {
      const { appId, appSecret } = graph.config;
      const reply = await graph.call({
        endpoint: 'app_subscriptions',
        path: `${appId}/subscriptions`,
        token: `${appId}|${appSecret}`,
        schema: z.object({ data: z.array(appSubscriptionRow).default([]) }),
      });
      return reply.data;
    },
    subscriptions: (pageToken: string, pageId: string): Promise<PageSubscription[]> =>
      allRows(graph, { ...edge(pageToken, pageId), row: subscriptionRow, limit: 25 }),
  };
}

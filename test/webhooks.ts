import { createHmac } from 'node:crypto';
import { sql } from 'slonik';
import { beforeAll } from 'vitest';
import { createMetrics } from '../adapters/metrics.ts';
import { asAdmin } from '../dev/stack/roles.ts';
import { webhookRoutes } from '../web/webhooks.ts';
import { type TestApp, testApp } from './app.ts';
import { type TestDatabase, testDatabase } from './database.ts';
import { silentLog } from './silent-log.ts';

const GLOBAL_SECRET = 'whsec_global_for_tests';

interface InboxRow {
  dedupe_key: string;
  tenant_id: number | null;
  state: string;
  subject: string | null;
}

/** The webhook routes of one test file over a database of its own, and the two senders' way to sign. */
export function webhookBench() {
  const bench = { nudges: 0 } as { db: TestDatabase; app: TestApp; nudges: number };
  let nextPage = 500;
  beforeAll(async () => {
    bench.db = await testDatabase();
    bench.app = await testApp(
      bench.db,
      ({ config, stores }) =>
        webhookRoutes({
          config,
          inbox: stores.inbox,
          credentials: stores.credentials,
          metrics: createMetrics(),
          log: silentLog,
          nudge: () => void bench.nudges++,
        }),
      { YCLOUD_WEBHOOK_SECRET: GLOBAL_SECRET },
    );
  });
  const metaSignature = (body: string) =>
    `sha256=${createHmac('sha256', bench.app.config.META_APP_SECRET).update(body).digest('hex')}`;
  const rows = () =>
    asAdmin(
      bench.db.adminUrl,
      async (client) =>
        (await client.query<InboxRow>('SELECT dedupe_key, tenant_id, state, subject FROM webhook_events ORDER BY id'))
          .rows,
    );
  return {
    bench,
    rows,
    metaSignature,
    rowsWith: async (text: string) =>
      (await rows()).filter((row) => row.dedupe_key.includes(text) || row.subject === text),
    /** A page that these tenants connected. */
    async aPage(...tenants: number[]): Promise<string> {
      const pageId = String(nextPage++);
      for (const tenantId of tenants) {
        await bench.db.database.inTenant(tenantId, (tx) =>
          tx.query(
            sql.unsafe`INSERT INTO pages (tenant_id, page_id, name, subscribed_at) VALUES (${tenantId}, ${pageId}, 'Aurora', now())`,
          ),
        );
      }
      return pageId;
    },
    postMeta: (body: string, signature = metaSignature(body)) =>
      fetch(`${bench.app.url}/crm/webhook/meta`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', 'x-hub-signature-256': signature },
      }),
    postYcloud(
      event: object | string,
      { path = '/webhook/ycloud', secret = GLOBAL_SECRET, at = Math.floor(Date.now() / 1000) } = {},
    ) {
      const body = typeof event === 'string' ? event : JSON.stringify(event);
      const signature = `t=${at},s=${createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`;
      return fetch(bench.app.url + path, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', 'ycloud-signature': signature },
      });
    },
  };
}

/** What Meta sends of these leads of a page. */
export const leadgen = (pageId: string, ids: readonly string[]): string =>
  JSON.stringify({
    object: 'page',
    entry: [
      {
        id: pageId,
        time: 1,
        changes: ids.map((id) => ({ field: 'leadgen', value: { leadgen_id: id, page_id: pageId, form_id: '1' } })),
      },
    ],
  });

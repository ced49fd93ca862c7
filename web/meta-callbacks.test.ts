import { createHmac } from 'node:crypto';
import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { asAdmin } from '../dev/stack/roles.ts';
import { type TestApp, testApp } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { META_APP, metaBench } from '../test/meta-simulator.ts';
import { silentLog } from '../test/silent-log.ts';
import type { TokenRejection } from '../workflows/connection.ts';
import { metaCallbackRoutes } from './meta-callbacks.ts';

const bench = metaBench();
let db: TestDatabase;
let app: TestApp;
let rejections: (TokenRejection & { tenantId: number })[];
let warnings: string[];

beforeAll(async () => {
  db = await testDatabase();
  app = await testApp(
    db,
    ({ config, stores }) =>
      metaCallbackRoutes({
        ...stores,
        config,
        workflows: {
          tokenRejected: async (tenantId, rejection) => rejections.push({ tenantId, ...rejection }) > 0,
        },
        log: { ...silentLog, warn: (...given: unknown[]) => void warnings.push(JSON.stringify(given)) } as never,
        nudge: () => {},
      }),
    { META_APP_SECRET: META_APP.appSecret },
  );
});
beforeEach(() => {
  rejections = [];
  warnings = [];
});

async function aTenantOf(metaUserId: string): Promise<number> {
  const tenantId = await aTenant(db);
  await db.database.inTenant(tenantId, (tx) =>
    tx.query(
      sql.unsafe`INSERT INTO meta_tokens (tenant_id, access_token, meta_user_id) VALUES (${tenantId}, 'sealed', ${metaUserId})`,
    ),
  );
  return tenantId;
}

const requests = () =>
  asAdmin(db.adminUrl, async (client) => (await client.query('SELECT * FROM deletion_requests')).rows);

const signed = (payload: object, secret: string = META_APP.appSecret): string => {
  const encoded = Buffer.from(JSON.stringify(payload)).toString('base64url');
  return `${createHmac('sha256', secret).update(encoded).digest('base64url')}.${encoded}`;
};
const post = (path: string, signed_request: string) =>
  fetch(`${app.url}${path}`, { method: 'POST', body: new URLSearchParams({ signed_request }) });
const bySimulator = (path: string, address: string, userId: string) =>
  bench.control<{ status: number; text: string }>(path, { url: `${app.url}${address}`, user_id: userId });

describe('Deauthorising the app', () => {
  it('asks a person of every tenant of that Meta user to sign in again, and nobody else', async () => {
    const [first, second] = [await aTenantOf('7001'), await aTenantOf('7001')];
    await aTenantOf('7002');
    expect(await bySimulator('deauthorize', '/crm/meta/deauthorize', '7001')).toMatchObject({ status: 200 });
    expect(rejections.map(({ tenantId, subcode }) => [tenantId, subcode])).toEqual([
      [first, 458],
      [second, 458],
    ]);
  });

  it('speaks of tokens from before it only: one from a sign-in after it lives on', async () => {
    await aTenantOf('7003');
    const issued_at = Math.floor(Date.now() / 1000) - 3600;
    await post('/crm/meta/deauthorize', signed({ user_id: '7003', algorithm: 'HMAC-SHA256', issued_at }));
    expect(rejections).toMatchObject([{ tokenVersion: issued_at * 1000 + 999 }]);
  });

  it('marks the page when a page removed the app', async () => {
    const tenantId = await aTenant(db);
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(
        sql.unsafe`INSERT INTO pages (tenant_id, page_id, name, subscribed_at) VALUES (${tenantId}, '4400', 'Aurora', now())`,
      ),
    );
    const payload = { profile_id: '4400', user_id: null, algorithm: 'HMAC-SHA256', issued_at: '1785000000' };
    expect((await post('/crm/meta/deauthorize', signed(payload))).status).toBe(200);
    expect(await app.stores.pages.listForTenant(tenantId)).toMatchObject([{ problem: 'app_removed' }]);
  });
});

describe('Asking for the erasure of data', () => {
  it('is noted before it is answered, with an address that shows how far it is; again gives the same code', async () => {
    const answer = await bySimulator('data-deletion', '/crm/meta/data-deletion', '7010');
    const { url, confirmation_code } = JSON.parse(answer.text) as { url: string; confirmation_code: string };
    expect(url).toBe(`${app.config.PUBLIC_URL}/data-deletion/${confirmation_code}`);
    expect(await app.stores.deletionRequests.due()).toContain(confirmation_code);
    const [row] = (await requests()).filter((each) => each.confirmation_code === confirmation_code);
    expect(row?.meta_user_id).not.toContain('7010'); // sealed
    const payload = { user_id: '7011', algorithm: 'HMAC-SHA256', issued_at: 1785000000, expires: 1785003600 };
    const twice = [
      await post('/crm/meta/data-deletion', signed(payload)),
      await post('/crm/meta/data-deletion', signed(payload)),
    ];
    const [one, other] = await Promise.all(twice.map((reply) => reply.json()));
    expect(one).toEqual(other);
  });

  it.each([
    ['en', 'Received', 'Erased'],
    ['es', 'Recibido', 'Borrado'],
  ])('shows the person how far it is, in words (%s)', async (language, received, erased) => {
    await app.stores.deletionRequests.note(`code-${language}`, '7012');
    const look = async (code: string) => {
      const reply = await fetch(`${app.url}/data-deletion/${code}`, { headers: { 'accept-language': language } });
      return { status: reply.status, html: await reply.text() };
    };
    expect((await look(`code-${language}`)).html).toContain(received);
    await app.stores.deletionRequests.finish(`code-${language}`);
    expect((await look(`code-${language}`)).html).toContain(`>${erased}<`);
    expect(await look('nobody-asked')).toMatchObject({ status: 404 });
  });
});

describe('A forged request', () => {
  const payload = { user_id: '7020', algorithm: 'HMAC-SHA256', issued_at: 1785000000 };
  const [signature = '', encoded = ''] = signed(payload).split('.');
  const other = Buffer.from(JSON.stringify({ ...payload, user_id: '7021' })).toString('base64url');
  it.each([
    ['another secret', signed(payload, 'not-the-secret')],
    ['another content', `${signature}.${other}`],
    ['another algorithm', signed({ ...payload, algorithm: 'none' })],
    ['no signature', `.${encoded}`],
    ['a shorter signature', `${signature.slice(1)}.${encoded}`],
    ['no JSON', (() => `${createHmac('sha256', META_APP.appSecret).update('eA').digest('base64url')}.eA`)()],
    ['nothing', ''],
  ])('with %s is refused, logged, and stores nothing', async (_, text) => {
    await aTenantOf('7020');
    const before = (await requests()).length;
    for (const path of ['/crm/meta/deauthorize', '/crm/meta/data-deletion'])
      expect((await post(path, text)).status).toBe(401);
    expect(rejections).toEqual([]);
    expect((await requests()).length).toBe(before);
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).not.toContain('7020');
  });
});

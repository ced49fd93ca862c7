import { beforeAll, describe, expect, it } from 'vitest';
import { ruleBody } from '../adapters/postgres/rules.ts';
import { anApiKey } from '../test/api-key.ts';
import { type TestDatabase, testDatabase } from '../test/database.ts';
import { aRichTenant } from '../test/rich-tenant.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';
import { openapi } from './openapi.ts';
import { marketingReplies } from './openapi-marketing.ts';

let db: TestDatabase;
let app: WholeApp;
let key: string;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
  key = await anApiKey(db, (await aRichTenant(app, db)).tenantId, 'api');
});
const asJson = async (path: string) =>
  (await fetch(app.url + path, { headers: { authorization: `Bearer ${key}`, accept: 'application/json' } })).json();

describe('openapi.json', () => {
  it('names addresses that exist, and all under /api/v1', async () => {
    const served = (await (await fetch(`${app.url}/api/v1/openapi.json`)).json()) as { paths: Record<string, object> };
    expect(served).toEqual(JSON.parse(JSON.stringify(openapi(app.config.PUBLIC_URL, ruleBody))));
    const described = Object.entries(served.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`),
    );
    const rows = app.routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
    expect(described.filter((one) => !rows.includes(one))).toEqual([]);
    const api = rows.filter((row) => / \/api\/v1\//.test(row) && !row.endsWith('openapi.json'));
    expect(api.filter((one) => !described.includes(one))).toEqual([]);
  });

  it.each(Object.entries(marketingReplies))('describes all that %s answers', async (path, schema) => {
    const reply = await asJson(path.replace('{id}', '200'));
    expect(schema.parse(reply)).toEqual(reply); // what the description does not name would be stripped
    if (Array.isArray(reply)) expect(reply.length).toBeGreaterThan(0);
  });
});

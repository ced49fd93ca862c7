import { beforeAll, beforeEach, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../test/database.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

let db: TestDatabase;
let app: WholeApp;
beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(() => {
  Object.assign(app.up, { postgres: true, temporal: true, redis: true });
});

const ready = async () => {
  const reply = await fetch(`${app.url}/readyz`);
  return [reply.status, ((await reply.json()) as { status: string }).status];
};

it('is healthy as long as it answers', async () => {
  app.up.postgres = false;
  expect((await fetch(`${app.url}/healthz`)).status).toBe(200);
});

it('is ready with all three', async () => {
  expect(await ready()).toEqual([200, 'ok']);
});

it('is ready without Redis or Temporal, and says so: pages work and webhooks are kept', async () => {
  app.up.redis = false;
  expect(await ready()).toEqual([200, 'degraded: redis']);
  app.up.temporal = false;
  expect(await ready()).toEqual([200, 'degraded: temporal, redis']);
});

it('is not ready without PostgreSQL', async () => {
  app.up.postgres = false;
  expect(await ready()).toEqual([503, 'down: postgres']);
});

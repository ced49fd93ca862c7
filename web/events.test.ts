import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { aPerson, type Person } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let person: Person;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
});

/** An open stream, read chunk by chunk. */
async function listening() {
  const reply = await person.get('/events', { accept: 'text/event-stream' });
  const reader = (reply.body ?? new ReadableStream<Uint8Array>()).getReader();
  const next = async () => new TextDecoder().decode((await reader.read()).value);
  expect(await next()).toBe(': connected\n\n');
  return { reply, next, read: () => reader.read(), leave: () => reader.cancel() };
}

describe('live updates', () => {
  it('name what changed, and carry no data', async () => {
    const stream = await listening();
    expect(stream.reply.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(stream.reply.headers.get('cache-control')).toBe('no-store');
    for (const topic of ['leads', 'sync', 'messages', 'connection'] as const) {
      app.live.publish(tenantId, topic);
      expect(await stream.next()).toBe(`event: ${topic}\ndata: \n\n`);
    }
    await stream.leave();
  });

  it('of other tenants are not heard', async () => {
    const stream = await listening();
    app.live.publish(await aTenant(db), 'leads');
    app.live.publish(tenantId, 'sync');
    expect(await stream.next()).toBe('event: sync\ndata: \n\n');
    await stream.leave();
  });

  it('reach every open page of the tenant', async () => {
    const [one, two] = [await listening(), await listening()];
    app.live.publish(tenantId, 'leads');
    expect([await one.next(), await two.next()]).toEqual(Array(2).fill('event: leads\ndata: \n\n'));
    await Promise.all([one.leave(), two.leave()]);
  });

  it('end when the server stops, since an open stream would keep it from stopping', async () => {
    const stream = await listening();
    app.liveStreams.close();
    expect((await stream.read()).done).toBe(true);
  });

  it('are for signed-in people', async () => {
    const reply = await fetch(`${app.url}/events`, {
      headers: { 'hx-request': 'true', accept: 'text/html, text/event-stream' },
    });
    expect([reply.status, reply.headers.get('hx-redirect')]).toEqual([204, '/login?next=%2Fcrm%2Fmarketing']);
  });
});

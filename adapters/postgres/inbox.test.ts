import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Change } from '../../domain/inbox.ts';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { createInbox, type Inbox } from './inbox.ts';

let db: TestDatabase;
let inbox: Inbox;
let [busy, quiet] = [0, 0];
let nextKey = 1;

beforeAll(async () => {
  db = await testDatabase();
  inbox = createInbox(db.database);
});
beforeEach(async () => {
  [busy, quiet] = [await aTenant(db), await aTenant(db)];
});

const rows = (tenantId: number, count: number) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.anyFirst(sql.type(z.object({ id: z.number() }))`
      INSERT INTO webhook_events (provider, dedupe_key, tenant_id, kind, subject, source_id, payload)
      SELECT 'meta', ${`test:${nextKey++}:`} || n, ${tenantId}, 'leadgen', n::text, '100', '{}' FROM generate_series(1, ${count}) n RETURNING id`),
  );
const rowOf = (tenantId: number, id: number) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.one(sql.type(
      z.object({ state: z.string(), attempts: z.number(), error: z.string().nullable(), in_s: z.number() }),
    )`
      SELECT state, attempts, error, round(extract(epoch FROM next_attempt_at - now()))::int AS in_s FROM webhook_events WHERE id = ${id}`),
  );
const set = (tenantId: number, id: number, attempts: number) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`UPDATE webhook_events SET attempts = ${attempts}, next_attempt_at = now() WHERE id = ${id}`),
  );
/** Rows of this test's tenants; takes everything, so that no test leaves rows to the next. */
async function take(max = 100, perTenant = 20) {
  const taken = await inbox.take(max, perTenant);
  return { busy: taken.filter((row) => row.tenant_id === busy), quiet: taken.filter((row) => row.tenant_id === quiet) };
}
const finish = async (tenantId: number, ids: readonly number[]) => void (await inbox.done(tenantId, ids));

describe('Taking rows from the inbox', () => {
  it('gives a quiet tenant its turn beside one with three thousand older rows', async () => {
    const many = await rows(busy, 3000);
    const few = await rows(quiet, 3);
    const taken = await take();
    expect([taken.busy.length, taken.quiet.length]).toEqual([20, 3]);
    expect(taken.busy.map(({ id }) => id).sort((a, b) => a - b)).toEqual(many.slice(0, 20));
    await finish(busy, many);
    await finish(quiet, few);
  });

  it('leases a row for 30 seconds to one taker, and gives it to the next after that', async () => {
    const [id = 0] = await rows(busy, 1);
    expect((await take()).busy).toMatchObject([{ id, subject: '1', source_id: '100', attempts: 1 }]);
    expect((await take()).busy).toEqual([]);
    expect((await rowOf(busy, id)).in_s).toBeGreaterThanOrEqual(29);
    await set(busy, id, 1);
    expect((await take()).busy).toMatchObject([{ id, attempts: 2 }]);
    await finish(busy, [id]);
  });

  it('gives no row to two takers at once', async () => {
    const ids = await rows(busy, 40);
    const taken = (await Promise.all([take(), take(), take()])).flatMap((each) => each.busy.map(({ id }) => id));
    expect(new Set(taken).size).toBe(taken.length);
    await finish(busy, ids);
  });

  it('hands back at once what was not got to, as if it had not been taken', async () => {
    const [id = 0] = await rows(busy, 1);
    await take();
    await inbox.release(busy, [id]);
    expect(await rowOf(busy, id)).toMatchObject({ state: 'pending', attempts: 0, in_s: 0 });
    await finish(busy, [id]);
    expect((await take()).busy).toEqual([]);
  });
});

describe('A row that failed', () => {
  it.each([
    [1, 1],
    [2, 2],
    [5, 16],
    [11, 900],
    [19, 900],
  ])('is due again after try %i in %i s', async (attempts, seconds) => {
    const [id = 0] = await rows(busy, 1);
    await set(busy, id, attempts);
    expect(await inbox.failed(busy, [id], 'unavailable')).toBe(0);
    expect(await rowOf(busy, id)).toEqual({ state: 'pending', attempts, error: 'unavailable', in_s: seconds });
    await finish(busy, [id]);
  });

  it('is parked after 20 tries, and taken no more', async () => {
    const [id = 0] = await rows(busy, 1);
    await set(busy, id, 20);
    expect(await inbox.failed(busy, [id], 'unavailable')).toBe(1);
    await set(busy, id, 20);
    expect((await rowOf(busy, id)).state).toBe('parked');
    expect((await take()).busy).toEqual([]);
  });

  it('takes back none of those beside it that were done', async () => {
    const [done = 0, failed = 0] = await rows(busy, 2);
    await inbox.done(busy, [done]);
    await inbox.failed(busy, [done, failed], 'unexpected');
    expect([(await rowOf(busy, done)).state, (await rowOf(busy, failed)).state]).toEqual(['done', 'pending']);
    await finish(busy, [failed]);
  });

  it('is out of reach of another tenant', async () => {
    const [id = 0] = await rows(busy, 1);
    await inbox.failed(quiet, [id], 'x');
    await inbox.done(quiet, [id]);
    expect(await inbox.payloads(quiet, [id])).toEqual([]);
    expect(await rowOf(busy, id)).toMatchObject({ state: 'pending', error: null });
    await finish(busy, [id]);
  });
});

describe('Webhooks that come at the same moment', () => {
  const lead = (n: number, payload = '{}'): Change => ({
    provider: 'meta',
    kind: 'leadgen',
    subject: String(n),
    sourceId: '4711',
    sourcePhone: null,
    id: `meta:leadgen:4711:${n}`,
    payload,
    isUsed: true,
  });
  const kept = async () =>
    (
      await db.database.inTenant(0, (tx) =>
        tx.anyFirst(sql.type(z.object({ subject: z.string() }))`
          SELECT subject FROM webhook_events WHERE source_id = '4711' ORDER BY subject::int`),
      )
    ).map(Number);

  it('are each there once when their senders hear of it, twice told or not, in fewer commits than webhooks', async () => {
    let statements = 0;
    const counted = createInbox({
      ...db.database,
      pool: Object.assign(Object.create(db.database.pool), {
        query: (query: Parameters<typeof db.database.pool.query>[0]) => {
          statements++;
          return db.database.pool.query(query);
        },
      }),
    });
    const told = Array.from({ length: 60 }, (_, i) => [lead(i), lead((i + 1) % 60)]);
    const counts = await Promise.all(
      told.map(async (changes) => {
        const count = await counted.insert(changes, { to: 'sender' });
        expect(await kept()).toEqual(expect.arrayContaining(changes.map(({ subject }) => Number(subject))));
        return count;
      }),
    );
    expect(await kept()).toEqual(Array.from({ length: 60 }, (_, i) => i));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(60);
    expect(statements).toBeLessThan(10);
  });

  it('do not fail for one that cannot be stored', async () => {
    const all = [lead(100), lead(101), lead(102), lead(103, '\0'), lead(104)];
    const ends = await Promise.allSettled(all.map((change) => inbox.insert([change], { to: 'sender' })));
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect((await kept()).filter((n) => n >= 100)).toEqual([100, 101, 102, 104]);
  });
});

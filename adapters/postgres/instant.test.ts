import { sql } from 'slonik';
import { beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { around } from './instant.ts';

const period = { since: '2026-11-01', until: '2026-11-20' };
const planRow = z.object({ 'QUERY PLAN': z.string() });
let db: TestDatabase;
let tenantId: number;

beforeAll(async () => {
  db = await testDatabase();
  tenantId = await aTenant(db);
});

/** What PostgreSQL would do with the rows of one tenant, if there were so many that an index pays. */
const planOf = (statement: ReturnType<typeof sql.fragment>): Promise<string> =>
  db.database.inTenant(tenantId, async (tx) => {
    await tx.query(sql.unsafe`SET LOCAL enable_seqscan = off`);
    await tx.query(sql.unsafe`SET LOCAL enable_sort = off`);
    const lines = await tx.any(sql.type(planRow)`EXPLAIN ${statement}`);
    return lines.map((line) => line['QUERY PLAN']).join('\n');
  });

it('finds moments by an index although rows are secured', async () => {
  const touches = await planOf(sql.fragment`
    SELECT t.lead_id FROM lead_touches t WHERE t.tenant_id = ${tenantId} AND ${around(sql.fragment`t.touched_at`, period)} ORDER BY t.touched_at`);
  expect(touches).toMatch(/Index Cond: .*touched_at >= .*touched_at < /);
  const arrivals = await planOf(sql.fragment`
    SELECT l.id FROM leads l WHERE l.tenant_id = ${tenantId} AND ${around(sql.fragment`l.arrived_at`, period)}
    ORDER BY l.arrived_at`);
  expect(arrivals).toMatch(/leads_arrived[\s\S]*Index Cond: .*arrived_at >= .*arrived_at < /);
});

it('holds the whole days of every zone', async () => {
  const isAround = (at: string) =>
    db.database.inTenant(tenantId, (tx) =>
      tx.oneFirst(
        sql.type(z.object({ is: z.boolean() }))`SELECT ${around(sql.fragment`${at}::timestamptz`, period)} AS is`,
      ),
    );
  expect(await isAround('2026-11-01T00:00:00+14:00')).toBe(true);
  expect(await isAround('2026-11-20T23:59:59-12:00')).toBe(true);
  expect(await isAround('2026-10-30T00:00:00Z')).toBe(false);
  expect(await isAround('2026-11-23T00:00:00Z')).toBe(false);
});

import { sql } from 'slonik';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { anApiKey } from '../test/api-key.ts';
import { aTenant, testDatabase } from '../test/database.ts';
import { silentLog } from '../test/silent-log.ts';
import { wholeApp } from '../test/whole-app.ts';
import { createAccessLog } from './access-log.ts';

const at = new Date();
const access = (name: string) => ({
  tenantId: 1,
  name,
  actor: { type: 'operator', id: null } as const,
  status: 200,
  at,
});

it('leaves a row of each call of the mission’s endpoints, reads and refusals too, outside of the request', async () => {
  const db = await testDatabase();
  const app = await wholeApp(db);
  const tenantId = await aTenant(db);
  const headers = { 'x-admin-token': await anApiKey(db, tenantId), 'x-forwarded-for': '203.0.113.77' };
  for (const path of ['stats', 'stats?days=0', 'token-status'])
    await fetch(`${app.url}/crm/marketing/${path}`, { headers });
  await app.flushAccesses();
  const rows = await db.database.inTenant(tenantId, (tx) =>
    tx.any(sql.type(z.object({ name: z.string(), status: z.number(), actor_type: z.string(), address: z.string() }))`
      SELECT name, status, actor_type, address FROM system_events WHERE tenant_id = ${tenantId} AND kind = 'access' ORDER BY id`),
  );
  const called = { actor_type: 'admin_key', address: '203.0.113.0/24' };
  expect(rows).toEqual([
    { name: 'get_marketing_stats', status: 200, ...called },
    { name: 'get_marketing_stats', status: 422, ...called },
    { name: 'get_token_status', status: 200, ...called },
  ]);
});

it('keeps rows while the database is away and writes them in order when it is back', async () => {
  const written: string[] = [];
  let isAway = true;
  const log = createAccessLog(async (rows) => {
    if (isAway) throw new Error('connect ECONNREFUSED');
    written.push(...rows.map(({ name }) => name));
  }, silentLog);
  log.add(access('first'));
  await log.close();
  log.add(access('second'));
  isAway = false;
  await log.close();
  expect(written).toEqual(['first', 'second']);
});

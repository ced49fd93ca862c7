import { sql } from 'slonik';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createGauges } from '../adapters/postgres/gauges.ts';
import { createPastEvents } from '../adapters/postgres/past-events.ts';
import { asAdmin } from '../dev/stack/roles.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { silentLog } from '../test/silent-log.ts';
import { keepHouse } from './housekeeping.ts';

let db: TestDatabase;
let tenantId: number;
let other: number;

beforeAll(async () => {
  db = await testDatabase();
  tenantId = await aTenant(db);
  other = await aTenant(db);
  await db.database.inTenant(other, (tx) =>
    tx.query(sql.unsafe`UPDATE tenants SET event_days = 7 WHERE id = ${other}`),
  );
  await asAdmin(db.adminUrl, (client) =>
    client.query(`
      INSERT INTO webhook_events (provider, dedupe_key, tenant_id, kind, payload, state, received_at)
      SELECT 'ycloud', t || ':' || state || ':' || days, t, 'message', '{}', state, now() - days * interval '1 day'
      FROM unnest(ARRAY[${tenantId}, ${other}]) t, unnest(ARRAY['done', 'ignored', 'pending', 'parked', 'conflict']) state, unnest(ARRAY[1, 10, 100]) days`),
  );
});

const kept = (tenant: number) =>
  db.database.inTenant(tenant, (tx) =>
    tx.anyFirst(sql.type(z.object({ line: z.string() }))`
      SELECT state || ' ' || round(extract(epoch FROM now() - received_at) / 86400) AS line FROM webhook_events
      WHERE tenant_id = ${tenant} AND state IN ('done', 'ignored') ORDER BY state, received_at`),
  );

describe('Housekeeping', () => {
  it('forgets applied webhooks after the days each tenant keeps them, and nothing that waits for somebody', async () => {
    const deps = { gauges: createGauges(db.database), pastEvents: createPastEvents(db.database), log: silentLog };
    expect(await keepHouse(deps)).toBe(6);
    expect(await kept(tenantId)).toEqual(['done 10', 'done 1', 'ignored 10', 'ignored 1']);
    expect(await kept(other)).toEqual(['done 1', 'ignored 1']);
    const waiting = await asAdmin(db.adminUrl, async (client) => {
      const { rows } = await client.query<{ n: string }>(
        `SELECT count(*) AS n FROM webhook_events WHERE state NOT IN ('done', 'ignored')`,
      );
      return Number(rows[0]?.n);
    });
    expect(waiting).toBe(18);
    expect(await keepHouse(deps)).toBe(0);
  });

  it('lets no tenant forget what is another’s, or what is not applied', async () => {
    const { rowCount } = await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`DELETE FROM webhook_events WHERE tenant_id = ${other} OR state = 'parked'`),
    );
    expect(rowCount).toBe(0);
  });
});

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'slonik';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createArchiveFiles } from '../adapters/archive/files.ts';
import { archivePlace } from '../adapters/archive/place.ts';
import { createMetrics } from '../adapters/metrics.ts';
import { type Archives, createArchives } from '../adapters/postgres/archives.ts';
import { createGauges, type Gauges } from '../adapters/postgres/gauges.ts';
import { createLeadRetention, type LeadRetention } from '../adapters/postgres/lead-retention.ts';
import { createPastEvents, type PastEvents } from '../adapters/postgres/past-events.ts';
import { asAdmin } from '../dev/stack/roles.ts';
import { aCampaign, anAccount } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { silentLog } from '../test/silent-log.ts';
import { inActivity } from '../test/sync.ts';
import { createHousekeepingActivities } from './housekeeping.ts';

let db: TestDatabase;
let tenantId: number;
let other: number;
let stores: { gauges: Gauges; pastEvents: PastEvents; leadRetention: LeadRetention; archives: Archives };

beforeAll(async () => {
  db = await testDatabase();
  stores = {
    gauges: createGauges(db.database),
    pastEvents: createPastEvents(db.database),
    leadRetention: createLeadRetention(db.database),
    archives: createArchives(db.database),
  };
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

const metrics = createMetrics();
type Deps = Parameters<typeof createHousekeepingActivities>[0];
const keepHouse = (given: Partial<Deps> = {}, afterTenantId = 0) => {
  const { gauges, pastEvents, leadRetention } = stores;
  const { keepHouse } = createHousekeepingActivities({
    gauges,
    pastEvents,
    leadRetention,
    archive: null,
    log: silentLog,
    metrics,
    ...given,
  });
  return inActivity(() => keepHouse({ afterTenantId }));
};
const waiting = () =>
  asAdmin(db.adminUrl, async (client) => {
    const { rows } = await client.query<{ n: string }>(
      `SELECT count(*) AS n FROM webhook_events WHERE state NOT IN ('done', 'ignored')`,
    );
    return Number(rows[0]?.n);
  });

describe('Housekeeping', () => {
  it('forgets applied webhooks after the days each tenant keeps them, and nothing that waits for somebody', async () => {
    expect(await keepHouse()).toEqual({ afterTenantId: null });
    expect(await kept(tenantId)).toEqual(['done 10', 'done 1', 'ignored 10', 'ignored 1']);
    expect(await kept(other)).toEqual(['done 1', 'ignored 1']);
    expect(await waiting()).toBe(18);
  });

  it('goes on after a tenant of whom something fails', async () => {
    const asked: number[] = [];
    const purgeSome = async (tenant: number) => {
      asked.push(tenant);
      if (tenant === tenantId) throw new Error('down');
      return 0;
    };
    expect(await keepHouse({ pastEvents: { purgeSome } })).toEqual({ afterTenantId: null });
    expect(asked).toEqual([tenantId, other]);
    expect((await metrics.errors.get()).values).toMatchObject([{ labels: { where: 'housekeeping' }, value: 1 }]);
  });

  it('works for a minute, then says after whom to go on', async () => {
    let clock = 0;
    const asked: number[] = [];
    const purgeSome = async (tenant: number) => {
      asked.push(tenant);
      clock += 61_000;
      return tenant === other ? 1 : 0;
    };
    const given = { pastEvents: { purgeSome }, now: () => clock };
    expect(await keepHouse(given)).toEqual({ afterTenantId: other - 1 });
    expect(asked).toEqual([tenantId, other]);
    await keepHouse(given, other - 1);
    expect(asked).toEqual([tenantId, other, other]);
    expect(await keepHouse(given, other)).toEqual({ afterTenantId: null });
    expect(asked).toHaveLength(3);
  });

  it('moves detail older than a year into the archive, where there is one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hub-archive-'));
    const place = archivePlace({ ARCHIVE_URL: folder });
    if (place === null) throw new Error('no place');
    await anAccount(db, other);
    await aCampaign(db, other);
    await db.database.inTenant(other, (tx) =>
      tx.query(sql.unsafe`
        INSERT INTO meta_ads_ad_insights (tenant_id, ad_id, date, adset_id, meta_campaign_id, meta_account_id, currency)
        SELECT ${other}, '1', (now() - months * interval '1 month')::date, '2', '200', '100', 'ARS' FROM unnest(ARRAY[1, 14, 15]) months`),
    );
    await keepHouse();
    expect(await stores.archives.list(other)).toEqual([]);
    await keepHouse({ archive: { archives: stores.archives, archiveFiles: createArchiveFiles(place) } });
    expect(await stores.archives.list(other)).toHaveLength(2);
    expect(readdirSync(join(folder, `${other}/meta_ads_ad_insights`))).toHaveLength(2);
    rmSync(folder, { recursive: true });
  });

  it('lets no tenant forget what is another’s, or what is not applied', async () => {
    const { rowCount } = await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`DELETE FROM webhook_events WHERE tenant_id = ${other} OR state = 'parked'`),
    );
    expect(rowCount).toBe(0);
  });
});

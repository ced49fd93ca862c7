import { gunzipSync } from 'node:zlib';
import { sql } from 'slonik';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createArchiveFiles } from '../adapters/archive/files.ts';
import { archivePlace } from '../adapters/archive/place.ts';
import { type Archives, createArchives } from '../adapters/postgres/archives.ts';
import { createStats } from '../adapters/postgres/stats.ts';
import { createCache } from '../adapters/redis/cache.ts';
import { type S3Simulator, startS3Simulator } from '../simulators/s3/server.ts';
import { aCampaign, aDay, anAccount } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { createStatsService } from '../web/stats.ts';
import { type ArchiveDeps, archiveMonth, archiveOldMonths, restoreMonths } from './archive.ts';

const today = new Date('2026-11-24T12:00:00Z');
const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'simulated-secret', region: 'us-east-1' };
let db: TestDatabase;
let s3: S3Simulator;
let deps: ArchiveDeps;
let tenantId: number;

beforeAll(async () => {
  db = await testDatabase();
  s3 = await startS3Simulator({ ...keys, port: 0, buckets: ['archive'] });
  const place = archivePlace({
    ARCHIVE_URL: `${s3.url}/archive/hub`,
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
  });
  if (place === null) throw new Error('no place');
  deps = { archives: createArchives(db.database), archiveFiles: createArchiveFiles(place) };
});
afterAll(() => s3.close());
beforeEach(async () => {
  s3.objects.clear();
  tenantId = await aTenant(db);
  await withDetail(tenantId);
});

async function withDetail(tenant: number): Promise<void> {
  await anAccount(db, tenant);
  await aCampaign(db, tenant);
  for (const day of ['2025-06-01', '2025-06-30', '2025-10-31', '2025-11-20', '2026-11-24']) {
    await aDay(db, tenant, day, { spend: '100.10' });
    for (const ad of ['a-1', 'A-2']) await anAdDay(ad, day, tenant);
  }
}
const anAdDay = (ad: string, day: string, tenant = tenantId) =>
  db.database.inTenant(tenant, (tx) =>
    tx.query(sql.unsafe`
      INSERT INTO meta_ads_ad_insights (tenant_id, ad_id, date, adset_id, meta_campaign_id, meta_account_id, currency, spend, impressions, clicks, leads)
      VALUES (${tenant}, ${ad}, ${day}::date, '"a,b"', '200', '100', 'ARS', 50.05, 450, 15, 1)`),
  );
const archive = () => archiveOldMonths(deps, tenantId, today);
/** The deps with this in place of the store's own. */
const withArchives = (given: Partial<Archives>): ArchiveDeps => ({ ...deps, archives: { ...deps.archives, ...given } });
const detailRow = z.object({ all: z.string().nullable() });
/** Every row of the detail, as one text. */
const detail = async (tenant = tenantId) => {
  const { all } = await db.database.inTenant(tenant, (tx) =>
    tx.one(sql.type(detailRow)`
      SELECT string_agg((ad_id, date, adset_id, meta_campaign_id, meta_account_id, currency, spend, impressions, clicks, leads)::text, ';' ORDER BY date, ad_id) AS all
      FROM meta_ads_ad_insights`),
  );
  return all ?? '';
};
const screen = () =>
  createStatsService(createStats(db.database), createCache(undefined), () => today).json(tenantId, {
    days: 600,
    view: 'date',
    model: 'last',
  });
const changes = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.anyFirst(sql.type(z.object({ line: z.string() }))`
      SELECT name || ' ' || object_id || ' ' || details::text AS line FROM system_events WHERE tenant_id = ${tenantId} ORDER BY id`),
  );

describe('The archive', () => {
  it('takes out the months that ended a year ago, each into a file of its own', async () => {
    const others = await aTenant(db);
    await withDetail(others);
    const theirs = await detail(others);
    expect(await archive()).toEqual(['2025-06-01', '2025-10-01']);
    expect([...s3.objects.keys()]).toEqual([
      expect.stringMatching(new RegExp(`^/archive/hub/${tenantId}/meta_ads_ad_insights/2025-06\\.\\w{12}\\.csv\\.gz$`)),
      expect.stringContaining('/2025-10.'),
    ]);
    const [june] = s3.objects.values();
    expect(
      gunzipSync(june?.content ?? '')
        .toString()
        .split('\r\n')
        .slice(0, 2),
    ).toEqual([
      'ad_id,date,adset_id,meta_campaign_id,meta_account_id,currency,spend,impressions,clicks,leads',
      'A-2,2025-06-01,"""a,b""",200,100,ARS,50.05,450,15,1',
    ]);
    expect(await detail()).not.toContain('2025-06');
    expect(await detail()).toContain('2025-11-20');
    expect(await detail(others)).toBe(theirs);
    expect(await changes()).toEqual([
      'archive.written 2025-06-01 {"rows": 4}',
      'archive.written 2025-10-01 {"rows": 2}',
    ]);
  });

  it('changes no total on the screen', async () => {
    const before = await screen();
    await archive();
    expect(await screen()).toEqual(before);
    expect(before.totals[0]?.spend).toBe('500.50');
  });

  it('puts back exactly what it took', async () => {
    const before = await detail();
    await archive();
    expect(await restoreMonths(deps, tenantId, '2025-06')).toBe(4);
    expect(await restoreMonths(deps, tenantId)).toBe(2);
    expect(await detail()).toBe(before);
    expect(await deps.archives.list(tenantId)).toEqual([]);
    expect(await restoreMonths(deps, tenantId)).toBe(0);
  });

  it('leaves what was put back where it is for a month, then files it again', async () => {
    await archive();
    await restoreMonths(deps, tenantId, '2025-06');
    expect(await archive()).toEqual([]);
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`UPDATE archives SET restored_at = now() - interval '31 days' WHERE restored_at IS NOT NULL`),
    );
    expect(await archive()).toEqual(['2025-06-01']);
    expect(await restoreMonths(deps, tenantId)).toBe(6);
  });

  it('run twice moves nothing twice', async () => {
    await archive();
    expect(await archive()).toEqual([]);
    expect(s3.objects.size).toBe(2);
  });

  it('loses nothing when it dies before the rows are gone, nor when the file’s server does', async () => {
    const before = await detail();
    const dies = async () => Promise.reject(new Error('killed'));
    await expect(archiveMonth(withArchives({ takeOut: dies }), tenantId, '2025-06-01')).rejects.toThrow('killed');
    for (const kind of ['cut_before', 'cut_after'] as const) {
      s3.faults.push({ kind });
      await expect(archive()).rejects.toThrow('fetch failed');
    }
    expect(await detail()).toBe(before);
    expect(await archive()).toEqual(['2025-06-01', '2025-10-01']);
    expect(s3.objects.size).toBe(2);
    await restoreMonths(deps, tenantId);
    expect(await detail()).toBe(before);
  });

  it.each([
    [
      'came',
      sql.unsafe`
        INSERT INTO meta_ads_ad_insights (tenant_id, ad_id, date, adset_id, meta_campaign_id, meta_account_id, currency)
        SELECT tenant_id, 'b', date, adset_id, meta_campaign_id, meta_account_id, currency FROM meta_ads_ad_insights WHERE ad_id = 'a-1' AND date = '2025-06-30'`,
    ],
    [
      'changed',
      sql.unsafe`UPDATE meta_ads_ad_insights SET spend = spend + 0.01 WHERE ad_id = 'a-1' AND date = '2025-06-30'`,
    ],
    ['went', sql.unsafe`DELETE FROM meta_ads_ad_insights WHERE ad_id = 'a-1' AND date = '2025-06-30'`],
  ])('leaves a month in the table when a row %s while its file was written', async (_, change) => {
    const changing = withArchives({
      takeOut: async (...given) => {
        await db.database.inTenant(tenantId, (tx) => tx.query(change));
        return deps.archives.takeOut(...given);
      },
    });
    expect(await archiveMonth(changing, tenantId, '2025-06-01')).toBe(false);
    expect(await detail()).toContain('2025-06-01');
    expect(await deps.archives.list(tenantId)).toEqual([]);
    const now = await detail();
    await archive();
    await restoreMonths(deps, tenantId);
    expect(await detail()).toBe(now);
  });

  it('files a month whole again when Meta’s figures of it were read anew', async () => {
    const before = await detail();
    await archive();
    await anAdDay('a-1', '2025-06-30');
    await anAdDay('a-9', '2025-06-30');
    expect(await archive()).toEqual(['2025-06-01']);
    expect(await restoreMonths(deps, tenantId)).toBe(7);
    expect(
      (await detail())
        .split(';')
        .filter((row) => !row.includes('a-9'))
        .join(';'),
    ).toBe(before);
  });

  it('refuses a file that is not the one it wrote', async () => {
    await archive();
    for (const stored of s3.objects.values()) stored.content = Buffer.concat([stored.content, Buffer.from('x')]);
    await expect(restoreMonths(deps, tenantId)).rejects.toThrow('not the file that was written');
  });
});

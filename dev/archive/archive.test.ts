import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { sql } from 'slonik';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createArchives } from '../../adapters/postgres/archives.ts';
import { createStats } from '../../adapters/postgres/stats.ts';
import { createCache } from '../../adapters/redis/cache.ts';
import { aCampaign, aDay, anAccount } from '../../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { createStatsService } from '../../web/stats.ts';
import { archiveOldMonths, restoreMonths } from './archive.ts';
import { archiveFolder } from './files.ts';

const place = mkdtempSync(join(tmpdir(), 'hub-archive-'));
const folder = archiveFolder(place);
const today = new Date('2026-11-24T12:00:00Z');
let db: TestDatabase;
let tenantId: number;

beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => rmSync(place, { recursive: true }));
beforeEach(async () => {
  tenantId = await aTenant(db);
  await anAccount(db, tenantId);
  await aCampaign(db, tenantId);
  for (const day of ['2025-06-01', '2025-06-30', '2025-10-31', '2025-11-20', '2026-11-24']) {
    await aDay(db, tenantId, day, { spend: '100.10' });
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`
        INSERT INTO meta_ads_ad_insights (tenant_id, ad_id, date, adset_id, meta_campaign_id, meta_account_id, currency, spend, impressions, clicks, leads)
        SELECT ${tenantId}, n::text, ${day}::date, '"a,b"', '200', '100', 'ARS', 50.05, 450, 15, 1 FROM generate_series(1, 2) n`),
    );
  }
});

const archives = () => createArchives(db.database);
const archive = () => archiveOldMonths(archives(), folder, tenantId, today);
const detailRow = z.object({ all: z.string().nullable() });
/** Every row of the detail, as one text. */
const detail = async () => {
  const { all } = await db.database.inTenant(tenantId, (tx) =>
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

describe('The archive', () => {
  it('takes out the months that ended a year ago, each into a file of its own', async () => {
    expect(await archive()).toEqual(['2025-06-01', '2025-10-01']);
    const file = gunzipSync(readFileSync(join(place, `${tenantId}/meta_ads_ad_insights/2025-06.csv.gz`))).toString();
    expect(file.split('\r\n').slice(0, 2)).toEqual([
      'ad_id,date,adset_id,meta_campaign_id,meta_account_id,currency,spend,impressions,clicks,leads',
      '1,2025-06-01,"""a,b""",200,100,ARS,50.05,450,15,1',
    ]);
    expect(await detail()).not.toContain('2025-06');
    expect(await detail()).toContain('2025-11-20');
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
    expect(await restoreMonths(archives(), folder, tenantId, '2025-06')).toBe(4);
    expect(await restoreMonths(archives(), folder, tenantId)).toBe(2);
    expect(await detail()).toBe(before);
    expect(await archives().list(tenantId)).toEqual([]);
  });

  it('run twice moves nothing twice', async () => {
    await archive();
    expect(await archive()).toEqual([]);
  });

  it('leaves a month in the table when a row came while its file was written', async () => {
    const [month = ''] = await archives().monthsBefore(tenantId, '2025-11-24');
    const taken = { month, file: 'x', rows: 3, sha256: Buffer.alloc(32) };
    expect(await archives().takeOut(tenantId, taken, { type: 'system', id: 'test' } as never)).toBe(false);
    expect(await detail()).toContain('2025-06');
  });

  it('refuses a file that is not the one it wrote', async () => {
    await archive();
    const file = join(place, `${tenantId}/meta_ads_ad_insights/2025-06.csv.gz`);
    appendFileSync(file, 'x');
    await expect(restoreMonths(archives(), folder, tenantId)).rejects.toThrow('not the file that was written');
    expect(existsSync(file)).toBe(true);
  });
});

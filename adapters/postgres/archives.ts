import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

/** The columns of an archived row, in the file's order. */
export const ARCHIVED_COLUMNS = [
  'ad_id',
  'date',
  'adset_id',
  'meta_campaign_id',
  'meta_account_id',
  'currency',
  'spend',
  'impressions',
  'clicks',
  'leads',
] as const;
const TYPES = ['text', 'date', 'text', 'text', 'text', 'text', 'numeric', 'int8', 'int8', 'int4'];

const lineRow = z.object({ line: z.array(z.string()) });
const monthRow = z.object({ month: z.string() });
const archiveRow = z.object({ month: z.string(), file: z.string(), rows: z.number(), sha256: z.instanceof(Buffer) });
export type Archive = z.output<typeof archiveRow>;

export type Archives = ReturnType<typeof createArchives>;

/**
 * The detail by ad of old months, between the table and files. The books (campaign × day) stay where they are: every total on screen is made of
 * them alone, so it does not change.
 */
export function createArchives({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Months that ended before this day and still lie in the table, oldest first. */
    monthsBefore: async (tenantId: number, day: string): Promise<string[]> => {
      const rows = await inTenant(tenantId, (tx) =>
        tx.any(sql.type(monthRow)`
          SELECT DISTINCT date_trunc('month', date)::date::text AS month FROM meta_ads_ad_insights
          WHERE tenant_id = ${tenantId} AND date < date_trunc('month', ${day}::date)::date ORDER BY 1 LIMIT 60`),
      );
      return rows.map(({ month }) => month);
    },
    /** A month's rows as text, in the order of `ARCHIVED_COLUMNS`. */
    linesOf: async (tenantId: number, month: string): Promise<string[][]> => {
      const rows = await inTenant(tenantId, (tx) =>
        tx.any(sql.type(lineRow)`
          SELECT ARRAY[ad_id, date::text, adset_id, meta_campaign_id, meta_account_id, currency::text, spend::text, impressions::text, clicks::text, leads::text] AS line
          FROM meta_ads_ad_insights
          WHERE tenant_id = ${tenantId} AND date >= ${month}::date AND date < ${month}::date + interval '1 month'
          ORDER BY date, ad_id`),
      );
      return rows.map(({ line }) => line);
    },
    list: (tenantId: number): Promise<readonly Archive[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(archiveRow)`
          SELECT month::text, file, rows, sha256 FROM archives WHERE tenant_id = ${tenantId} ORDER BY month LIMIT 600`),
      ),
    /** Takes a month out of the table that its file holds, whole; rows that came since the file was written keep it in. */
    takeOut: (tenantId: number, archive: Archive, actor: Actor): Promise<boolean> =>
      inTenant(tenantId, async (tx) => {
        const { month, file, rows, sha256 } = archive;
        const gone = await tx.query(sql.unsafe`
          DELETE FROM meta_ads_ad_insights
          WHERE tenant_id = ${tenantId} AND date >= ${month}::date AND date < ${month}::date + interval '1 month'
            AND ${rows} = (SELECT count(*) FROM meta_ads_ad_insights
              WHERE tenant_id = ${tenantId} AND date >= ${month}::date AND date < ${month}::date + interval '1 month')`);
        if (gone.rowCount !== rows) return false;
        await tx.query(sql.unsafe`
          INSERT INTO archives (tenant_id, month, file, rows, sha256) VALUES (${tenantId}, ${month}::date, ${file}, ${rows}, ${sql.binary(sha256)})
          ON CONFLICT (tenant_id, month) DO UPDATE SET file = excluded.file, rows = excluded.rows, sha256 = excluded.sha256, archived_at = now()`);
        await audited(tx, {
          tenantId,
          name: 'archive.written',
          actor,
          object: { type: 'archive', id: month },
          details: { rows },
        });
        return true;
      }),
    /** Puts a month back; what is in the table already stays as it is. Gives how many rows came back. */
    putBack: (tenantId: number, month: string, lines: readonly (readonly string[])[], actor: Actor): Promise<number> =>
      inTenant(tenantId, async (tx) => {
        const put = await tx.query(sql.unsafe`
          INSERT INTO meta_ads_ad_insights (tenant_id, ad_id, date, adset_id, meta_campaign_id, meta_account_id, currency, spend, impressions, clicks, leads)
          SELECT ${tenantId}, given.* FROM ${sql.unnest(lines as string[][], TYPES)}
            AS given (ad_id, date, adset_id, meta_campaign_id, meta_account_id, currency, spend, impressions, clicks, leads)
          JOIN meta_ads_campaigns c ON c.tenant_id = ${tenantId} AND c.meta_campaign_id = given.meta_campaign_id
          ON CONFLICT (tenant_id, ad_id, date) DO NOTHING`);
        await tx.query(sql.unsafe`DELETE FROM archives WHERE tenant_id = ${tenantId} AND month = ${month}::date`);
        const details = { rows: put.rowCount };
        await audited(tx, {
          tenantId,
          name: 'archive.restored',
          actor,
          object: { type: 'archive', id: month },
          details,
        });
        return put.rowCount;
      }),
  };
}

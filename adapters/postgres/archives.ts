import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

// Of an archived row, in the order of `line`.
const COLUMNS = 'ad_id date adset_id meta_campaign_id meta_account_id currency spend impressions clicks leads'.split(
  ' ',
);
const TYPES = ['text', 'date', 'text', 'text', 'text', 'text', 'numeric', 'int8', 'int8', 'int4'];

const lineRow = z.object({ line: z.array(z.string()) });
const monthRow = z.object({ month: z.string() });
const dayRow = z.object({ day: z.string() });
const archiveRow = z.object({ month: z.string(), file: z.string(), rows: z.number(), sha256: z.instanceof(Buffer) });
export type Archive = z.output<typeof archiveRow>;
const goneRow = z.object({ rows: z.number(), fingerprint: z.string() });

/** How long a month that a person put back stays in the table. */
const RESTORED_DAYS = 30;

/** The table no longer holds what the file holds. */
class Changed extends Error {}

export type Archives = ReturnType<typeof createArchives>;

/**
 * The detail by ad of old months, between the table and files. The books (campaign × day) stay where they are: every total on screen is made of
 * them alone, so it does not change.
 */
export function createArchives({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** What stands in a line, in its order. */
    columns: COLUMNS as readonly string[],

    /** Months that ended before this day and still lie in the table, oldest first; without those that were put back in the last 30 days. */
    monthsBefore: async (tenantId: number, day: string): Promise<string[]> => {
      const rows = await inTenant(tenantId, (tx) =>
        tx.any(sql.type(monthRow)`
          SELECT m.month::text FROM (
            SELECT DISTINCT date_trunc('month', date)::date AS month FROM meta_ads_ad_insights
            WHERE tenant_id = ${tenantId} AND date < date_trunc('month', ${day}::date)::date) m
          WHERE NOT EXISTS (SELECT FROM archives a
            WHERE a.tenant_id = ${tenantId} AND a.month = m.month AND a.restored_at > now() - ${RESTORED_DAYS} * interval '1 day')
          ORDER BY 1 LIMIT 60`),
      );
      return rows.map(({ month }) => month);
    },

    /** A month's rows as text, in the order of `columns`, a day at a time. */
    async *linesOf(tenantId: number, month: string): AsyncGenerator<readonly (readonly string[])[]> {
      const days = await inTenant(tenantId, (tx) =>
        tx.anyFirst(sql.type(dayRow)`
          SELECT DISTINCT date::text AS day FROM meta_ads_ad_insights WHERE tenant_id = ${tenantId} AND ${isIn(month)} ORDER BY 1`),
      );
      for (const day of days) {
        const rows = await inTenant(tenantId, (tx) =>
          tx.any(sql.type(lineRow)`
            SELECT ARRAY[${line}] AS line FROM meta_ads_ad_insights WHERE tenant_id = ${tenantId} AND date = ${day}::date ORDER BY ${inOrder}`),
        );
        yield rows.map((row) => row.line);
      }
    },

    /** The file of a month, also of one that was put back; null when it was never archived. */
    maybeOf: (tenantId: number, month: string): Promise<Archive | null> =>
      inTenant(tenantId, (tx) =>
        tx.maybeOne(sql.type(archiveRow)`
          SELECT month::text, file, rows, sha256 FROM archives WHERE tenant_id = ${tenantId} AND month = ${month}::date`),
      ),

    /** Months that lie in files only. */
    list: (tenantId: number): Promise<readonly Archive[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(archiveRow)`
          SELECT month::text, file, rows, sha256 FROM archives WHERE tenant_id = ${tenantId} AND restored_at IS NULL ORDER BY month LIMIT 600`),
      ),

    /**
     * Takes a month out of the table that its file holds, whole. `fingerprint` is the SHA-256 of the file's lines: when the rows that go are
     * not exactly those, none goes, and false is given.
     */
    takeOut: (tenantId: number, archive: Archive & { fingerprint: string }, actor: Actor): Promise<boolean> =>
      inTenant(tenantId, async (tx) => {
        const { month, file, rows, sha256, fingerprint } = archive;
        const gone = await tx.one(sql.type(goneRow)`
          WITH gone AS (DELETE FROM meta_ads_ad_insights WHERE tenant_id = ${tenantId} AND ${isIn(month)} RETURNING *)
          SELECT count(*) AS rows,
            encode(sha256(convert_to(coalesce(string_agg(concat_ws(chr(31), ${line}), chr(10) ORDER BY ${inOrder}), ''), 'UTF8')), 'hex') AS fingerprint
          FROM gone`);
        if (gone.rows !== rows || gone.fingerprint !== fingerprint) throw new Changed();
        await tx.query(sql.unsafe`
          INSERT INTO archives (tenant_id, month, file, rows, sha256) VALUES (${tenantId}, ${month}::date, ${file}, ${rows}, ${sql.binary(sha256)})
          ON CONFLICT (tenant_id, month) DO UPDATE
            SET file = excluded.file, rows = excluded.rows, sha256 = excluded.sha256, archived_at = now(), restored_at = NULL`);
        await audited(tx, {
          tenantId,
          name: 'archive.written',
          actor,
          object: { type: 'archive', id: month },
          details: { rows },
        });
        return true;
      }).catch((error: unknown) => {
        if (error instanceof Changed) return false;
        throw error;
      }),

    /** Puts lines of a file back; what is in the table already stays as it is. Gives how many rows came back. Safe to repeat. */
    putBack: (tenantId: number, lines: readonly (readonly string[])[]): Promise<number> =>
      inTenant(tenantId, async (tx) => {
        const { rowCount } = await tx.query(sql.unsafe`
          INSERT INTO meta_ads_ad_insights (tenant_id, ad_id, date, adset_id, meta_campaign_id, meta_account_id, currency, spend, impressions, clicks, leads)
          SELECT ${tenantId}, given.* FROM ${sql.unnest(lines as string[][], TYPES)}
            AS given (ad_id, date, adset_id, meta_campaign_id, meta_account_id, currency, spend, impressions, clicks, leads)
          JOIN meta_ads_campaigns c ON c.tenant_id = ${tenantId} AND c.meta_campaign_id = given.meta_campaign_id
          ON CONFLICT (tenant_id, ad_id, date) DO NOTHING`);
        return rowCount;
      }),

    /** Every line of the month's file lies in the table again. */
    markRestored: (tenantId: number, month: string, rows: number, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          UPDATE archives SET restored_at = now() WHERE tenant_id = ${tenantId} AND month = ${month}::date`);
        await audited(tx, {
          tenantId,
          name: 'archive.restored',
          actor,
          object: { type: 'archive', id: month },
          details: { rows },
        });
      }),
  };
}

const line = sql.fragment`ad_id, date::text, adset_id, meta_campaign_id, meta_account_id, currency::text, spend::text, impressions::text, clicks::text, leads::text`;
const inOrder = sql.fragment`date, ad_id COLLATE "C"`;
const isIn = (month: string) =>
  sql.fragment`date >= ${month}::date AND date < (${month}::date + interval '1 month')::date`;

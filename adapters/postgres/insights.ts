import { sql } from 'slonik';
import { z } from 'zod';
import type { Period } from '../../domain/days.ts';
import { insertUnlisted, type SyncedAccount } from './campaigns.ts';
import type { Database, Tx } from './pool.ts';

/** One campaign's day: the books. Money as decimal text in the account's currency. */
export interface InsightRecord {
  campaignId: string;
  campaignName: string;
  date: string;
  spend: string;
  impressions: number;
  clicks: number;
  leads: number;
  /** The day was over when it was last read: a difference is a restatement and goes on record. */
  wasOver?: boolean;
}

export type Insights = ReturnType<typeof createInsights>;

/** `meta_ads_insights`, written by syncs only; a sync is one row of the audit trail, not each of its pages. */
export function createInsights({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /**
     * One page of the books, and the run's progress with it; what it changes about days that were over goes on record under `seenOn`, today in the
     * account's zone. Repeating a page changes no figure and records nothing twice.
     */
    savePage: (
      tenantId: number,
      runId: string,
      account: SyncedAccount,
      page: { rows: readonly InsightRecord[]; calls: number; seenOn?: string },
    ): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        if (page.rows.length > 0) {
          await insertUnlisted(tx, tenantId, account, page.rows);
          const over = page.rows.filter(({ wasOver }) => wasOver);
          if (over.length > 0 && page.seenOn !== undefined)
            await saveRestatements(tx, tenantId, account, over, page.seenOn);
          await upsertDays(tx, tenantId, account, page.rows);
        }
        await tx.query(sql.unsafe`
          UPDATE sync_runs SET insight_rows = insight_rows + ${page.rows.length}, calls = calls + ${page.calls}
          WHERE tenant_id = ${tenantId} AND id = ${runId}`);
      }),
    /**
     * Takes out of the books what Meta reported of these days once and reports no more; what was over goes on record as a change to nothing. Only as
     * much as the account's own total is short of: an answer that came incomplete takes nothing away. Gives the number of days taken out.
     */
    dropUnreported: (
      tenantId: number,
      runId: string,
      account: SyncedAccount,
      days: Period,
      { slice, told, isOver, seenOn }: Unreported,
    ): Promise<number> =>
      inTenant(tenantId, async (tx) => {
        const gone = await unreportedDays(tx, tenantId, runId, account, days, { slice, told });
        if (gone.length === 0) return 0;
        const zeros = gone.map(({ campaignId, date }) => ({ campaignId, date, campaignName: '', ...NOTHING }));
        const over = zeros.filter(({ date }) => isOver(date));
        if (over.length > 0) await saveRestatements(tx, tenantId, account, over, seenOn);
        const keys = zeros.map(({ campaignId, date }) => [campaignId, date]);
        await tx.query(sql.unsafe`
          DELETE FROM meta_ads_insights k USING ${sql.unnest(keys, ['text', 'date'])} AS given (id, day)
          WHERE k.tenant_id = ${tenantId} AND k.meta_campaign_id = given.id AND k.date = given.day`);
        return gone.length;
      }),
  };
}

const NOTHING = { spend: '0', impressions: 0, clicks: 0, leads: 0 };

/** What Meta's answers say of some days. */
interface Unreported {
  /** What was read whole: the days, and perhaps today. */
  slice: Period;
  /** The account's own total of these days. */
  told: { spend: string; impressions: number };
  /** Whether the day was over when it was last read. */
  isOver: (day: string) => boolean;
  seenOn: string;
}

const goneRow = z.object({ campaignId: z.string(), date: z.string() });

// Each window of the slice left a mark of what it reported, in bits that count from its first day.
const unreportedDays = (
  tx: Tx,
  tenantId: number,
  runId: string,
  { adAccountId }: SyncedAccount,
  { since, until }: Period,
  { slice, told }: Pick<Unreported, 'slice' | 'told'>,
) =>
  tx.any(sql.type(goneRow)`
    WITH told AS (
      SELECT campaign.id, bit_or(campaign.days::int << (r.since - ${slice.since}::date)) AS days
      FROM insight_reports r CROSS JOIN jsonb_each_text(r.reported) AS campaign (id, days)
      WHERE r.tenant_id = ${tenantId} AND r.run_id = ${runId} AND r.ad_account_id = ${adAccountId} AND r.level = 'campaign' AND r.state = 'done'
        AND r.since >= ${slice.since}::date AND r.until <= ${slice.until}::date
      GROUP BY campaign.id
    ), books AS (
      SELECT k.meta_campaign_id, k.date, k.spend, k.impressions,
        coalesce(told.days, 0) & (1 << (k.date - ${slice.since}::date)) = 0 AS is_gone
      FROM meta_ads_insights k
      LEFT JOIN told ON told.id = k.meta_campaign_id
      WHERE k.tenant_id = ${tenantId} AND k.meta_account_id = ${adAccountId} AND k.date BETWEEN ${since}::date AND ${until}::date
    ), kept AS (
      SELECT coalesce(sum(spend), 0) AS spend, coalesce(sum(impressions), 0) AS impressions FROM books WHERE NOT is_gone
    )
    SELECT b.meta_campaign_id AS "campaignId", b.date::text AS date FROM books b, kept
    WHERE b.is_gone AND kept.spend >= ${told.spend}::numeric AND kept.impressions >= ${told.impressions}`);

async function upsertDays(tx: Tx, tenantId: number, account: SyncedAccount, rows: readonly InsightRecord[]) {
  const tuples = rows.map((row) => [row.campaignId, row.date, row.spend, row.impressions, row.clicks, row.leads]);
  await tx.query(sql.unsafe`
    INSERT INTO meta_ads_insights AS kept
      (tenant_id, meta_campaign_id, meta_account_id, date, currency, spend, impressions, clicks, leads)
    SELECT ${tenantId}, given.id, ${account.adAccountId}, given.day, ${account.currency}, given.spend, given.impressions, given.clicks, given.leads
    FROM ${sql.unnest(tuples, DAY_TYPES)} AS given (id, day, spend, impressions, clicks, leads)
    ON CONFLICT (tenant_id, meta_campaign_id, date) DO UPDATE SET meta_account_id = excluded.meta_account_id,
      currency = excluded.currency, spend = excluded.spend, impressions = excluded.impressions,
      clicks = excluded.clicks, leads = excluded.leads, synced_at = now(), updated_at = now()
    WHERE (kept.currency, kept.spend, kept.impressions, kept.clicks, kept.leads)
      IS DISTINCT FROM (excluded.currency, excluded.spend, excluded.impressions, excluded.clicks, excluded.leads)`);
}

const DAY_TYPES = ['text', 'date', 'numeric', 'int8', 'int8', 'int4'];

/**
 * What the books hold of each `given` row's campaign and day (`id`, `day`), all nulls for nothing. One look into the index a row, in the partitions of the
 * page's days only: a join would read all that the tenant ever had.
 */
const keptBeside = (tenantId: number, rows: readonly InsightRecord[]) => {
  const days = rows.map(({ date }) => date).sort();
  return sql.fragment`
    LEFT JOIN LATERAL (
      SELECT k.currency, k.spend, k.impressions, k.clicks, k.leads FROM meta_ads_insights k
      WHERE k.tenant_id = ${tenantId} AND k.meta_campaign_id = given.id AND k.date = given.day
        AND k.date BETWEEN ${days.at(0) ?? null}::date AND ${days.at(-1) ?? null}::date
      LIMIT 1
    ) kept ON true`;
};

// One row a campaign, day and seen-day: a second change on the same day keeps what stood there in the morning. What came back to that is no
// difference any more.
async function saveRestatements(
  tx: Tx,
  tenantId: number,
  account: SyncedAccount,
  rows: readonly InsightRecord[],
  seenOn: string,
) {
  const tuples = rows.map((row) => [row.campaignId, row.date, row.spend, row.impressions, row.clicks, row.leads]);
  const saved = await tx.any(sql.type(restatedRow)`
    INSERT INTO insight_restatements AS ledger (tenant_id, meta_campaign_id, day, seen_on, currency, spend_before, spend_after,
      impressions_before, impressions_after, clicks_before, clicks_after, leads_before, leads_after)
    SELECT ${tenantId}, given.id, given.day, ${seenOn}::date, ${account.currency}, coalesce(kept.spend, 0), round(given.spend, 2),
      coalesce(kept.impressions, 0), given.impressions, coalesce(kept.clicks, 0), given.clicks, coalesce(kept.leads, 0), given.leads
    FROM ${sql.unnest(tuples, DAY_TYPES)} AS given (id, day, spend, impressions, clicks, leads) ${keptBeside(tenantId, rows)}
    WHERE (coalesce(kept.spend, 0), coalesce(kept.impressions, 0), coalesce(kept.clicks, 0), coalesce(kept.leads, 0))
      IS DISTINCT FROM (round(given.spend, 2), given.impressions, given.clicks, given.leads)
    ON CONFLICT (tenant_id, meta_campaign_id, day, seen_on) DO UPDATE SET spend_after = excluded.spend_after,
      impressions_after = excluded.impressions_after, clicks_after = excluded.clicks_after, leads_after = excluded.leads_after,
      seen_at = now()
    RETURNING meta_campaign_id AS id, day::text,
      (spend_before, impressions_before, clicks_before, leads_before) = (spend_after, impressions_after, clicks_after, leads_after) AS "isNone"`);
  const none = saved.filter(({ isNone }) => isNone).map(({ id, day }) => [id, day]);
  if (none.length === 0) return;
  await tx.query(sql.unsafe`
    DELETE FROM insight_restatements r USING ${sql.unnest(none, ['text', 'date'])} AS given (id, day)
    WHERE r.tenant_id = ${tenantId} AND r.meta_campaign_id = given.id AND r.day = given.day AND r.seen_on = ${seenOn}::date`);
}

const restatedRow = z.object({ id: z.string(), day: z.string(), isNone: z.boolean() });

import { sql } from 'slonik';
import { z } from 'zod';
import type { Period } from '../../domain/days.ts';
import type { ReportedDays } from '../../domain/reported-days.ts';
import type { Database, Tx } from './pool.ts';

export type ReportLevel = 'campaign' | 'ad';

/** A window of an account's figures at one level. */
export interface ReportKey extends Period {
  /** The sync's run: what another one left lying counts for nothing. */
  runId: string;
  adAccountId: string;
  level: ReportLevel;
}

const reportRow = z
  .object({
    state: z.enum(['asked', 'split', 'done']),
    report_run_id: z.string().nullable(),
    attempts: z.number(),
    polls: z.number(),
    asked_at: z.date(),
  })
  .transform((row) => ({
    state: row.state,
    reportRunId: row.report_run_id,
    attempts: row.attempts,
    polls: row.polls,
    askedAt: row.asked_at,
  }));
export type InsightReport = z.output<typeof reportRow>;

export type InsightReports = ReturnType<typeof createInsightReports>;

/** How far the windows are that Meta does not give page by page: so that a repeat goes on with the job that runs instead of starting another. */
export function createInsightReports({ inTenant }: Pick<Database, 'inTenant'>) {
  const where = (tenantId: number, { runId, adAccountId, level, since, until }: ReportKey) =>
    sql.fragment`tenant_id = ${tenantId} AND run_id = ${runId} AND ad_account_id = ${adAccountId} AND level = ${level} AND since = ${since}::date AND until = ${until}::date`;
  return {
    maybe: (tenantId: number, key: ReportKey): Promise<InsightReport | null> =>
      inTenant(tenantId, (tx) =>
        tx.maybeOne(sql.type(reportRow)`
          SELECT state, report_run_id, attempts, polls, asked_at FROM insight_reports WHERE ${where(tenantId, key)}`),
      ),
    /** Notes that this job was started for the window. */
    asked: (tenantId: number, key: ReportKey, reportRunId: string): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          INSERT INTO insight_reports AS r (tenant_id, ad_account_id, level, since, until, state, report_run_id, attempts, run_id)
          VALUES (${tenantId}, ${key.adAccountId}, ${key.level}, ${key.since}::date, ${key.until}::date, 'asked', ${reportRunId}, 1, ${key.runId})
          ON CONFLICT (tenant_id, ad_account_id, level, since, until) DO UPDATE SET state = 'asked', report_run_id = excluded.report_run_id,
            attempts = CASE WHEN r.run_id = excluded.run_id THEN r.attempts + 1 ELSE 1 END, run_id = excluded.run_id, polls = 0, asked_at = now()`);
      }),
    polled: (tenantId: number, key: ReportKey): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`UPDATE insight_reports SET polls = polls + 1 WHERE ${where(tenantId, key)}`);
      }),
    /** The window is read in halves. */
    split: (tenantId: number, key: ReportKey): Promise<void> =>
      inTenant(tenantId, (tx) => mark(tx, tenantId, key, 'split', [])),
    /** The window is whole; with the books, which campaigns Meta reported on which of its days (`dropUnreported` reads that). */
    done: (tenantId: number, key: ReportKey, reported?: ReportedDays): Promise<void> =>
      inTenant(tenantId, (tx) => mark(tx, tenantId, key, 'done', reported?.entries() ?? [])),
    /** Forgets a slice that is whole with all its parts, and whatever an earlier run left lying. */
    forget: (tenantId: number, adAccountId: string, { since, until }: Period): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          DELETE FROM insight_reports
          WHERE tenant_id = ${tenantId} AND ad_account_id = ${adAccountId}
            AND ((since >= ${since}::date AND until <= ${until}::date) OR asked_at < now() - interval '1 day')`);
      }),
  };
}

async function mark(
  tx: Tx,
  tenantId: number,
  { runId, adAccountId, level, since, until }: ReportKey,
  state: 'split' | 'done',
  reported: readonly [string, number][],
): Promise<void> {
  await tx.query(sql.unsafe`
    INSERT INTO insight_reports (tenant_id, ad_account_id, level, since, until, state, run_id, reported)
    VALUES (${tenantId}, ${adAccountId}, ${level}, ${since}::date, ${until}::date, ${state}, ${runId}, ${sql.jsonb(Object.fromEntries(reported))})
    ON CONFLICT (tenant_id, ad_account_id, level, since, until) DO UPDATE SET state = excluded.state, report_run_id = NULL,
      run_id = excluded.run_id, reported = excluded.reported, asked_at = now()`);
}

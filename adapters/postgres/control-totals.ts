import { sql } from 'slonik';
import { z } from 'zod';
import type { Period } from '../../domain/days.ts';
import type { SyncedAccount } from './campaigns.ts';
import type { Database } from './pool.ts';

/** Meta's own figures of an account over some days. */
export interface AccountTotal {
  spend: string;
  impressions: number;
  clicks: number;
  leads: number;
}

const controlRow = z.object({
  ad_account_id: z.string(),
  name: z.string(),
  currency: z.string(),
  since: z.string(),
  until: z.string(),
  meta_spend: z.string(),
  meta_leads: z.number(),
  books_spend: z.string(),
  books_leads: z.number(),
  apart_spend: z.string(),
  apart_impressions: z.number(),
  apart_clicks: z.number(),
  apart_leads: z.number(),
  read_at: z.date(),
});
export type ControlTotal = z.output<typeof controlRow>;

export type ControlTotals = ReturnType<typeof createControlTotals>;

/** What Meta says an account spent beside what our books hold: the difference belongs to no campaign and is shown as that. */
export function createControlTotals({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Keeps Meta's total of these days with what the books add up to at this moment; the calls it took are counted on the run. */
    save: (
      tenantId: number,
      runId: string,
      { adAccountId, currency }: SyncedAccount,
      { since, until }: Period,
      total: AccountTotal & { calls: number },
    ): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          INSERT INTO account_control_totals (tenant_id, ad_account_id, since, until, currency, meta_spend, meta_impressions, meta_clicks, meta_leads,
            books_spend, books_impressions, books_clicks, books_leads)
          SELECT ${tenantId}, ${adAccountId}, ${since}::date, ${until}::date, ${currency}, ${total.spend}::numeric, ${total.impressions}, ${total.clicks}, ${total.leads},
            coalesce(sum(spend), 0), coalesce(sum(impressions), 0), coalesce(sum(clicks), 0), coalesce(sum(leads), 0)
          FROM meta_ads_insights
          WHERE tenant_id = ${tenantId} AND meta_account_id = ${adAccountId} AND date BETWEEN ${since}::date AND ${until}::date
          ON CONFLICT (tenant_id, ad_account_id, until, since) DO UPDATE SET currency = excluded.currency, meta_spend = excluded.meta_spend,
            meta_impressions = excluded.meta_impressions, meta_clicks = excluded.meta_clicks, meta_leads = excluded.meta_leads,
            books_spend = excluded.books_spend, books_impressions = excluded.books_impressions, books_clicks = excluded.books_clicks,
            books_leads = excluded.books_leads, read_at = now()`);
        await tx.query(
          sql.unsafe`UPDATE sync_runs SET calls = calls + ${total.calls} WHERE tenant_id = ${tenantId} AND id = ${runId}`,
        );
        await tx.query(sql.unsafe`
          DELETE FROM account_control_totals
          WHERE tenant_id = ${tenantId} AND ad_account_id = ${adAccountId} AND read_at < now() - interval '90 days'`);
      }),
    /** The newest comparison of each copied account. */
    latest: (tenantId: number): Promise<readonly ControlTotal[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(controlRow)`
          SELECT DISTINCT ON (a.name, t.ad_account_id) t.ad_account_id, a.name, t.currency, t.since::text, t.until::text, t.meta_spend, t.meta_leads,
            t.books_spend, t.books_leads, t.meta_spend - t.books_spend AS apart_spend, t.meta_impressions - t.books_impressions AS apart_impressions,
            t.meta_clicks - t.books_clicks AS apart_clicks, t.meta_leads - t.books_leads AS apart_leads, t.read_at
          FROM account_control_totals t
          JOIN ad_accounts a ON a.tenant_id = t.tenant_id AND a.ad_account_id = t.ad_account_id AND a.is_selected
          WHERE t.tenant_id = ${tenantId}
          ORDER BY a.name, t.ad_account_id, t.until DESC, t.since LIMIT 500`),
      ),
  };
}

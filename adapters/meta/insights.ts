import { z } from 'zod';
import { AppError } from '../../domain/error.ts';
import { LEAD_ACTION_TYPES } from '../../domain/insights.ts';
import type { Graph } from './graph.ts';
import { allRows, metaId, pagesOf } from './paging.ts';

// Meta leaves out what is zero; numbers are text.
const count = z.union([z.string(), z.number()]).default('0').transform(Number).pipe(z.number().int());
const leadAction = z.object({ action_type: z.enum(LEAD_ACTION_TYPES), value: z.coerce.number() });
const LEADS: ReadonlySet<unknown> = new Set(LEAD_ACTION_TYPES);
const mayBeLeads = (action: unknown): boolean =>
  typeof action === 'object' && action !== null && 'action_type' in action && LEADS.has(action.action_type);
const delivered = {
  date_start: z.iso.date(),
  spend: z
    .string()
    .regex(/^-?\d+(\.\d+)?$/)
    .default('0'),
  impressions: count,
  clicks: count,
  // A row has many others, and to check them all is most of the work a page makes.
  actions: z.preprocess(
    (actions) => (Array.isArray(actions) ? actions.filter(mayBeLeads) : actions),
    z.array(leadAction).default([]),
  ),
};
const deliveredRow = z.object(delivered);

/** What every level tells of a row. */
const figuresOf = (row: z.output<typeof deliveredRow>) => ({
  /** A day of the ad account's zone, `2026-11-24`; of a longer span its first. */
  date: row.date_start,
  /** Decimal text in major units of the account's currency. */
  spend: row.spend,
  impressions: row.impressions,
  clicks: row.clicks,
  /** Those that may count as leads. Overlapping types: pick one, never sum (domain/insights.ts). */
  actions: row.actions.map(({ action_type: type, value }) => ({ type, value })),
});

const campaignDayRow = z
  .object({ ...delivered, campaign_id: metaId, campaign_name: z.string().default('') })
  .transform((row) => ({ campaignId: row.campaign_id, campaignName: row.campaign_name, ...figuresOf(row) }));
export type CampaignDay = z.output<typeof campaignDayRow>;

const adDayRow = z
  .object({ ...delivered, campaign_id: metaId, campaign_name: z.string().default(''), adset_id: metaId, ad_id: metaId })
  .transform((row) => ({
    campaignId: row.campaign_id,
    campaignName: row.campaign_name,
    adsetId: row.adset_id,
    adId: row.ad_id,
    ...figuresOf(row),
  }));
export type AdDay = z.output<typeof adDayRow>;

const reportRow = z.object({ report_run_id: metaId });
const statusRow = z
  .object({ async_status: z.string(), async_percent_completion: z.coerce.number().catch(0) })
  .transform((row) => ({ status: row.async_status, percent: row.async_percent_completion }));

const totalRow = deliveredRow.transform(figuresOf);

/** Whole days of the ad account's zone, both included. */
export interface DayRange {
  since: string;
  until: string;
}

const FIGURES = 'spend,impressions,clicks,actions';
const PAGE_ROWS = 500;

/** What is asked for and how its rows read, by level. */
const LEVELS = {
  campaign: { level: 'campaign', fields: `campaign_id,campaign_name,${FIGURES}`, row: campaignDayRow },
  ad: { level: 'ad', fields: `campaign_id,campaign_name,adset_id,ad_id,${FIGURES}`, row: adDayRow },
} as const;
export type InsightLevel = keyof typeof LEVELS;

/** An ad account's figures at three levels. Days without delivery have no row. */
export function createInsights(graph: Graph) {
  function question<T>(
    token: string,
    adAccountId: string,
    { since, until }: DayRange,
    { row, ...params }: { level: string; fields: string; time_increment?: string; row: z.ZodType<T> },
  ) {
    return {
      endpoint: 'insights',
      path: `act_${encodeURIComponent(adAccountId)}/insights`,
      token,
      params: { ...params, time_range: JSON.stringify({ since, until }) },
      row,
      limit: PAGE_ROWS,
      assetId: adAccountId,
      limits: ['ads', 'ads_insights'],
      deadlineMs: 60_000,
    } as const;
  }
  const reportOf = (token: string, adAccountId: string, reportRunId: string) =>
    ({
      endpoint: 'insights_report',
      path: `${encodeURIComponent(reportRunId)}/insights`,
      token,
      assetId: adAccountId,
      limits: ['ads', 'ads_insights'],
      deadlineMs: 60_000,
    }) as const;
  return {
    /** The books: by campaign and day. */
    campaignDays: (token: string, adAccountId: string, days: DayRange) =>
      pagesOf(graph, question(token, adAccountId, days, { ...LEVELS.campaign, time_increment: '1' })),
    /** The detail: by ad and day. Ads that were deleted since are left out by Meta. */
    adDays: (token: string, adAccountId: string, days: DayRange) =>
      pagesOf(graph, question(token, adAccountId, days, { ...LEVELS.ad, time_increment: '1' })),
    /** Starts a report job of either and gives its id. */
    async startReport(token: string, adAccountId: string, level: InsightLevel, days: DayRange): Promise<string> {
      const { row: _row, ...params } = LEVELS[level];
      const { limit: _limit, ...asked } = question(token, adAccountId, days, {
        ...params,
        time_increment: '1',
        row: reportRow,
      });
      const { row: schema, ...call } = asked;
      const made = await graph.call({ ...call, endpoint: 'insights_report', method: 'POST', schema });
      return made.report_run_id;
    },
    /** How far a job is; null while Meta does not find it, as in its first seconds. */
    async reportStatus(token: string, adAccountId: string, reportRunId: string) {
      try {
        return await graph.call({ ...reportOf(token, adAccountId, reportRunId), path: reportRunId, schema: statusRow });
      } catch (error) {
        if (error instanceof AppError && error.code === 'not_found') return null;
        throw error;
      }
    },
    /** The rows of a finished job. */
    reportCampaignDays: (token: string, adAccountId: string, reportRunId: string) =>
      pagesOf(graph, { ...reportOf(token, adAccountId, reportRunId), row: campaignDayRow, limit: PAGE_ROWS }),
    reportAdDays: (token: string, adAccountId: string, reportRunId: string) =>
      pagesOf(graph, { ...reportOf(token, adAccountId, reportRunId), row: adDayRow, limit: PAGE_ROWS }),
    /** The account's own total of these days, as Meta adds it up; null without delivery. */
    async accountTotal(token: string, adAccountId: string, days: DayRange) {
      const params = { level: 'account', fields: FIGURES, row: totalRow };
      const [total] = await allRows(graph, question(token, adAccountId, days, params));
      return total ?? null;
    },
  };
}

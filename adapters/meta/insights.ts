import { z } from 'zod';
import type { Graph } from './graph.ts';
import { metaId, pagesOf } from './paging.ts';

// Meta leaves out what is zero; numbers are text.
const count = z.union([z.string(), z.number()]).default('0').transform(Number).pipe(z.number().int());

const insightRow = z
  .object({
    campaign_id: metaId,
    campaign_name: z.string().default(''),
    date_start: z.iso.date(),
    spend: z
      .string()
      .regex(/^-?\d+(\.\d+)?$/)
      .default('0'),
    impressions: count,
    clicks: count,
    actions: z.array(z.object({ action_type: z.string(), value: z.coerce.number() })).default([]),
  })
  .transform((row) => ({
    campaignId: row.campaign_id,
    campaignName: row.campaign_name,
    /** A day of the ad account's zone, `2026-11-24`. */
    date: row.date_start,
    /** Decimal text in major units of the account's currency. */
    spend: row.spend,
    impressions: row.impressions,
    clicks: row.clicks,
    /** Overlapping types: pick one, never sum (domain/insights.ts). */
    actions: row.actions.map(({ action_type: type, value }) => ({ type, value })),
  }));
export type CampaignDay = z.output<typeof insightRow>;

/** Whole days of the ad account's zone, both included. */
export interface DayRange {
  since: string;
  until: string;
}

const FIELDS = 'campaign_id,campaign_name,spend,impressions,clicks,actions';

/** The books: an ad account's figures by campaign and day, 500 rows a page. Days without delivery have no row. */
export function createInsights(graph: Graph) {
  return {
    campaignDays: (token: string, adAccountId: string, { since, until }: DayRange) =>
      pagesOf(graph, {
        endpoint: 'insights',
        path: `act_${encodeURIComponent(adAccountId)}/insights`,
        token,
        params: {
          level: 'campaign',
          time_increment: '1',
          time_range: JSON.stringify({ since, until }),
          fields: FIELDS,
        },
        row: insightRow,
        limit: 500,
        assetId: adAccountId,
        limits: ['ads', 'ads_insights'],
        deadlineMs: 60_000,
      }),
  };
}

import { z } from 'zod';
import type { Endpoint, Graph } from './graph.ts';
import { metaId, pagesOf } from './paging.ts';

// Minor units as text, "0" or absent when the other level holds the budget.
const budget = z
  .union([z.string(), z.number()])
  .transform(String)
  .optional()
  .transform((value) => (value === undefined || value === '0' ? null : value));
const textOrNull = z.string().nullable().default(null);

const campaignRow = z
  .object({
    id: metaId,
    name: z.string().default(''),
    objective: textOrNull,
    effective_status: textOrNull,
    daily_budget: budget,
    lifetime_budget: budget,
  })
  .transform((row) => ({
    campaignId: row.id,
    name: row.name,
    objective: row.objective,
    status: row.effective_status,
    /** In minor units, by Meta's own currency table (domain/money.ts). */
    dailyBudget: row.daily_budget,
    lifetimeBudget: row.lifetime_budget,
  }));
export type Campaign = z.output<typeof campaignRow>;

const adsetRow = z
  .object({
    id: metaId,
    campaign_id: metaId,
    name: z.string().default(''),
    effective_status: textOrNull,
    daily_budget: budget,
    lifetime_budget: budget,
  })
  .transform((row) => ({
    adsetId: row.id,
    campaignId: row.campaign_id,
    name: row.name,
    status: row.effective_status,
    dailyBudget: row.daily_budget,
    lifetimeBudget: row.lifetime_budget,
  }));
export type Adset = z.output<typeof adsetRow>;

const adRow = z
  .object({
    id: metaId,
    adset_id: metaId,
    campaign_id: metaId,
    name: z.string().default(''),
    effective_status: textOrNull,
    creative: z.object({ id: metaId, name: textOrNull, thumbnail_url: textOrNull }).optional(),
  })
  .transform((row) => ({
    adId: row.id,
    adsetId: row.adset_id,
    campaignId: row.campaign_id,
    name: row.name,
    status: row.effective_status,
    creative:
      row.creative === undefined
        ? null
        : { creativeId: row.creative.id, name: row.creative.name, thumbnailUrl: row.creative.thumbnail_url },
  }));
export type Ad = z.output<typeof adRow>;

// Deleted and archived objects are hidden unless asked for, and they still have figures.
const CAMPAIGN_STATUSES = ['ACTIVE', 'PAUSED', 'DELETED', 'ARCHIVED', 'IN_PROCESS', 'WITH_ISSUES'];
const ADSET_STATUSES = [...CAMPAIGN_STATUSES, 'CAMPAIGN_PAUSED'];
const REVIEW_STATUSES = ['PENDING_REVIEW', 'DISAPPROVED', 'PREAPPROVED', 'PENDING_BILLING_INFO'];
const AD_STATUSES = [...ADSET_STATUSES, 'ADSET_PAUSED', ...REVIEW_STATUSES];
const PAGE_ROWS = 500;

/**
 * An ad account's campaigns, ad sets and ads (each with its creative: one edge less to read), page by page; with `changedSince` only those that somebody
 * changed or made later.
 */
export function createCampaigns(graph: Graph) {
  function edge<T>(
    token: string,
    adAccountId: string,
    changedSince: Date | null,
    request: { endpoint: Endpoint; kind: string; row: z.ZodType<T>; fields: string; statuses: readonly string[] },
  ) {
    const { endpoint, kind, row, fields, statuses } = request;
    return pagesOf(graph, {
      endpoint,
      path: `act_${encodeURIComponent(adAccountId)}/${endpoint}`,
      token,
      params: { fields, effective_status: JSON.stringify(statuses), ...updatedAfter(kind, changedSince) },
      row,
      limit: PAGE_ROWS,
      assetId: adAccountId,
      limits: ['ads', 'ads_management'],
      deadlineMs: 60_000,
    });
  }
  return {
    campaigns: (token: string, adAccountId: string, changedSince: Date | null = null) =>
      edge(token, adAccountId, changedSince, {
        endpoint: 'campaigns',
        kind: 'campaign',
        row: campaignRow,
        fields: 'id,name,objective,effective_status,daily_budget,lifetime_budget',
        statuses: CAMPAIGN_STATUSES,
      }),
    adsets: (token: string, adAccountId: string, changedSince: Date | null = null) =>
      edge(token, adAccountId, changedSince, {
        endpoint: 'adsets',
        kind: 'adset',
        row: adsetRow,
        fields: 'id,campaign_id,name,effective_status,daily_budget,lifetime_budget',
        statuses: ADSET_STATUSES,
      }),
    ads: (token: string, adAccountId: string, changedSince: Date | null = null) =>
      edge(token, adAccountId, changedSince, {
        endpoint: 'ads',
        kind: 'ad',
        row: adRow,
        fields: 'id,adset_id,campaign_id,name,effective_status,creative{id,name,thumbnail_url}',
        statuses: AD_STATUSES,
      }),
  };
}

const updatedAfter = (kind: string, since: Date | null): { filtering?: string } => {
  if (since === null) return {};
  const value = Math.floor(since.getTime() / 1000);
  return { filtering: JSON.stringify([{ field: `${kind}.updated_time`, operator: 'GREATER_THAN', value }]) };
};

import { digitsOf, toText } from '../domain/decimal.ts';
import { costPerLead, knownRevenue, roas, roiPercentage, type StatsResult } from '../domain/stats.ts';

const money = (value: bigint | null, currency: string): string | null =>
  value === null ? null : toText(value, digitsOf(currency));

/** The reply of `GET /crm/marketing/stats`: money as decimal text in major units, ratios null when undefined. */
export function statsJson(tenantId: number, currency: string, now: StatsResult, before: StatsResult) {
  const synced = now.accounts.map(({ lastSyncedAt }) => lastSyncedAt?.toISOString() ?? null);
  return {
    tenant_id: tenantId,
    period: now.period,
    previous_period: before.period,
    as_of: synced.includes(null) ? null : (synced.sort()[0] ?? null),
    accounts: now.accounts.map((account) => ({
      ad_account_id: account.accountId,
      name: account.name,
      currency: account.currency,
      time_zone: account.timeZone,
      ...account.period,
      spend: money(account.spend, account.currency),
      impressions: account.impressions,
      clicks: account.clicks,
      leads: account.leads,
      meta_leads: account.metaLeads,
    })),
    totals: now.totals.map((total) => ({
      currency: total.currency,
      spend: money(total.spend, total.currency),
      leads: total.leads,
      meta_leads: total.metaLeads,
      cost_per_lead: costPerLead(total, total.currency),
      opportunities: total.opportunities,
      sales: total.sales,
      revenue: money(knownRevenue(total), total.currency),
      roi_percentage: roiPercentage(total),
      roas: roas(total),
    })),
    campaigns: now.campaigns.map(campaignJson),
    unattributed: {
      leads: now.unattributed.leads,
      sales: now.unattributed.sales,
      revenue: money(knownRevenue(now.unattributed), currency),
    },
  };
}

/** One campaign, as in the stats and in `GET /crm/marketing/campaigns`. */
export const campaignJson = (campaign: StatsResult['campaigns'][number]) => ({
  meta_campaign_id: campaign.campaignId,
  ad_account_id: campaign.accountId,
  name: campaign.name,
  status: campaign.status,
  currency: campaign.currency,
  spend: money(campaign.spend, campaign.currency),
  impressions: campaign.impressions,
  clicks: campaign.clicks,
  leads: campaign.leads,
  meta_leads: campaign.metaLeads,
  revenue: money(knownRevenue(campaign), campaign.currency),
  roi_percentage: roiPercentage(campaign),
  roas: roas(campaign),
});
export type StatsJson = ReturnType<typeof statsJson>;

import { digitsOf, toText } from '../domain/decimal.ts';
import { type Figures, knownRevenue, knownSpend } from '../domain/figures.ts';
import { costPerLead, roas, roiPercentage, type StatsResult } from '../domain/stats.ts';
import type { StatsAnswer } from './stats.ts';

const money = (value: bigint | null, currency: string): string | null =>
  value === null ? null : toText(value, digitsOf(currency));

/** Where a rate is missing, which one: that is why a figure is null. */
const whyNull = ({ missingRate }: Figures) => (missingRate === null ? {} : { missing_rate: missingRate });

/** The reply of `GET /crm/marketing/stats`: money as decimal text in major units, ratios null when undefined. */
export function statsJson(
  tenantId: number,
  { now, before, currency, reportingCurrency }: StatsAnswer,
  isOneCurrency: boolean,
) {
  const strayIn = isOneCurrency ? reportingCurrency : currency;
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
      spend: money(knownSpend(account), account.currency),
      impressions: account.impressions,
      clicks: account.clicks,
      leads: account.leads,
      meta_leads: account.metaLeads,
    })),
    totals: now.totals.map((total) => ({
      currency: total.currency,
      spend: money(knownSpend(total), total.currency),
      leads: total.leads,
      meta_leads: total.metaLeads,
      cost_per_lead: costPerLead(total, total.currency),
      opportunities: total.opportunities,
      sales: total.sales,
      revenue: money(knownRevenue(total), total.currency),
      roi_percentage: roiPercentage(total),
      roas: roas(total),
      ...whyNull(total),
    })),
    campaigns: now.campaigns.map(campaignJson),
    unattributed: {
      leads: now.unattributed.leads,
      sales: now.unattributed.sales,
      revenue: money(knownRevenue(now.unattributed), strayIn),
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
  spend: money(knownSpend(campaign), campaign.currency),
  impressions: campaign.impressions,
  clicks: campaign.clicks,
  leads: campaign.leads,
  meta_leads: campaign.metaLeads,
  revenue: money(knownRevenue(campaign), campaign.currency),
  roi_percentage: roiPercentage(campaign),
  roas: roas(campaign),
  ...whyNull(campaign),
});
export type StatsJson = ReturnType<typeof statsJson>;

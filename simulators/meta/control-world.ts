import { dayIn, dayNumber } from './clock.ts';
import { money } from './insights-rows.ts';
import { type Sums, sumsOf } from './insights-sums.ts';
import type { Simulator } from './simulator.ts';
import { type AdAccount, type Campaign, get } from './world-types.ts';

/** Everything that exists, for tests to pick ids and names from. */
export function worldView(sim: Simulator): Record<string, unknown> {
  const { world, app } = sim;
  return {
    seed: world.seed,
    now: new Date(sim.clock.now()).toISOString(),
    app: { id: app.id, name: app.name },
    businesses: world.businesses.map(({ kind: _kind, ...business }) => business),
    accounts: world.accounts.map(accountView),
    campaigns: world.campaigns.map((campaign) => campaignView(sim, campaign)),
    pages: world.pages.map(({ id, name, businessId, accountId, tasks }) => {
      const fields = sim.subscribedPages.get(id) ?? [];
      return { id, name, business_id: businessId, account_id: accountId, tasks, subscribed_fields: fields };
    }),
    forms: world.forms.map(({ id, pageId, name, status, questions }) => {
      return { id, page_id: pageId, name, status, questions, leads_count: sim.leads.ofForm(id).length };
    }),
    users: world.users.map(({ kind: _kind, systemOf, ...user }) => ({ ...user, system_user_of: systemOf })),
  };
}

function accountView(account: AdAccount): Record<string, unknown> {
  return {
    id: account.id,
    account_id: account.accountId,
    name: account.name,
    currency: account.currency,
    timezone_name: account.timeZone,
    business_id: account.businessId,
    minor_units: account.offset,
  };
}

/** `account_id` is the account's node id, as everywhere in this view. */
function campaignView({ world }: Simulator, campaign: Campaign): Record<string, unknown> {
  const { id, accountId, name, status, objective } = campaign;
  const ads = world.ads.filter((ad) => ad.campaignId === id);
  return {
    id,
    account_id: accountId,
    name,
    status,
    objective,
    adset_ids: world.adsets.filter((adset) => adset.campaignId === id).map((adset) => adset.id),
    ads: ads.map((ad) => ({ id: ad.id, name: ad.name, status: ad.status, creative_id: ad.creativeId })),
  };
}

/** Exact sums of an account and of each of its campaigns from `since` to `until`, as the insights edges add up right now. */
export function totals(sim: Simulator, query: URLSearchParams): Record<string, unknown> {
  const account = get(sim.world, 'account', query.get('account') ?? sim.world.accounts[0]?.id ?? '');
  const today = dayIn(account.timeZone, sim.clock.now());
  const span = { since: dayOr(query.get('since'), today - 29), until: dayOr(query.get('until'), today) };
  const ads = sim.world.ads.filter((ad) => ad.accountId === account.id);
  const rows = sim.world.campaigns
    .filter((campaign) => campaign.accountId === account.id)
    .map((campaign) => {
      const own = ads.filter((ad) => ad.campaignId === campaign.id);
      return { id: campaign.id, name: campaign.name, ...figures(account, sumsOf(sim, account, own, span, today)) };
    });
  return {
    account: account.id,
    currency: account.currency,
    ...figures(account, sumsOf(sim, account, ads, span, today)),
    campaigns: rows,
  };
}

function dayOr(text: string | null, fallback: number): number {
  const day = dayNumber(text ?? '');
  return Number.isNaN(day) ? fallback : day;
}

/** `leads` is `onsite_conversion.lead_grouped`; `all_leads` is `lead`. */
function figures(account: AdAccount, sums: Sums): Record<string, unknown> {
  const { impressions, clicks, spend, formLeads, pixelLeads } = sums;
  return { spend: money(spend, account), impressions, clicks, leads: formLeads, all_leads: formLeads + pixelLeads };
}

import { daysOf, type Period } from './days.ts';
import { type Figures, nothing } from './figures.ts';
import { Places } from './outcomes.ts';
import type { Convert } from './rates.ts';
import type { StatsInput, StatsResult } from './stats.ts';

/** What one row adds. Money is in the campaign's currency, or in its own when it names one. */
export interface Entry
  extends Partial<Pick<Figures, 'impressions' | 'clicks' | 'leads' | 'metaLeads' | 'opportunities' | 'sales'>> {
  spend?: bigint;
  revenue?: { amount: bigint; currency: string; day: string };
}

type Campaign = StatsResult['campaigns'][number] & { ownCurrency: string };

/** Keeps a campaign's, an account's, a currency's and a day's sums in step: each amount is entered once, in all four. */
export class Book {
  readonly places: Places;
  readonly #convert: Convert;
  readonly #campaigns: Map<string, Campaign>;
  readonly #accounts: Map<string, StatsResult['accounts'][number]>;
  readonly #totals = new Map<string, StatsResult['totals'][number]>();
  readonly #days = new Map<string, Map<string, Figures & { day: string }>>();

  /** With `reportIn` every figure is in that one currency; without it each is in its account's. */
  constructor(input: StatsInput, periods: ReadonlyMap<string, Period>, convert: Convert, reportIn?: string) {
    this.#convert = convert;
    this.places = new Places(input, periods);
    const none: Period = { since: '9999-12-31', until: '0000-01-01' };
    this.#accounts = new Map(
      input.accounts.map((account) => [
        account.ad_account_id,
        {
          accountId: account.ad_account_id,
          name: account.name,
          currency: reportIn ?? account.currency,
          timeZone: account.time_zone,
          period: periods.get(account.ad_account_id) ?? none,
          lastSyncedAt: account.last_synced_at,
          ...nothing(),
        },
      ]),
    );
    this.#campaigns = new Map(
      input.campaigns.map((row) => [
        row.meta_campaign_id,
        {
          campaignId: row.meta_campaign_id,
          accountId: row.ad_account_id,
          name: row.name,
          status: row.status,
          currency: reportIn ?? row.currency,
          ownCurrency: row.currency,
          ...nothing(),
        },
      ]),
    );
    for (const { currency, period } of this.#accounts.values()) this.#open(currency, period);
  }

  #open(currency: string, period: Period): void {
    if (!this.#totals.has(currency)) this.#totals.set(currency, { currency, ...nothing() });
    const days = this.#days.get(currency) ?? new Map();
    this.#days.set(currency, days);
    for (const day of daysOf(period)) if (!days.has(day)) days.set(day, { day, ...nothing() });
  }

  /** Enters what the campaign did on a day; outside the period of its account it is nobody's. */
  add(campaignId: string, day: string, entry: Entry): void {
    const campaign = this.#campaigns.get(campaignId);
    if (!campaign || !this.places.covers(campaignId, day)) return;
    const account = this.#accounts.get(campaign.accountId);
    const total = this.#totals.get(campaign.currency);
    const ofDay = this.#days.get(campaign.currency)?.get(day);
    const spend = this.#in(campaign.currency, entry.spend, campaign.ownCurrency, day);
    const revenue = entry.revenue && { ...entry.revenue, ...this.#revenueIn(campaign.currency, entry.revenue) };
    const lacking = lackingOf(spend, campaign.ownCurrency, day, revenue);
    enter(campaign, entry, spend, revenue, lacking);
    if (account) enter(account, entry, spend, revenue, lacking);
    if (total) enter(total, entry, spend, revenue, lacking);
    if (ofDay) enter(ofDay, entry, spend, revenue, lacking);
  }

  #in(currency: string, amount: bigint | undefined, from: string, day: string): bigint | null {
    return amount === undefined ? 0n : this.#convert(amount, from, currency, day);
  }

  #revenueIn(currency: string, { amount, currency: from, day }: NonNullable<Entry['revenue']>) {
    return { converted: this.#convert(amount, from, currency, day) };
  }

  close() {
    const bySpend = (a: Figures, b: Figures) => (b.spend > a.spend ? 1 : b.spend < a.spend ? -1 : 0);
    return {
      accounts: [...this.#accounts.values()],
      campaigns: [...this.#campaigns.values()].map(({ ownCurrency: _own, ...row }) => row).sort(bySpend),
      totals: [...this.#totals.values()].sort((a, b) => a.currency.localeCompare(b.currency)),
      series: new Map(
        [...this.#days].map(
          ([currency, days]) => [currency, [...days.values()].sort((a, b) => a.day.localeCompare(b.day))] as const,
        ),
      ),
    };
  }
}

/** The rate that was looked for in vain, if any. */
function lackingOf(
  spend: bigint | null,
  currency: string,
  day: string,
  revenue: { converted: bigint | null; currency: string; day: string } | undefined,
) {
  if (spend === null) return { currency, day };
  return revenue?.converted === null ? { currency: revenue.currency, day: revenue.day } : null;
}

// Written out: it runs four times for each of what may be a million rows.
function enter(
  figures: Figures,
  entry: Entry,
  spend: bigint | null,
  revenue: { converted: bigint | null; currency: string; day: string } | undefined,
  lacking: { currency: string; day: string } | null,
): void {
  figures.impressions += entry.impressions ?? 0;
  figures.clicks += entry.clicks ?? 0;
  figures.leads += entry.leads ?? 0;
  figures.metaLeads += entry.metaLeads ?? 0;
  figures.opportunities += entry.opportunities ?? 0;
  figures.sales += entry.sales ?? 0;
  if (spend === null) figures.unconvertedSpend += 1;
  else if (spend !== 0n) figures.spend += spend;
  if (revenue?.converted === null) figures.unconverted += 1;
  else if (revenue !== undefined) figures.revenue += revenue.converted;
  if (lacking !== null) figures.missingRate ??= lacking;
}

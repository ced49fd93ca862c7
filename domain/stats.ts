import { type AttributionModel, attribute, countingTouches, type Touch } from './attribution.ts';
import { dayIn, daysOf, lastDays, type Period, previousOf } from './days.ts';
import { decimal, digitsOf, quotient, ratio, ZERO } from './decimal.ts';

export type StatsView = 'date' | 'cohort';

export interface StatsQuestion {
  days: number;
  view: StatsView;
  model: AttributionModel;
  now: Date;
}

/** The rows of `adapters/postgres/stats.ts`, as this page needs them. */
export interface StatsInput {
  tenant: { timeZone: string; currency: string; lookBackDays: number };
  accounts: readonly {
    ad_account_id: string;
    name: string;
    currency: string;
    time_zone: string;
    last_synced_at: Date | null;
  }[];
  campaigns: readonly {
    meta_campaign_id: string;
    ad_account_id: string;
    name: string;
    status: string | null;
    currency: string;
  }[];
  days: readonly {
    meta_campaign_id: string;
    day: string;
    spend: string;
    impressions: number;
    clicks: number;
    meta_leads: number;
  }[];
  /** `earlier`: the day of the same people's form of this campaign before that one, null for their first. */
  leadDays: readonly { meta_campaign_id: string; day: string; earlier: string | null; leads: number }[];
  leadsWithoutCampaign: readonly { day: string; leads: number }[];
  outcomes: readonly {
    kind: 'opportunity' | 'sale';
    at: Date;
    arrived_at: Date | null;
    amount: string;
    currency: string;
    touches: readonly { campaign_id: string; at: Date }[];
  }[];
}

/** Sums of a campaign, an account, a day or a currency. Money is scaled integers (`decimal.ts`). */
export interface Figures {
  spend: bigint;
  impressions: number;
  clicks: number;
  leads: number;
  metaLeads: number;
  opportunities: number;
  sales: number;
  revenue: bigint;
  /** Sales in another currency: there is no rate, so revenue and every ratio of it are unknown. */
  unconverted: number;
}

export interface StatsResult {
  period: Period;
  accounts: (Figures & {
    accountId: string;
    name: string;
    currency: string;
    timeZone: string;
    period: Period;
    lastSyncedAt: Date | null;
  })[];
  campaigns: (Figures & {
    campaignId: string;
    accountId: string;
    name: string;
    status: string | null;
    currency: string;
  })[];
  totals: (Figures & { currency: string })[];
  /** Day by day per currency, each day of the period present. */
  series: Map<string, (Figures & { day: string })[]>;
  unattributed: { leads: number; sales: number; revenue: bigint; unconverted: number };
}

const nothing = (): Figures => ({
  spend: ZERO,
  impressions: 0,
  clicks: 0,
  leads: 0,
  metaLeads: 0,
  opportunities: 0,
  sales: 0,
  revenue: ZERO,
  unconverted: 0,
});

export const roiPercentage = ({ spend, revenue, unconverted }: Figures): string | null =>
  unconverted > 0 ? null : ratio(revenue - spend, spend, 100n);
export const roas = ({ spend, revenue, unconverted }: Figures): string | null =>
  unconverted > 0 ? null : ratio(revenue, spend);
/** Null while a sale lacks a rate: a part of the revenue is not the revenue. */
export const knownRevenue = ({ revenue, unconverted }: Pick<Figures, 'revenue' | 'unconverted'>): bigint | null =>
  unconverted > 0 ? null : revenue;
/** Rounded to the currency's last digit. */
export const costPerLead = ({ spend, leads }: Figures, currency: string): string | null =>
  quotient(spend, BigInt(leads), digitsOf(currency));

/** Each account's own last `days` days, the tenant's for what has no account, and the span over all. */
export function periodsOf(
  { tenant, accounts }: Pick<StatsInput, 'tenant' | 'accounts'>,
  { days, now }: StatsQuestion,
  before: boolean,
) {
  const own = (timeZone: string) =>
    before ? previousOf(lastDays(timeZone, now, days)) : lastDays(timeZone, now, days);
  const byAccount = new Map(accounts.map((account) => [account.ad_account_id, own(account.time_zone)]));
  const ofTenant = own(tenant.timeZone);
  const all = byAccount.size > 0 ? [...byAccount.values()] : [ofTenant];
  const since = all.map((period) => period.since).sort()[0] ?? ofTenant.since;
  const until =
    all
      .map((period) => period.until)
      .sort()
      .at(-1) ?? ofTenant.until;
  return { byAccount, ofTenant, span: { since, until } };
}

/** Adds the rows up for the period (or the one before it). Totals are the sums of the campaigns: what the screen lists is what it totals. */
export function addUp(input: StatsInput, question: StatsQuestion, before = false): StatsResult {
  const { byAccount, ofTenant, span } = periodsOf(input, question, before);
  const book = new Book(input, byAccount);
  for (const { meta_campaign_id, day, spend, impressions, clicks, meta_leads } of input.days) {
    book.add(meta_campaign_id, day, (figures) => {
      figures.spend += decimal(spend);
      figures.impressions += impressions;
      figures.clicks += clicks;
      figures.metaLeads += meta_leads;
    });
  }
  for (const { meta_campaign_id, day, earlier, leads } of input.leadDays) {
    if (earlier !== null && book.covers(meta_campaign_id, earlier)) continue; // counted on that day
    book.add(meta_campaign_id, day, (figures) => {
      figures.leads += leads;
    });
  }
  const unattributed = { leads: 0, sales: 0, revenue: ZERO, unconverted: 0 };
  for (const { day, leads } of input.leadsWithoutCampaign) if (isIn(ofTenant, day)) unattributed.leads += leads;
  for (const outcome of input.outcomes) addOutcome(outcome, { input, question, book, ofTenant, unattributed });
  return { period: span, ...book.close(), unattributed };
}

interface OutcomeContext {
  input: StatsInput;
  question: StatsQuestion;
  book: Book;
  ofTenant: Period;
  unattributed: StatsResult['unattributed'];
}

function addOutcome(
  outcome: StatsInput['outcomes'][number],
  { input, question, book, ofTenant, unattributed }: OutcomeContext,
): void {
  const counted = question.view === 'date' ? outcome.at : (outcome.arrived_at ?? outcome.at);
  const touches: Touch[] = outcome.touches.map(({ campaign_id, at }) => ({ campaignId: campaign_id, at }));
  const amount = decimal(outcome.amount);
  const parts = attribute(
    question.model,
    countingTouches(touches, outcome.at, input.tenant.lookBackDays),
    amount,
    outcome.currency,
  );
  const addUnattributed = (part: bigint, one: number) => {
    if (outcome.kind !== 'sale' || !isIn(ofTenant, dayIn(input.tenant.timeZone, counted))) return;
    unattributed.sales += one;
    if (outcome.currency === input.tenant.currency) unattributed.revenue += part;
    else unattributed.unconverted += 1;
  };
  if (parts.length === 0) addUnattributed(amount, 1);
  for (const [place, { campaignId, amount: part }] of parts.entries()) {
    // A shared sale is one sale: the last of its campaigns counts it.
    const one = place === parts.length - 1 ? 1 : 0;
    if (!book.knows(campaignId)) {
      addUnattributed(part, one);
      continue;
    }
    book.add(campaignId, book.dayOf(campaignId, counted), (figures, currency) => {
      if (outcome.kind === 'opportunity') figures.opportunities += one;
      else figures.sales += one;
      if (outcome.kind === 'sale' && outcome.currency === currency) figures.revenue += part;
      if (outcome.kind === 'sale' && outcome.currency !== currency) figures.unconverted += 1;
    });
  }
}

/** Keeps a campaign's, an account's, a currency's and a day's sums in step: each amount is entered once, in all four. */
class Book {
  readonly #campaigns: Map<string, StatsResult['campaigns'][number]>;
  readonly #accounts: Map<string, StatsResult['accounts'][number]>;
  readonly #totals = new Map<string, StatsResult['totals'][number]>();
  readonly #days = new Map<string, Map<string, Figures & { day: string }>>();

  constructor(input: StatsInput, periods: ReadonlyMap<string, Period>) {
    const none: Period = { since: '9999-12-31', until: '0000-01-01' };
    this.#accounts = new Map(
      input.accounts.map((account) => [
        account.ad_account_id,
        {
          accountId: account.ad_account_id,
          name: account.name,
          currency: account.currency,
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
          currency: row.currency,
          ...nothing(),
        },
      ]),
    );
    for (const { currency, period } of this.#accounts.values()) {
      if (!this.#totals.has(currency)) this.#totals.set(currency, { currency, ...nothing() });
      const days = this.#days.get(currency) ?? new Map();
      this.#days.set(currency, days);
      for (const day of daysOf(period)) if (!days.has(day)) days.set(day, { day, ...nothing() });
    }
  }

  dayOf(campaignId: string, at: Date): string {
    const account = this.#accounts.get(this.#campaigns.get(campaignId)?.accountId ?? '');
    return dayIn(account?.timeZone ?? 'UTC', at);
  }

  knows(campaignId: string): boolean {
    return this.#campaigns.has(campaignId);
  }

  /** Whether the day is in the period of the campaign's account. */
  covers(campaignId: string, day: string): boolean {
    const account = this.#accounts.get(this.#campaigns.get(campaignId)?.accountId ?? '');
    return account !== undefined && isIn(account.period, day);
  }

  add(campaignId: string, day: string, enter: (figures: Figures, currency: string) => void): void {
    const campaign = this.#campaigns.get(campaignId);
    const account = this.#accounts.get(campaign?.accountId ?? '');
    if (!campaign || !this.covers(campaignId, day)) return;
    const total = this.#totals.get(campaign.currency);
    const ofDay = this.#days.get(campaign.currency)?.get(day);
    for (const figures of [campaign, account, total, ofDay]) if (figures) enter(figures, campaign.currency);
  }

  close() {
    const bySpend = (a: Figures, b: Figures) => (b.spend > a.spend ? 1 : b.spend < a.spend ? -1 : 0);
    return {
      accounts: [...this.#accounts.values()],
      campaigns: [...this.#campaigns.values()].sort(bySpend),
      totals: [...this.#totals.values()].sort((a, b) => a.currency.localeCompare(b.currency)),
      series: new Map(
        [...this.#days].map(
          ([currency, days]) => [currency, [...days.values()].sort((a, b) => a.day.localeCompare(b.day))] as const,
        ),
      ),
    };
  }
}

const isIn = ({ since, until }: Period, day: string): boolean => day >= since && day <= until;

import type { AttributionModel } from './attribution.ts';
import { Book } from './book.ts';
import { dayIn, lastDays, type Period, previousOf } from './days.ts';
import { decimal, ZERO } from './decimal.ts';
import type { Figures } from './figures.ts';
import { countedAt, type Outcome, partsOf } from './outcomes.ts';
import { type Convert, createConverter, type Rate } from './rates.ts';

export { costPerLead, type Figures, knownRevenue, roas, roiPercentage } from './figures.ts';

export type StatsView = 'date' | 'cohort';

export interface StatsQuestion {
  days: number;
  view: StatsView;
  model: AttributionModel;
  now: Date;
  /** One currency for all figures, at the rates of each day; without it each account keeps its own. */
  reportIn?: string | undefined;
  /** One ad account alone: what is attributed to another, or to none, is no part of it. */
  account?: string | undefined;
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
    /** In the campaign's currency. */
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
    id?: string;
    lead_id?: string | null;
    at: Date;
    arrived_at: Date | null;
    amount: string;
    currency: string;
    touches: readonly { campaign_id: string; at: Date; adset_id?: string | null; ad_id?: string | null }[];
  }[];
  rates?: readonly Rate[];
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
  const convert = createConverter(input.rates ?? []);
  const book = new Book(input, byAccount, convert, question.reportIn);
  for (const { meta_campaign_id, day, spend, impressions, clicks, meta_leads } of input.days) {
    if (!book.places.covers(meta_campaign_id, day)) continue; // before any amount is read: half the rows are the other period's
    book.add(meta_campaign_id, day, { spend: decimal(spend), impressions, clicks, metaLeads: meta_leads });
  }
  for (const { meta_campaign_id, day, earlier, leads } of input.leadDays) {
    if (earlier !== null && book.places.covers(meta_campaign_id, earlier)) continue; // counted on that day
    book.add(meta_campaign_id, day, { leads });
  }
  const stray = new Stray(input, question, ofTenant, convert);
  for (const { day, leads } of input.leadsWithoutCampaign) stray.addLeads(day, leads);
  for (const outcome of input.outcomes) addOutcome(outcome, { input, question, book, stray });
  return { period: span, ...book.close(), unattributed: stray.figures };
}

interface OutcomeContext {
  input: StatsInput;
  question: StatsQuestion;
  book: Book;
  stray: Stray;
}

function addOutcome(outcome: Outcome, { input, question, book, stray }: OutcomeContext): void {
  const counted = countedAt(outcome, question);
  const parts = partsOf(outcome, input, question);
  if (parts.length === 0) stray.addOutcome(outcome, counted, decimal(outcome.amount), 1);
  for (const { campaignId, amount, one } of parts) {
    if (!book.places.knows(campaignId)) {
      stray.addOutcome(outcome, counted, amount, one);
      continue;
    }
    const { currency } = outcome;
    const day = book.places.dayOf(campaignId, counted);
    if (outcome.kind === 'opportunity') book.add(campaignId, day, { opportunities: one });
    else {
      const revenue = { amount, currency, day: book.places.dayOf(campaignId, outcome.at) };
      book.add(campaignId, day, { sales: one, revenue });
    }
  }
}

/** What belongs to no campaign that is shown, in the tenant's own currency and days. One account alone has none of it. */
class Stray {
  readonly figures: StatsResult['unattributed'] = { leads: 0, sales: 0, revenue: ZERO, unconverted: 0 };
  readonly #timeZone: string;
  readonly #currency: string;
  readonly #period: Period;
  readonly #convert: Convert;
  readonly #isAsked: boolean;

  constructor({ tenant }: StatsInput, question: StatsQuestion, period: Period, convert: Convert) {
    this.#timeZone = tenant.timeZone;
    this.#currency = question.reportIn ?? tenant.currency;
    this.#period = period;
    this.#convert = convert;
    this.#isAsked = question.account === undefined;
  }

  addLeads(day: string, leads: number): void {
    if (this.#covers(day)) this.figures.leads += leads;
  }

  addOutcome({ kind, currency, at }: Outcome, counted: Date, amount: bigint, one: 0 | 1): void {
    if (kind !== 'sale' || !this.#covers(dayIn(this.#timeZone, counted))) return;
    this.figures.sales += one;
    const converted = this.#convert(amount, currency, this.#currency, dayIn(this.#timeZone, at));
    if (converted === null) this.figures.unconverted += 1;
    else this.figures.revenue += converted;
  }

  #covers = (day: string): boolean => this.#isAsked && day >= this.#period.since && day <= this.#period.until;
}

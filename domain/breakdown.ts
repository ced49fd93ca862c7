import { dayIn } from './days.ts';
import { decimal, ZERO } from './decimal.ts';
import type { OutcomeRow } from './explain.ts';
import { countedAt } from './outcomes.ts';
import { type Convert, createConverter } from './rates.ts';
import { periodsOf, type StatsInput, type StatsQuestion, type StatsResult } from './stats.ts';

/** By what the figures can be broken down. */
export const BREAKDOWNS = ['campaign', 'creative', 'ad', 'adset', 'account', 'channel', 'form', 'field'] as const;
export type BreakdownKind = (typeof BREAKDOWNS)[number];
/** From Meta's detail by ad. */
export type DetailKind = 'creative' | 'ad' | 'adset';
/** By what brought the person, or what they answered: nobody can say what that cost. */
export type GroupKind = 'channel' | 'form' | 'field';
export const isGroupKind = (kind: BreakdownKind): kind is GroupKind =>
  kind === 'channel' || kind === 'form' || kind === 'field';

/** One line. Null: not known. */
export interface BreakdownLine {
  /** Empty for what has no name of its own: ads no longer listed, leads without a form or an answer. */
  id: string;
  name: string | null;
  parent: string | null;
  status: string | null;
  /** The creative whose picture stands for it. */
  pictureOf: string | null;
  spend: bigint | null;
  impressions: number | null;
  clicks: number | null;
  metaLeads: number | null;
  leads: number;
  opportunities: number;
  sales: number;
  revenue: bigint | null;
}

export interface Breakdown {
  lines: BreakdownLine[];
  /** What the books hold beyond the detail: ads deleted since then vanish from it. Null where the lines are the books. */
  beyond: bigint | null;
}

export interface DetailInput {
  ads: readonly {
    ad_id: string;
    key: string;
    name: string | null;
    parent: string | null;
    status: string | null;
    picture_of: string | null;
  }[];
  figures: readonly {
    key: string;
    currency: string;
    day: string;
    spend: string;
    impressions: number;
    clicks: number;
    meta_leads: number;
  }[];
  leads: readonly { key: string; currency: string; leads: number }[];
}

export const aLine = (id: string, given: Partial<BreakdownLine> = {}): BreakdownLine => ({
  id,
  name: null,
  parent: null,
  status: null,
  pictureOf: null,
  spend: ZERO,
  impressions: 0,
  clicks: 0,
  metaLeads: 0,
  leads: 0,
  opportunities: 0,
  sales: 0,
  revenue: ZERO,
  ...given,
});

/** Null stays null: a part of an amount is not the amount. */
const plus = (sum: bigint | null, part: bigint | null): bigint | null =>
  sum === null || part === null ? null : sum + part;

/** Lines by key, made as they are needed. */
class Lines {
  readonly byKey = new Map<string, BreakdownLine>();
  readonly #make: (key: string) => BreakdownLine;
  constructor(make: (key: string) => BreakdownLine) {
    this.#make = make;
  }
  at(key: string): BreakdownLine {
    const line = this.byKey.get(key) ?? this.#make(key);
    this.byKey.set(key, line);
    return line;
  }
  addOutcome(key: string, { kind, one, converted }: Pick<OutcomeRow, 'kind' | 'one' | 'converted'>): void {
    const line = this.at(key);
    if (kind === 'opportunity') {
      line.opportunities += one;
      return;
    }
    line.sales += one;
    line.revenue = plus(line.revenue, converted);
  }
}

/** One opportunity or sale as a whole, in the shown currency. */
export type WholeOutcome = Pick<OutcomeRow, 'kind' | 'leadId' | 'one' | 'converted'>;

/** Those of the tenant's own days, shared with nobody. Without conversion those in that currency alone: pesos say nothing about dollars. */
export function wholeOutcomes(
  input: StatsInput,
  question: StatsQuestion,
  currency: string,
  before = false,
): WholeOutcome[] {
  const { ofTenant } = periodsOf(input, question, before);
  const { timeZone } = input.tenant;
  const convert = createConverter(input.rates ?? []);
  return input.outcomes
    .filter((outcome) => {
      const day = dayIn(timeZone, countedAt(outcome, question));
      const isShown = question.reportIn !== undefined || outcome.currency === currency;
      return isShown && day >= ofTenant.since && day <= ofTenant.until;
    })
    .map(({ kind, lead_id: leadId = null, amount, currency: from, at }) => ({
      kind,
      leadId,
      one: 1,
      converted: convert(decimal(amount), from, currency, dayIn(timeZone, at)),
    }));
}

/**
 * Ads, ad sets or creatives in one currency. `ownOnly`: without conversion only what was spent in that currency counts. `outcomes` are those that the
 * screen's own figures count (`outcomesBehind`); what they owe to an ad follows it here.
 */
export function detailLines(
  input: DetailInput,
  outcomes: readonly OutcomeRow[],
  {
    currency,
    ownOnly,
    convert,
    booksSpend,
  }: { currency: string; ownOnly: boolean; convert: Convert; booksSpend: bigint | null },
): Breakdown {
  const keyOfAd = new Map(input.ads.map((ad) => [ad.ad_id, ad.key]));
  const known = new Map(input.ads.map((ad) => [ad.key, ad]));
  const lines = new Lines((key) => {
    const { name = null, parent = null, status = null, picture_of: pictureOf = null } = known.get(key) ?? {};
    return aLine(key, { name, parent, status, pictureOf });
  });
  const counts = (of: string): boolean => !ownOnly || of === currency;
  for (const row of input.figures.filter((each) => counts(each.currency))) {
    const line = lines.at(row.key);
    line.spend = plus(line.spend, convert(decimal(row.spend), row.currency, currency, row.day));
    line.impressions = (line.impressions ?? 0) + row.impressions;
    line.clicks = (line.clicks ?? 0) + row.clicks;
    line.metaLeads = (line.metaLeads ?? 0) + row.meta_leads;
  }
  for (const row of input.leads.filter((each) => counts(each.currency))) lines.at(row.key).leads += row.leads;
  for (const row of outcomes) if (row.adId !== null) lines.addOutcome(keyOfAd.get(row.adId) ?? '', row);
  const all = [...lines.byKey.values()];
  const detail = all.reduce<bigint | null>((sum, { spend }) => plus(sum, spend), ZERO);
  return { lines: all, beyond: booksSpend === null || detail === null ? null : booksSpend - detail };
}

/** People with the same key; several of them may be of one. */
export interface Group {
  key: string;
  name: string | null;
  leads: number;
}

/** Channels, forms or answers: whole sales of the people of each, whatever the attribution, because a person came by one of them. */
export function groupLines(
  groups: readonly Group[],
  outcomes: readonly WholeOutcome[],
  keyOfLead: ReadonlyMap<string, string>,
): Breakdown {
  const unknown = { spend: null, impressions: null, clicks: null, metaLeads: null };
  const names = new Map(groups.map(({ key, name }) => [key, name]));
  const lines = new Lines((key) => aLine(key, { ...unknown, name: names.get(key) ?? null }));
  for (const { key, leads } of groups) lines.at(key).leads += leads;
  for (const row of outcomes) lines.addOutcome(keyOfLead.get(row.leadId ?? '') ?? '', row);
  return { lines: [...lines.byKey.values()], beyond: null };
}

/** Campaigns or accounts: the books themselves. */
export function bookLines(
  rows: readonly (StatsResult['accounts'][number] | StatsResult['campaigns'][number])[],
  accounts: ReadonlyMap<string, string>,
): Breakdown {
  const lines = rows.map((row) => {
    const isCampaign = 'campaignId' in row;
    return aLine(isCampaign ? row.campaignId : row.accountId, {
      name: row.name,
      parent: isCampaign ? (accounts.get(row.accountId) ?? null) : null,
      status: isCampaign ? row.status : null,
      spend: row.unconvertedSpend > 0 ? null : row.spend,
      impressions: row.impressions,
      clicks: row.clicks,
      metaLeads: row.metaLeads,
      leads: row.leads,
      opportunities: row.opportunities,
      sales: row.sales,
      revenue: row.unconverted > 0 ? null : row.revenue,
    });
  });
  return { lines, beyond: null };
}

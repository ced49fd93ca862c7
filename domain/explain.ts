import { dayIn } from './days.ts';
import { decimal } from './decimal.ts';
import { countedAt, type Outcome, type OutcomePart, Places, partsOf } from './outcomes.ts';
import { createConverter } from './rates.ts';
import { periodsOf, type StatsInput, type StatsQuestion } from './stats.ts';

/** Figures that can be explained, by the names they have on screen. */
export const EXPLAINED = [
  'spend',
  'impressions',
  'clicks',
  'leads',
  'metaLeads',
  'costPerLead',
  'opportunities',
  'sales',
  'revenue',
  'roi',
  'roas',
] as const;
export type ExplainedFigure = (typeof EXPLAINED)[number];

/** Which rows a figure needs to be explained by. */
export const ROWS_BEHIND: Readonly<Record<ExplainedFigure, readonly ('days' | 'leads' | 'opportunities' | 'sales')[]>> =
  {
    spend: ['days'],
    impressions: ['days'],
    clicks: ['days'],
    metaLeads: ['days'],
    leads: ['leads'],
    costPerLead: ['days', 'leads'],
    opportunities: ['opportunities'],
    sales: ['sales'],
    revenue: ['sales'],
    roi: ['sales', 'days'],
    roas: ['sales', 'days'],
  };

/** Whose figure: a currency's total, or one campaign's. */
export interface Scope {
  currency: string;
  campaignId?: string | undefined;
  /** Of the period before. */
  before?: boolean;
}

/** A sale or opportunity as it entered a figure: the share that one campaign had in it. */
export interface OutcomeRow {
  kind: Outcome['kind'];
  id: string;
  leadId: string | null;
  at: Date;
  arrivedAt: Date | null;
  campaignId: string | null;
  adId: string | null;
  /** The share, in the outcome's own currency. */
  amount: bigint;
  /** The whole of it, when others share it. */
  whole: bigint;
  currency: string;
  /** In the figure's currency; null without a rate: then it is left out and the figure is unknown. */
  converted: bigint | null;
  one: 0 | 1;
}

/** The same question about one campaign alone: its figures are those it has among the others. */
export function onlyCampaign(input: StatsInput, campaignId: string): StatsInput {
  const campaigns = input.campaigns.filter((row) => row.meta_campaign_id === campaignId);
  const accountId = campaigns[0]?.ad_account_id;
  return {
    ...input,
    accounts: input.accounts.filter((account) => account.ad_account_id === accountId),
    campaigns,
    days: input.days.filter((row) => row.meta_campaign_id === campaignId),
    leadDays: input.leadDays.filter((row) => row.meta_campaign_id === campaignId),
  };
}

/** The single outcomes behind a figure, newest first, and those that belong to no campaign. From the rows and rules of `addUp`. */
export function outcomesBehind(
  input: StatsInput,
  question: StatsQuestion,
  { currency, campaignId, before = false }: Scope,
): { counted: OutcomeRow[]; stray: OutcomeRow[] } {
  const { byAccount, ofTenant } = periodsOf(input, question, before);
  const places = new Places(input, byAccount);
  const convert = createConverter(input.rates ?? []);
  const currencyOf = new Map(input.campaigns.map((row) => [row.meta_campaign_id, row.currency]));
  const counted: OutcomeRow[] = [];
  const stray: OutcomeRow[] = [];
  for (const outcome of input.outcomes) {
    const at = countedAt(outcome, question);
    const parts = partsOf(outcome, input, question);
    const isOfTenant = (day: string) => day >= ofTenant.since && day <= ofTenant.until;
    const addStray = (amount: bigint, one: 0 | 1) => {
      if (campaignId !== undefined || question.account !== undefined || !isOfTenant(dayIn(input.tenant.timeZone, at)))
        return;
      const day = dayIn(input.tenant.timeZone, outcome.at);
      stray.push(rowOf(outcome, null, amount, one, convert(amount, outcome.currency, currency, day)));
    };
    if (parts.length === 0) addStray(decimal(outcome.amount), 1);
    for (const part of parts) {
      if (campaignId !== undefined && part.campaignId !== campaignId) continue;
      if (!places.knows(part.campaignId)) addStray(part.amount, part.one);
      else if (question.reportIn === undefined && currencyOf.get(part.campaignId) !== currency) continue;
      else if (places.covers(part.campaignId, places.dayOf(part.campaignId, at))) {
        const day = places.dayOf(part.campaignId, outcome.at);
        counted.push(
          rowOf(outcome, part, part.amount, part.one, convert(part.amount, outcome.currency, currency, day)),
        );
      }
    }
  }
  const newestFirst = (a: OutcomeRow, b: OutcomeRow) => b.at.getTime() - a.at.getTime() || (a.id < b.id ? -1 : 1);
  return { counted: counted.sort(newestFirst), stray: stray.sort(newestFirst) };
}

const rowOf = (
  outcome: Outcome,
  part: OutcomePart | null,
  amount: bigint,
  one: 0 | 1,
  converted: bigint | null,
): OutcomeRow => ({
  kind: outcome.kind,
  id: outcome.id ?? '',
  leadId: outcome.lead_id ?? null,
  at: outcome.at,
  arrivedAt: outcome.arrived_at,
  campaignId: part?.campaignId ?? null,
  adId: part?.adId ?? null,
  amount,
  whole: decimal(outcome.amount),
  currency: outcome.currency,
  converted,
  one,
});

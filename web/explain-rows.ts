import type { Restatements } from '../adapters/postgres/restatements.ts';
import type { LeadOfFigure, StatsDetail } from '../adapters/postgres/stats-detail.ts';
import { digitsOf, toText } from '../domain/decimal.ts';
import { AppError } from '../domain/error.ts';
import { type OutcomeRow, onlyCampaign, outcomesBehind, ROWS_BEHIND } from '../domain/explain.ts';
import { type Figures, nothing } from '../domain/figures.ts';
import { Places } from '../domain/outcomes.ts';
import { addUp, periodsOf, type StatsInput, type StatsQuestion, type StatsResult } from '../domain/stats.ts';
import type { ExplainQuery } from './explain-props.ts';
import { ALL, type StatsService } from './stats.ts';

export interface ExplainSources {
  stats: Pick<StatsService, 'rowsFor'>;
  statsDetail: Pick<StatsDetail, 'leads' | 'names'>;
  restatements: Pick<Restatements, 'recent'>;
}

export type Day = Figures & { day: string; spendText: string };
export type Sold = OutcomeRow & {
  person: string | null;
  campaign: string | null;
  amountText: string;
  wholeText: string;
  convertedText: string | null;
};

/** Everything one figure is made of. */
export interface Behind {
  input: StatsInput;
  question: StatsQuestion;
  currency: string;
  /** Of the campaign or the account that is explained, or null for all. */
  campaignName: string | null;
  accountName: string | null;
  result: StatsResult;
  total: Figures;
  days: Day[];
  leads: LeadOfFigure[];
  outcomes: Sold[];
  stray: Sold[];
  restatedDays: ReadonlySet<string>;
}

/** How many rows a page lists; the CSV has all. */
export const ROWS_SHOWN = 200;
const MOST_ROWS = 100_000;

/** Reads the rows of the screen's own query and picks those that this figure counts. @throws AppError `not_found` for an unknown campaign or currency */
export async function explainRows(
  { stats, statsDetail, restatements }: ExplainSources,
  tenantId: number,
  query: ExplainQuery,
  { all = false } = {},
): Promise<Behind> {
  const { rows, question } = await stats.rowsFor(tenantId, query);
  const input = query.campaign === undefined ? rows : onlyCampaign(rows, query.campaign);
  const [campaign] = query.campaign === undefined ? [] : input.campaigns;
  if (query.campaign !== undefined && campaign === undefined) throw new AppError('not_found', 'no such campaign');
  const currency = currencyOf(
    query,
    campaign ?? rows.accounts.find((row) => row.ad_account_id === query.account),
    rows.tenant,
  );
  const result = addUp(input, question);
  const needs = ROWS_BEHIND[query.figure];
  const { counted, stray } = outcomesBehind(input, question, { currency, campaignId: query.campaign });
  const outcomes = counted.filter(({ kind }) => needs.includes(kind === 'sale' ? 'sales' : 'opportunities'));
  const strays = needs.includes('sales') ? stray.filter(({ kind }) => kind === 'sale') : [];
  const named = await namer(statsDetail, tenantId, [...outcomes, ...strays], all);
  const names = new Map(rows.campaigns.map((row) => [row.meta_campaign_id, row.name]));
  const soldOf = (row: OutcomeRow): Sold => ({
    ...textsOf(row, currency),
    person: named(row.leadId),
    campaign: names.get(row.campaignId ?? '') ?? null,
  });
  return {
    input,
    question,
    currency,
    campaignName: campaign?.name ?? null,
    accountName: query.account === undefined ? null : (rows.accounts[0]?.name ?? null),
    result,
    total: result.totals.find((total) => total.currency === currency) ?? { ...nothing() },
    days: needs.includes('days') ? daysIn(result, currency) : [],
    leads: needs.includes('leads') ? await leadsOf(statsDetail, tenantId, input, question, query, currency, all) : [],
    outcomes: outcomes.map(soldOf),
    stray: strays.map(soldOf),
    restatedDays: await restatedDays(restatements, tenantId, input, query, currency),
  };
}

function currencyOf(
  query: ExplainQuery,
  own: { currency: string } | undefined,
  tenant: { currency: string; reportingCurrency?: string },
): string {
  if (query.currency === ALL) return tenant.reportingCurrency ?? tenant.currency;
  return own?.currency ?? query.currency ?? tenant.currency;
}

const daysIn = (result: StatsResult, currency: string): Day[] =>
  (result.series.get(currency) ?? []).map((day) => ({ ...day, spendText: toText(day.spend, digitsOf(currency)) }));

/** A lead counts on its first form of a campaign in the window, as in `addUp`. */
async function leadsOf(
  statsDetail: ExplainSources['statsDetail'],
  tenantId: number,
  input: StatsInput,
  question: StatsQuestion,
  query: ExplainQuery,
  currency: string,
  all: boolean,
): Promise<LeadOfFigure[]> {
  const { byAccount, span } = periodsOf(input, question, false);
  const places = new Places(input, byAccount);
  const found = await statsDetail.leads(tenantId, span, {
    campaignId: query.campaign,
    account: query.account,
    currency: question.reportIn === undefined ? currency : undefined,
    limit: all ? MOST_ROWS : ROWS_SHOWN * 5,
  });
  return found.filter(({ meta_campaign_id: id, day, earlier }) => {
    return places.covers(id, day) && !(earlier !== null && places.covers(id, earlier));
  });
}

async function namer(
  statsDetail: ExplainSources['statsDetail'],
  tenantId: number,
  rows: readonly OutcomeRow[],
  all: boolean,
): Promise<(leadId: string | null) => string | null> {
  if (all) return () => null;
  const ids = [...new Set(rows.flatMap(({ leadId }) => leadId ?? []))].slice(0, 2 * ROWS_SHOWN);
  const names = ids.length === 0 ? new Map<string, string | null>() : await statsDetail.names(tenantId, ids);
  return (leadId) => names.get(leadId ?? '') ?? null;
}

const textsOf = (row: OutcomeRow, currency: string) => ({
  ...row,
  amountText: toText(row.amount, digitsOf(row.currency)),
  wholeText: toText(row.whole, digitsOf(row.currency)),
  convertedText: row.converted === null ? null : toText(row.converted, digitsOf(currency)),
});

/** Days of the window that Meta changed after they were over. */
async function restatedDays(
  restatements: ExplainSources['restatements'],
  tenantId: number,
  input: StatsInput,
  { campaign }: ExplainQuery,
  currency: string,
): Promise<ReadonlySet<string>> {
  const ledger = await restatements.recent(tenantId, {
    limit: 5000,
    ...(campaign === undefined ? {} : { campaignId: campaign }),
  });
  const known = new Set(input.campaigns.map((row) => row.meta_campaign_id));
  const mine = ledger.filter(
    (row) => known.has(row.meta_campaign_id) && (campaign !== undefined || row.currency === currency),
  );
  return new Set(mine.map(({ day }) => day));
}

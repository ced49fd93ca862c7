import type { Breakdowns } from '../adapters/postgres/breakdowns.ts';
import {
  type Breakdown,
  type BreakdownKind,
  type BreakdownLine,
  bookLines,
  type DetailKind,
  detailLines,
  type Group,
  groupLines,
  isGroupKind,
  wholeOutcomes,
} from '../domain/breakdown.ts';
import type { Period } from '../domain/days.ts';
import { decimal, digitsOf, toText } from '../domain/decimal.ts';
import { outcomesBehind } from '../domain/explain.ts';
import { knownSpend } from '../domain/figures.ts';
import { type LeadField, leadFields, segmentOf } from '../domain/lead-fields.ts';
import { createConverter } from '../domain/rates.ts';
import { addUp, periodsOf, type StatsInput, type StatsQuestion } from '../domain/stats.ts';
import type { StatsQuery, StatsService } from './stats.ts';

export interface BreakdownDeps {
  stats: Pick<StatsService, 'rowsFor' | 'remember'>;
  breakdowns: Breakdowns;
}

export type BreakdownService = ReturnType<typeof createBreakdownService>;

/** By what; of answers, which question's. */
export interface Grouping {
  by: BreakdownKind;
  field?: LeadField | undefined;
}

/** A line with its money as text: it comes out of the cache. */
export type TextLine = Omit<BreakdownLine, 'spend' | 'revenue'> & { spend: string | null; revenue: string | null };
export interface TextBreakdown extends Period {
  lines: TextLine[];
  beyond: string | null;
}

interface Question {
  rows: StatsInput;
  question: StatsQuestion;
  currency: string;
  before: boolean;
}

/** The figures by campaign, creative, ad, ad set, account, channel, form or answer: from the rows, rules and cache of the totals. */
export function createBreakdownService({ stats, breakdowns }: BreakdownDeps) {
  const keyOf = ({ by, field }: Grouping, currency: string) => `by:${by}:${field?.key ?? ''}:${currency}`;
  return {
    /** The questions that leads can be told apart by. */
    fields: async (tenantId: number): Promise<LeadField[]> => leadFields(await breakdowns.forms(tenantId)),

    read: (tenantId: number, grouping: Grouping, query: StatsQuery, currency: string): Promise<TextBreakdown> =>
      stats.remember(tenantId, query, keyOf(grouping, currency), async () => {
        const given = { ...(await stats.rowsFor(tenantId, query)), currency };
        return textOf(breakdowns, tenantId, grouping, { ...given, before: false });
      }),

    /** The same, with the period before it. */
    compared: (tenantId: number, grouping: Grouping, query: StatsQuery, currency: string) =>
      stats.remember(tenantId, query, `compared:${keyOf(grouping, currency)}`, async () => {
        const given = { ...(await stats.rowsFor(tenantId, query)), currency };
        return {
          now: await textOf(breakdowns, tenantId, grouping, { ...given, before: false }),
          before: await textOf(breakdowns, tenantId, grouping, { ...given, before: true }),
        };
      }),
  };
}

async function textOf(
  breakdowns: Breakdowns,
  tenantId: number,
  { by, field }: Grouping,
  asked: Question,
): Promise<TextBreakdown> {
  const { ofTenant, span } = periodsOf(asked.rows, asked.question, asked.before);
  if (isGroupKind(by)) {
    const people = by === 'field' ? answersFrom(breakdowns, field) : groupsFrom(breakdowns, by);
    return asText(await groups(people, tenantId, ofTenant, asked), asked.currency, ofTenant);
  }
  const found =
    by === 'campaign' || by === 'account' ? books(by, asked) : await detail(breakdowns, tenantId, by, asked);
  return asText(found, asked.currency, span);
}

function books(by: 'campaign' | 'account', { rows, question, currency, before }: Question): Breakdown {
  const { accounts, campaigns } = addUp(rows, question, before);
  const names = new Map(accounts.map(({ accountId, name }) => [accountId, name]));
  return bookLines(
    (by === 'campaign' ? campaigns : accounts).filter((row) => row.currency === currency),
    names,
  );
}

async function detail(
  breakdowns: Breakdowns,
  tenantId: number,
  by: DetailKind,
  { rows, question, currency, before }: Question,
): Promise<Breakdown> {
  const isOne = question.reportIn !== undefined;
  const { byAccount } = periodsOf(rows, question, before);
  const total = addUp(rows, question, before).totals.find((each) => each.currency === currency);
  const { counted } = outcomesBehind(rows, question, { currency, before });
  return detailLines(await breakdowns.detail(tenantId, by, byAccount, isOne), counted, {
    currency,
    ownOnly: !isOne,
    convert: createConverter(rows.rates ?? []),
    booksSpend: total === undefined ? null : knownSpend(total),
  });
}

/** People by what brought them or what they answered: how many came in a period, and what some of them belong to. */
interface People {
  groups: (tenantId: number, period: Period, account: string | undefined) => Promise<readonly Group[]>;
  keys: (tenantId: number, leadIds: readonly string[], account: string | undefined) => Promise<Map<string, string>>;
}

const groupsFrom = (breakdowns: Breakdowns, kind: 'channel' | 'form'): People => ({
  groups: (tenantId, period, account) => breakdowns.groups(tenantId, kind, period, account),
  keys: (tenantId, leadIds, account) => breakdowns.groupsOf(tenantId, kind, leadIds, account),
});

function answersFrom(breakdowns: Breakdowns, field: LeadField | undefined): People {
  if (field === undefined) return { groups: async () => [], keys: async () => new Map() };
  const asking = { key: field.key, forms: field.forms.map(({ formId }) => formId) };
  return {
    groups: async (tenantId, period, account) => {
      const rows = await breakdowns.answers(tenantId, asking, period, account);
      return rows.map((row) => ({ ...segmentOf(field, row), leads: row.leads }));
    },
    keys: async (tenantId, leadIds, account) => {
      const rows = await breakdowns.answersOf(tenantId, asking, leadIds, account);
      return new Map(rows.map((row) => [row.id, segmentOf(field, row).key]));
    },
  };
}

/** Of one account only the people that it brought, and what they bought. */
async function groups(
  people: People,
  tenantId: number,
  period: Period,
  { rows, question, currency, before }: Question,
): Promise<Breakdown> {
  const outcomes = wholeOutcomes(rows, question, currency, before);
  const buyers = [...new Set(outcomes.flatMap(({ leadId }) => leadId ?? []))];
  const keys = await people.keys(tenantId, buyers, question.account);
  const mine = outcomes.filter(({ leadId }) => question.account === undefined || keys.has(leadId ?? ''));
  return groupLines(await people.groups(tenantId, period, question.account), mine, keys);
}

function asText({ lines, beyond }: Breakdown, currency: string, { since, until }: Period): TextBreakdown {
  const text = (value: bigint | null) => (value === null ? null : toText(value, digitsOf(currency)));
  return {
    lines: lines.map((line) => ({ ...line, spend: text(line.spend), revenue: text(line.revenue) })),
    beyond: text(beyond),
    since,
    until,
  };
}

/** As a scaled integer again. */
export const amountOf = (text: string | null): bigint | null => (text === null ? null : decimal(text));

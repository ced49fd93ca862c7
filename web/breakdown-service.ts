import type { Breakdowns } from '../adapters/postgres/breakdowns.ts';
import {
  type Breakdown,
  type BreakdownKind,
  type BreakdownLine,
  bookLines,
  detailLines,
  groupLines,
  wholeOutcomes,
} from '../domain/breakdown.ts';
import { decimal, digitsOf, toText } from '../domain/decimal.ts';
import { outcomesBehind } from '../domain/explain.ts';
import { knownSpend } from '../domain/figures.ts';
import { createConverter } from '../domain/rates.ts';
import { addUp, periodsOf } from '../domain/stats.ts';
import type { StatsQuery, StatsService } from './stats.ts';

export interface BreakdownDeps {
  stats: Pick<StatsService, 'rowsFor' | 'remember'>;
  breakdowns: Breakdowns;
}

export type BreakdownService = ReturnType<typeof createBreakdownService>;

/** A line with its money as text: it comes out of the cache. */
export type TextLine = Omit<BreakdownLine, 'spend' | 'revenue'> & { spend: string | null; revenue: string | null };
export interface TextBreakdown {
  lines: TextLine[];
  beyond: string | null;
  since: string;
  until: string;
}

/** The figures by campaign, creative, ad, ad set, account, channel or form: from the rows, rules and cache of the totals. */
export function createBreakdownService({ stats, breakdowns }: BreakdownDeps) {
  return {
    read: (tenantId: number, kind: BreakdownKind, query: StatsQuery, currency: string): Promise<TextBreakdown> =>
      stats.remember(tenantId, query, `by:${kind}:${currency}`, async () => {
        const { rows, question } = await stats.rowsFor(tenantId, query);
        const { byAccount, ofTenant, span } = periodsOf(rows, question, false);
        const inText = (found: Breakdown, { since, until } = span): TextBreakdown =>
          asText(found, currency, since, until);
        const convert = createConverter(rows.rates);
        if (kind === 'channel' || kind === 'form') {
          const outcomes = wholeOutcomes(rows, question, currency);
          const people = [...new Set(outcomes.flatMap(({ leadId }) => leadId ?? []))];
          const groups = await breakdowns.groups(tenantId, kind, ofTenant);
          return inText(groupLines(groups, outcomes, await breakdowns.groupsOf(tenantId, kind, people)), ofTenant);
        }
        const books = addUp(rows, question);
        const isShown = (row: { currency: string }) => row.currency === currency;
        const accounts = new Map(books.accounts.map(({ accountId, name }) => [accountId, name]));
        if (kind === 'campaign') return inText(bookLines(books.campaigns.filter(isShown), accounts));
        if (kind === 'account') return inText(bookLines(books.accounts.filter(isShown), accounts));
        const isOne = question.reportIn !== undefined;
        const total = books.totals.find(isShown);
        const input = await breakdowns.detail(tenantId, kind, byAccount, isOne);
        const { counted } = outcomesBehind(rows, question, { currency });
        const booksSpend = total === undefined ? null : knownSpend(total);
        return inText(detailLines(input, counted, { currency, ownOnly: !isOne, convert, booksSpend }));
      }),
  };
}

function asText({ lines, beyond }: Breakdown, currency: string, since: string, until: string): TextBreakdown {
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

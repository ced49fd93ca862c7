import type { BreakdownKind } from '../domain/breakdown.ts';
import { costPerLeadOf, type Measure, measureOf, rateOf, roasOf, SORTS } from './breakdown-lines.ts';
import type { TextLine } from './breakdown-service.ts';
import type { Format } from './format.ts';
import { trendOf } from './hub-props.ts';
import type { Translate } from './i18n.ts';
import { type StatsQuery, searchOf } from './stats.ts';

interface Words {
  t: Translate;
  format: Format;
}

interface About {
  by: BreakdownKind;
  currency: string;
  /** The page's own question: what a line opens goes on with it. */
  query?: StatsQuery;
  /** With it each figure has what it was before beside it (`past`). */
  earlierOf?: (id: string) => TextLine;
}

/** Lines as words. */
export const breakdownRows = (lines: readonly TextLine[], { by, currency, query, earlierOf }: About, words: Words) =>
  lines.map((line) => {
    const { t, format } = words;
    return {
      id: line.id,
      name: nameOf(line, by, t),
      parent: line.parent,
      status: line.status === null ? '' : t(`hub:status.${line.status}`, { defaultValue: line.status }),
      isActive: line.status === 'ACTIVE',
      href: query === undefined ? null : hrefOf(line, by, query),
      picture: line.pictureOf === null ? null : `/thumbnails/${line.pictureOf}`,
      ...figuresOf(line, currency, format.money, format),
      ...(earlierOf && { past: pastOf(line, earlierOf(line.id), currency, words) }),
    };
  });

/** A campaign opens its page, an account the hub with it chosen. */
function hrefOf({ id }: TextLine, by: BreakdownKind, query: StatsQuery): string | null {
  if (by === 'campaign') return `/crm/marketing/campaigns/${id}?${searchOf(query)}`;
  return by === 'account' ? `/crm/marketing?${searchOf({ ...query, account: id })}` : null;
}

type Figures = Record<Measure, string>;

function figuresOf(line: TextLine, currency: string, money: Format['money'], format: Format): Figures {
  const roas = roasOf(line);
  return {
    spend: money(line.spend, currency),
    impressions: format.number(line.impressions),
    clicks: format.number(line.clicks),
    leads: format.number(line.leads),
    costPerLead: money(costPerLeadOf(line, currency), currency),
    opportunities: format.number(line.opportunities),
    sales: format.number(line.sales),
    conversion: format.percent(rateOf(line.sales, line.leads)),
    revenue: money(line.revenue, currency),
    roas: roas === null ? '—' : format.money(roas, currency),
  };
}

/** Compared as on the hub's cards: less cost is good, more spend is neither. */
function pastOf(line: TextLine, earlier: TextLine, currency: string, { format }: Words) {
  const before = figuresOf(earlier, currency, (value, own) => format.roundMoney(value, own), format);
  const goodOf = (measure: Measure) => (measure === 'spend' ? 'neutral' : measure === 'costPerLead' ? 'down' : 'up');
  return Object.fromEntries(
    SORTS.filter((sort) => sort !== 'name').map((measure) => {
      const [now, then] = [measureOf(line, measure, currency), measureOf(earlier, measure, currency)];
      return [measure, { before: before[measure], trend: trendOf(now, then, goodOf(measure), format) }];
    }),
  );
}

function nameOf({ id, name }: TextLine, by: BreakdownKind, t: Translate): string {
  if (by === 'channel') return t(`breakdown:channel.${id === '' ? 'other' : id}`);
  if (name !== null && name !== '') return name;
  if (by === 'field') return t('breakdown:noAnswer');
  if (by === 'form') return id === '' ? t('breakdown:noForm') : t('breakdown:form', { id });
  return t('campaign:gone');
}

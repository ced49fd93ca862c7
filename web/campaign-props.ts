import type { Restatement } from '../adapters/postgres/restatements.ts';
import type { DetailLine } from '../domain/campaign-report.ts';
import { addDays } from '../domain/days.ts';
import { decimal, digitsOf, quotient, ratio, toText, ZERO } from '../domain/decimal.ts';
import { knownRevenue } from '../domain/figures.ts';
import { SETTLED_AFTER_DAYS } from '../domain/insights.ts';
import type { CampaignPage } from './campaign.ts';
import type { Words } from './explain-props.ts';
import { chartsOf, kpisOf } from './hub-props.ts';
import { messagesPath } from './message-costs.ts';
import type { StatsQuery } from './stats.ts';
import { campaignJson } from './stats-json.ts';

/** The reply for programs: the campaign as in the stats, then its ad sets and ads. */
export const campaignDetailJson = ({ total, facts, report, period, speed, messageCosts }: CampaignPage) => ({
  ...campaignJson(total),
  objective: facts.objective,
  period,
  adsets: report.adsets.map((line) => lineJson('adset_id', line, total.currency)),
  ads: report.ads.map((line) => lineJson('ad_id', line, total.currency)),
  speed_to_lead_seconds: speed,
  // One row a currency, and one without for messages that have no price yet: they are not added up.
  message_costs: messageCosts,
  spend_beyond_ads: toText(report.beyondAds, digitsOf(total.currency)),
});

const lineJson = (idName: 'adset_id' | 'ad_id', line: DetailLine, currency: string) => ({
  [idName]: line.id,
  name: line.name,
  status: line.status,
  spend: toText(line.spend, digitsOf(currency)),
  impressions: line.impressions,
  clicks: line.clicks,
  leads: line.leads,
  meta_leads: line.metaLeads,
  sales: line.sales,
  revenue: line.unconverted > 0 ? null : toText(line.revenue, digitsOf(currency)),
});

/** The page in words. */
export function campaignProps(page: CampaignPage, query: StatsQuery, words: Words) {
  const { facts, total, earlier, now, before, report } = page;
  const { t, format } = words;
  const { currency } = total;
  const text = (value: bigint | null) => (value === null ? null : toText(value, digitsOf(currency)));
  const money = (value: bigint | null) => format.money(text(value), currency);
  const round = (value: bigint | null) => format.roundMoney(text(value), currency);
  const kpis = kpisOf(total, earlier, currency, round, words);
  const shownOf = (name: string) => kpis.find((kpi) => kpi.name === name)?.value ?? '—';
  return {
    title: facts.name,
    campaignId: facts.meta_campaign_id,
    campaignName: facts.name,
    status: facts.status === null ? '' : t(`hub:status.${facts.status}`, { defaultValue: facts.status }),
    isActive: facts.status === 'ACTIVE',
    about: aboutOf(page, words),
    period: `${format.shortDay(page.period.since)} – ${format.shortDay(page.period.until)}`,
    syncedAt: now.accounts[0]?.lastSyncedAt ?? null,
    kpis,
    charts: chartsOf(now, before, currency, money, words, [shownOf('spend'), shownOf('leads'), shownOf('roi')]),
    adsets: report.adsets.map((line) => lineOf(line, currency, money, words)),
    ads: report.ads.map((line) => lineOf(line, currency, money, words)),
    archivedUntil: page.archivedUntil === null ? null : format.longDay(page.archivedUntil),
    beyondAds: report.beyondAds === ZERO ? null : money(report.beyondAds),
    restatements: page.restatements.map((row) => restatementLine(row, words)),
    speed: speedOf(page, words),
    messages: messagesOf(page, query, words),
    unsettledSince: format.longDay(addDays(page.period.until, 1 - SETTLED_AFTER_DAYS)),
    leads: page.leads.map((lead) => ({
      id: lead.id,
      name: lead.full_name,
      at: lead.arrived_at,
      status: t(`leads:chip.${lead.status}`),
    })),
    sales: page.sales.map((row) => ({
      leadId: row.leadId,
      name: page.names.get(row.leadId ?? '') ?? null,
      amount: row.converted === null ? '—' : money(row.converted),
      at: row.at,
      ad: report.ads.find(({ id }) => id === row.adId)?.name ?? null,
    })),
    salesCount: total.sales,
    leadsCount: total.leads,
    revenue: money(knownRevenue(total)),
    models: query,
  };
}

/** From the form on, step by step; a step nobody reached has no time, and the rest is counted. */
function speedOf({ speed }: CampaignPage, { t, format }: Words) {
  const steps = ['in_crm', 'messaged', 'answered'] as const;
  return steps.map((step) => ({
    step,
    p50: format.span(speed[`${step}_p50`]),
    p95: format.span(speed[`${step}_p95`]),
    without: speed.leads - speed[step] === 0 ? '' : t('campaign:speed.without', { count: speed.leads - speed[step] }),
  }));
}

/** What the messages to its leads cost: each currency for itself, and how many have no price yet. Null when none left. */
function messagesOf({ messageCosts, facts }: CampaignPage, query: StatsQuery, { t, format }: Words) {
  if (messageCosts.length === 0) return null;
  const priced = messageCosts.flatMap(({ currency, amount }) =>
    currency === null ? [] : [format.namedMoney(amount, currency)],
  );
  const unpriced = messageCosts.find(({ currency }) => currency === null)?.messages ?? 0;
  return {
    href: messagesPath(facts.meta_campaign_id, query),
    count: t('campaign:messages.count', { count: messageCosts.reduce((sum, { messages }) => sum + messages, 0) }),
    amounts: priced.join(' + '),
    unpriced: unpriced === 0 ? '' : t('campaign:messages.unpriced', { count: unpriced }),
  };
}

function aboutOf({ facts }: CampaignPage, { t, format }: Words): string[] {
  const { objective, daily_budget: daily, lifetime_budget: lifetime, currency } = facts;
  const parts = [facts.account_name];
  if (objective !== null)
    parts.push(
      t('campaign:objective', { objective: t(`campaign:objectives.${objective}`, { defaultValue: objective }) }),
    );
  if (daily !== null) parts.push(t('campaign:daily', { amount: format.roundMoney(daily, currency) }));
  else if (lifetime !== null) parts.push(t('campaign:lifetime', { amount: format.roundMoney(lifetime, currency) }));
  return parts;
}

function lineOf(line: DetailLine, currency: string, money: (value: bigint | null) => string, { t, format }: Words) {
  const perLead = quotient(line.spend, BigInt(line.leads), digitsOf(currency));
  const perOne = line.unconverted > 0 ? null : ratio(line.revenue, line.spend);
  return {
    id: line.id,
    name: line.name ?? t('campaign:gone'),
    isGone: line.name === null,
    status: line.status === null ? '' : t(`hub:status.${line.status}`, { defaultValue: line.status }),
    isActive: line.status === 'ACTIVE',
    adsetName: line.adsetName ?? null,
    spend: money(line.spend),
    impressions: format.number(line.impressions),
    clicks: format.number(line.clicks),
    leads: format.number(line.leads),
    metaLeads: format.number(line.metaLeads),
    costPerLead: format.money(perLead, currency),
    sales: format.number(line.sales),
    revenue: money(line.unconverted > 0 ? null : line.revenue),
    roas: perOne === null ? '—' : format.money(perOne, currency),
  };
}

const RESTATED = ['spend', 'impressions', 'clicks', 'leads'] as const;

/** One line a day that was changed: "12 Nov" with "Spend $5,210 → $4,980" and whatever else moved. */
export function restatementLine(row: Restatement, { t, format }: Words) {
  const shown = (name: (typeof RESTATED)[number], value: string | number) =>
    name === 'spend' ? format.money(String(value), row.currency) : format.number(value);
  const changed = RESTATED.filter((name) => row[`${name}_before`] !== row[`${name}_after`]);
  return {
    campaignId: row.meta_campaign_id,
    campaignName: row.campaign_name,
    day: row.day,
    shownDay: format.longDay(row.day),
    parts: changed.map((name) =>
      t('campaign:restatement', {
        figure: t(name === 'leads' ? 'hub:kpi.metaLeads' : `hub:kpi.${name}`),
        before: shown(name, row[`${name}_before`]),
        after: shown(name, row[`${name}_after`]),
      }),
    ),
    when: t('campaign:corrected', { when: format.dateTime(row.seen_at) }),
    isLess: decimal(row.spend_after) < decimal(row.spend_before) || row.leads_after < row.leads_before,
  };
}

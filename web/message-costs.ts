import type { Request, Response } from 'express';
import type { CampaignMessageCost, MessageCosts } from '../adapters/postgres/message-costs.ts';
import { periodsOf } from '../domain/stats.ts';
import { type CampaignDeps, campaignQuery, rowsOfCampaign } from './campaign.ts';
import { createFormat, type Format } from './format.ts';
import { localeOf, translator } from './i18n.ts';
import { frameOf, renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';
import { type StatsQuery, type StatsService, searchOf } from './stats.ts';

type MessageCostDeps = Pick<CampaignDeps, 'stats' | 'messageCosts'>;

export interface CampaignCostDeps {
  stats: Pick<StatsService, 'rowsFor' | 'remember'>;
  messageCosts: Pick<MessageCosts, 'byCampaign'>;
}
const ROWS_SHOWN = 100;

/** What the messages to a campaign's leads cost, explained: the sum, the messages behind it, the rules. */
export const messageCostRoutes = (deps: MessageCostDeps): Route[] => [
  {
    method: 'get',
    path: '/crm/marketing/campaigns/:id/messages',
    access: 'person',
    accessName: 'explain_figure',
    handler: (req, res) => show(req, res, deps),
  },
];

async function show(req: Request, res: Response, { stats, messageCosts }: MessageCostDeps): Promise<void> {
  const { tenantId } = callerOf(req);
  const campaignId = String(req.params['id']);
  const query = campaignQuery(req);
  const { campaign, period } = await rowsOfCampaign(stats, tenantId, campaignId, query);
  const sums = await messageCosts.ofCampaign(tenantId, campaignId, period);
  const rows = await messageCosts.behind(tenantId, campaignId, period, ROWS_SHOWN);
  const t = translator(req);
  const format = createFormat(localeOf(req), frameOf(req).timeZone);
  const count = sums.reduce((sum, { messages }) => sum + messages, 0);
  renderPage(req, res, 'explain/messages', {
    title: t('explain:messages.title'),
    section: 'hub',
    campaign: campaign.name,
    period: t('explain:period', { since: format.longDay(period.since), until: format.longDay(period.until) }),
    backPath: `/crm/marketing/campaigns/${campaignId}?${searchOf(query)}`,
    sums: sums.map(({ currency, amount, messages }) => ({
      label: t('explain:messages.count', { count: messages }),
      value: currency === null ? t('explain:messages.unpriced') : format.namedMoney(amount, currency),
    })),
    rows: rows.map((row) => ({
      ...row,
      left: format.dateTime(row.left_at),
      status: t([`logs:status.${row.state}`, 'logs:status.other']),
      cost: row.price === null || row.currency === null ? '—' : format.namedMoney(row.price, row.currency, 4),
    })),
    more: count > ROWS_SHOWN ? t('explain:more', { shown: ROWS_SHOWN, count }) : null,
  });
}

/** What messages cost, campaign by campaign, from the cache of the figures. */
export const campaignCosts = (
  { stats, messageCosts }: CampaignCostDeps,
  tenantId: number,
  query: StatsQuery,
): Promise<readonly CampaignMessageCost[]> =>
  stats.remember(tenantId, query, 'message-costs', async () => {
    const { rows, question } = await stats.rowsFor(tenantId, query);
    const { byAccount, span } = periodsOf(rows, question, false);
    return messageCosts.byCampaign(tenantId, byAccount, span);
  });

/** Those of one campaign, each currency for itself. */
export const costsOf = (campaignId: string, costs: readonly CampaignMessageCost[]) =>
  costs
    .filter(({ campaign_id }) => campaign_id === campaignId)
    .map(({ currency, amount, messages }) => ({ currency, amount, messages }));

/** In words, and where they are explained; null for a campaign without any. */
export function costWords(
  campaignId: string,
  costs: readonly CampaignMessageCost[],
  query: StatsQuery,
  format: Format,
): { amounts: string; href: string } | null {
  const own = costsOf(campaignId, costs);
  if (own.length === 0) return null;
  const amounts = own.map(({ amount, currency }) => format.namedMoney(amount, currency)).join(' + ');
  return { amounts, href: messagesPath(campaignId, query) };
}

export const messagesPath = (campaignId: string, query: StatsQuery): string =>
  `/crm/marketing/campaigns/${campaignId}/messages?${searchOf({ ...query, currency: undefined })}`;

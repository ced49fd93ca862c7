import type { Request, Response } from 'express';
import type { LeadSpeeds } from '../adapters/postgres/lead-speed.ts';
import type { MessageCosts } from '../adapters/postgres/message-costs.ts';
import type { Restatements } from '../adapters/postgres/restatements.ts';
import type { StatsDetail } from '../adapters/postgres/stats-detail.ts';
import { campaignReport } from '../domain/campaign-report.ts';
import { AppError } from '../domain/error.ts';
import { onlyCampaign, outcomesBehind } from '../domain/explain.ts';
import { addUp, periodsOf } from '../domain/stats.ts';
import { campaignDetailJson, campaignProps } from './campaign-props.ts';
import { wantsJson } from './errors.ts';
import { createFormat } from './format.ts';
import { localeOf, translator } from './i18n.ts';
import { frameOf, renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';
import { type StatsQuery, type StatsService, searchOf, statsQuery } from './stats.ts';

export interface CampaignDeps {
  stats: Pick<StatsService, 'rowsFor'>;
  statsDetail: Pick<StatsDetail, 'campaign' | 'leads' | 'names'>;
  restatements: Pick<Restatements, 'recent'>;
  leadSpeed: LeadSpeeds;
  messageCosts: MessageCosts;
}

/** One campaign: what it spent and brought, day by day, ad set by ad set, ad by ad. */
export const campaignRoutes = (deps: CampaignDeps): Route[] => [
  {
    method: 'get',
    path: '/crm/marketing/campaigns/:id',
    access: 'tenant',
    accessName: 'get_campaign',
    limited: true,
    handler: (req, res) => show(req, res, deps),
  },
];

const ROWS_SHOWN = 8;

async function show(req: Request, res: Response, deps: CampaignDeps): Promise<void> {
  const caller = callerOf(req);
  const query = campaignQuery(req);
  const page = await campaignPage(deps, caller.tenantId, String(req.params['id']), query);
  res.vary('Accept');
  if (caller.via !== 'session' || wantsJson(req)) return void res.json(campaignDetailJson(page));
  const words = { t: translator(req), format: createFormat(localeOf(req), frameOf(req).timeZone) };
  renderPage(req, res, 'campaign/page', {
    section: 'hub',
    query,
    search: searchOf(query),
    ...campaignProps(page, query, words),
  });
}

export function campaignQuery(req: Request): StatsQuery {
  const result = statsQuery.omit({ currency: true }).safeParse({ ...req.query });
  if (!result.success) throw new AppError('invalid', 'bad parameter');
  return result.data;
}

/** The rows of one campaign, and the days that are asked for in its account's zone. @throws AppError `not_found` */
export async function rowsOfCampaign(
  stats: Pick<StatsService, 'rowsFor'>,
  tenantId: number,
  campaignId: string,
  query: StatsQuery,
) {
  const { rows, question } = await stats.rowsFor(tenantId, query);
  const input = onlyCampaign(rows, campaignId);
  const [campaign] = input.campaigns;
  const period = campaign && periodsOf(input, question, false).byAccount.get(campaign.ad_account_id);
  if (campaign === undefined || period === undefined) throw new AppError('not_found', 'no such campaign');
  return { input, question, campaign, period };
}

export type CampaignPage = Awaited<ReturnType<typeof campaignPage>>;

/** The hub's own rows, of this campaign alone, and the detail beside them. @throws AppError `not_found` */
async function campaignPage(
  { stats, statsDetail, restatements, leadSpeed, messageCosts }: CampaignDeps,
  tenantId: number,
  campaignId: string,
  query: StatsQuery,
) {
  const { input, question, campaign, period } = await rowsOfCampaign(stats, tenantId, campaignId, query);
  const detail = await statsDetail.campaign(tenantId, campaignId, period);
  if (!detail) throw new AppError('not_found', 'no such campaign');
  const [now, before] = [addUp(input, question), addUp(input, question, true)];
  const { counted } = outcomesBehind(input, question, { currency: campaign.currency, campaignId });
  const total = now.campaigns[0];
  const earlier = before.campaigns[0];
  if (total === undefined || earlier === undefined) throw new AppError('not_found', 'no such campaign');
  const sales = counted.filter(({ kind }) => kind === 'sale');
  const shown = sales.slice(0, ROWS_SHOWN);
  const leads = await statsDetail.leads(tenantId, period, { campaignId, limit: 3 * ROWS_SHOWN });
  return {
    facts: detail.facts,
    period,
    now,
    before,
    total,
    earlier,
    archivedUntil: detail.archived?.until ?? null,
    report: campaignReport(detail, sales, total.spend),
    restatements: await restatements.recent(tenantId, { campaignId, limit: 20 }),
    leads: leads.filter(({ earlier }) => earlier === null || earlier < period.since).slice(0, ROWS_SHOWN),
    speed: await leadSpeed.ofCampaign(tenantId, campaignId, period),
    messageCosts: await messageCosts.ofCampaign(tenantId, campaignId, period),
    sales: shown,
    names: await statsDetail.names(tenantId, [...new Set(shown.flatMap(({ leadId }) => leadId ?? []))]),
  };
}

import type { Request, Response } from 'express';
import { z } from 'zod';
import type { HubPage } from '../adapters/postgres/hub-page.ts';
import type { LeadPages } from '../adapters/postgres/lead-pages.ts';
import type { LeadSpeeds } from '../adapters/postgres/lead-speed.ts';
import type { MessageCosts } from '../adapters/postgres/message-costs.ts';
import type { Config } from '../config.ts';
import type { ConnectionStatus } from '../domain/connection.ts';
import { AppError } from '../domain/error.ts';
import type { MetaReply } from '../domain/meta-reply.ts';
import { attentionOf } from './attention.ts';
import type { BreakdownService } from './breakdown-service.ts';
import { bannerProps } from './connection-props.ts';
import { wantsJson } from './errors.ts';
import type { FirstStepList } from './first-steps.ts';
import { hubResults } from './hub-results.ts';
import { localeOf, translator } from './i18n.ts';
import { frameOf, renderFragment, renderPage } from './render.ts';
import { queryOf } from './request-problems.ts';
import { callerOf, type Route } from './route.ts';
import { type StatsQuery, type StatsService, statsQuery } from './stats.ts';
import { campaignJson } from './stats-json.ts';
import { syncProps } from './sync.ts';
import { webhookAddresses } from './webhook-addresses.ts';

export interface MarketingDeps {
  config: Pick<Config, 'PUBLIC_URL' | 'ENVIRONMENT' | 'DEBUG_MARKETING_STATS'>;
  stats: StatsService;
  breakdown: BreakdownService;
  leadPages: LeadPages;
  hubPage: HubPage;
  leadSpeed: Pick<LeadSpeeds, 'firstResponse'>;
  messageCosts: Pick<MessageCosts, 'byCampaign'>;
  firstSteps: FirstStepList;
  /** The numbers behind the figures, and Meta's last replies of these accounts, for the debug switch. */
  debugStats: (tenantId: number) => Promise<{ accounts: readonly { ad_account_id: string }[] }>;
  metaReplies: (adAccountIds: readonly string[]) => Promise<readonly MetaReply[]>;
  insightsOf: (tenantId: number, campaignId: string) => Promise<readonly object[] | null>;
}

export const marketingRoutes = (deps: MarketingDeps): Route[] => [
  { method: 'get', path: '/', access: 'public', handler: (_req, res) => res.redirect(303, '/crm/marketing') },
  {
    method: 'get',
    path: '/crm/marketing',
    access: 'person',
    accessName: 'get_marketing_hub',
    handler: (req, res) => hub(req, res, deps),
  },
  { method: 'get', path: '/crm/marketing/leads-feed', access: 'person', handler: (req, res) => feed(req, res, deps) },
  {
    method: 'get',
    path: '/crm/marketing/stats',
    access: 'tenant',
    accessName: 'get_marketing_stats',
    limited: true,
    handler: (req, res) => stats(req, res, deps),
  },
  {
    method: 'get',
    path: '/crm/marketing/debug/stats',
    access: 'tenant',
    accessName: 'get_debug_stats',
    limited: true,
    handler: (req, res) => debugStats(req, res, deps),
  },
  {
    method: 'get',
    path: '/crm/marketing/campaigns',
    access: 'tenant',
    accessName: 'get_campaigns',
    limited: true,
    handler: (req, res) => campaigns(req, res, deps),
  },
  {
    method: 'get',
    path: '/crm/marketing/campaigns/:id/insights',
    access: 'tenant',
    accessName: 'get_campaign_insights',
    limited: true,
    handler: (req, res) => insights(req, res, deps),
  },
  {
    method: 'get',
    path: '/admin/config/deployment',
    access: 'tenant',
    accessName: 'get_deployment_config',
    limited: true,
    handler: (req, res) => deployment(req, res, deps),
  },
];

async function hub(req: Request, res: Response, deps: MarketingDeps): Promise<void> {
  const { config, hubPage, firstSteps } = deps;
  const { tenantId } = callerOf(req);
  const query = queryOf(req, statsQuery);
  const frame = frameOf(req);
  const isConnected = isLive(frame.connectionStatus as ConnectionStatus);
  const reader = { locale: localeOf(req), timeZone: frame.timeZone };
  const [results, beside] = await Promise.all([
    hubResults(deps, tenantId, query, reader),
    hubPage.forTenant(tenantId, { withSteps: !firstSteps.isOver(tenantId, isConnected) }),
  ]);
  renderPage(req, res, 'hub/page', {
    title: translator(req)('hub:title'),
    section: 'hub',
    ...results,
    isConnected,
    attention: attentionOf(frame, translator(req)),
    steps: beside.steps && (await firstSteps.of(tenantId, isConnected, beside.steps)),
    recent: beside.recent,
    banner: bannerProps(beside.connection, new Date()),
    syncStatus: syncProps(tenantId, beside),
    webhooks: webhookAddresses(config.PUBLIC_URL, tenantId),
  });
}

const isLive = (status: ConnectionStatus): boolean =>
  status === 'connected' || status === 'refreshing' || status === 'reconnect_needed';

async function feed(req: Request, res: Response, { leadPages }: MarketingDeps): Promise<void> {
  renderFragment(req, res, 'hub/_feed', { recent: await leadPages.recent(callerOf(req).tenantId, 8) });
}

async function stats(req: Request, res: Response, deps: MarketingDeps): Promise<void> {
  const query: StatsQuery = queryOf(req, statsQuery);
  res.json(await deps.stats.json(callerOf(req).tenantId, query));
}

async function debugStats(req: Request, res: Response, deps: MarketingDeps): Promise<void> {
  if (!deps.config.DEBUG_MARKETING_STATS)
    throw new AppError('not_found', 'DEBUG_MARKETING_STATS is off', { problems: ['DEBUG_MARKETING_STATS is off'] });
  const numbers = await deps.debugStats(callerOf(req).tenantId);
  const replies = await deps.metaReplies(numbers.accounts.map((account) => account.ad_account_id));
  res.json({ ...numbers, replies });
}

const campaignsQuery = statsQuery.extend({ status: z.string().max(40).optional() });

/** JSON for programs; people find campaigns on the hub. */
async function campaigns(req: Request, res: Response, { stats: service }: MarketingDeps): Promise<void> {
  if (!wantsJson(req)) return res.redirect(303, '/crm/marketing#campaigns');
  const { status, ...query } = queryOf(req, campaignsQuery);
  const { now } = await service.read(callerOf(req).tenantId, query);
  const wanted = status?.toUpperCase();
  res.json(
    now.campaigns
      .filter((campaign) => wanted === undefined || wanted === 'ALL' || campaign.status === wanted)
      .map(campaignJson),
  );
}

async function insights(req: Request, res: Response, { insightsOf }: MarketingDeps): Promise<void> {
  const rows = await insightsOf(callerOf(req).tenantId, String(req.params['id']));
  if (rows === null) throw new AppError('not_found', 'no such campaign');
  res.json(rows);
}

function deployment(req: Request, res: Response, { config }: MarketingDeps): void {
  const { meta, ycloud } = webhookAddresses(config.PUBLIC_URL, callerOf(req).tenantId);
  res.json({
    webhook_ycloud_url: ycloud,
    webhook_meta_url: meta,
    orchestrator_url: config.PUBLIC_URL,
    environment: config.ENVIRONMENT,
  });
}

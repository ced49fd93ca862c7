import { type BreakdownPageDeps, breakdownRoutes } from './breakdown.ts';
import { type CampaignDeps, campaignRoutes } from './campaign.ts';
import { type ExplainDeps, explainRoutes } from './explain.ts';
import { messageCostRoutes } from './message-costs.ts';
import { type RateDeps, rateRoutes } from './rates.ts';
import type { Route } from './route.ts';
import { type SalesImportDeps, salesImportRoutes } from './sales-import.ts';
import { type SyncPageDeps, syncPageRoutes } from './sync-page.ts';
import { type ThumbnailDeps, thumbnailRoutes } from './thumbnails.ts';

export type FigureDeps = CampaignDeps &
  ExplainDeps &
  SyncPageDeps &
  RateDeps &
  SalesImportDeps &
  BreakdownPageDeps &
  ThumbnailDeps;

/** The pages behind the results: campaigns, explanations, and what they are made of. */
export const figureRoutes = (deps: FigureDeps): Route[] => [
  ...breakdownRoutes(deps),
  ...campaignRoutes(deps),
  ...messageCostRoutes(deps),
  ...explainRoutes(deps),
  ...syncPageRoutes(deps),
  ...rateRoutes(deps),
  ...salesImportRoutes(deps),
  ...thumbnailRoutes(deps),
];

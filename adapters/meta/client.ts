import { createAssets } from './assets.ts';
import { createCampaigns } from './campaigns.ts';
import { createGraph, type GraphConfig, type GraphDeps } from './graph.ts';
import { createInsights } from './insights.ts';
import { createLeadReads } from './leads.ts';
import { createOauth } from './oauth.ts';
import { createPageSubscriptions } from './pages.ts';

export type MetaClient = ReturnType<typeof createMetaClient>;

/**
 * Everything we ask of Meta, as plain methods that take the token to act with.
 * Each throws AppError by the table in errors.ts: `reconnect_required` (details.subcode), `rate_limited` (retryAfterMs), `permission_missing`,
 * `not_found`, `invalid`, `too_much_data`, `unavailable`, `misconfigured`.
 */
export function createMetaClient(config: GraphConfig & { redirectUri: string }, deps: GraphDeps) {
  const graph = createGraph(config, deps);
  return {
    /** The version Graph served the last call with, e.g. `v26.0`; null before the first. */
    servedVersion: graph.servedVersion,
    ...createOauth(graph, config),
    ...createAssets(graph),
    ...createCampaigns(graph),
    ...createInsights(graph),
    ...createLeadReads(graph),
    ...createPageSubscriptions(graph),
  };
}

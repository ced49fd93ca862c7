import { type Context, requireScope } from './context.ts';
import { filterChanging, list } from './listing.ts';
import { adRecord, adsetRecord, campaignRecord, creativeRecord, effectiveStatus } from './records.ts';
import { get } from './world-types.ts';

type Listed = ReturnType<typeof list>;
type Expand = NonNullable<Parameters<typeof list>[1]['expand']>;

/** `/{account}/campaigns`. */
export function campaigns(context: Context, expand: Expand): Listed {
  requireScope(context.caller, 'ads_read', 'ads_management');
  const { sim, node } = context;
  const items = filterChanging(
    context,
    sim.world.campaigns.filter((campaign) => campaign.accountId === node.id),
    ({ status }) => status,
  );
  return list(context, {
    kind: 'campaign',
    items,
    record: (campaign) => campaignRecord(sim, campaign),
    defaults: ['id'],
    expand,
  });
}

/** `/{account|campaign}/adsets`. */
export function adsets(context: Context, expand: Expand): Listed {
  requireScope(context.caller, 'ads_read', 'ads_management');
  const { sim, node } = context;
  const own = sim.world.adsets.filter(({ accountId, campaignId }) => accountId === node.id || campaignId === node.id);
  const items = filterChanging(context, own, (adset) =>
    effectiveStatus(adset.status, get(sim.world, 'campaign', adset.campaignId)),
  );
  return list(context, { kind: 'adset', items, record: (adset) => adsetRecord(sim, adset), defaults: ['id'], expand });
}

/** `/{account|campaign|adset}/ads`. */
export function ads(context: Context, expand: Expand): Listed {
  requireScope(context.caller, 'ads_read', 'ads_management');
  const { sim, node } = context;
  const own = sim.world.ads.filter(({ accountId, campaignId, adsetId }) =>
    [accountId, campaignId, adsetId].includes(node.id),
  );
  const items = filterChanging(context, own, (ad) =>
    effectiveStatus(ad.status, get(sim.world, 'campaign', ad.campaignId)),
  );
  return list(context, { kind: 'ad', items, record: (ad) => adRecord(sim, ad), defaults: ['id'], expand });
}

/** `/{account}/adcreatives` and `/{ad}/adcreatives`. */
export function creatives(context: Context): Listed {
  requireScope(context.caller, 'ads_read', 'ads_management');
  const { sim, node } = context;
  const items =
    node.kind === 'ad'
      ? [get(sim.world, 'creative', node.creativeId)]
      : sim.world.creatives.filter((creative) => creative.accountId === node.id);
  return list(context, {
    kind: 'creative',
    items,
    record: (creative) => creativeRecord(sim, creative),
    defaults: ['id'],
  });
}

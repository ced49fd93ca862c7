import { ads, adsets, campaigns, creatives } from './ads-objects.ts';
import { appSubscriptions, receiveEvents, subscribeApp, unsubscribeApp } from './app-edges.ts';
import {
  adAccounts,
  businesses,
  businessPages,
  pageAccounts,
  pageWithToken,
  permissions,
  revoke,
  subscribedApps,
  subscribePage,
  systemUserToken,
  unsubscribePage,
} from './assets.ts';
import { type Context, type GraphNode, requireScope } from './context.ts';
import { unknownPath } from './errors.ts';
import type { Method } from './http.ts';
import { readInsights, readReport, readReportRows, startReport } from './insights.ts';
import {
  adLeads,
  createTestLead,
  deleteLead,
  formLeads,
  forms,
  mayReadAds,
  requireLeadAccess,
  testLeads,
} from './lead-edges.ts';
import { fieldSpecs } from './listing.ts';
import { type FieldSpec, project } from './projection.ts';
import {
  accountRecord,
  adRecord,
  adsetRecord,
  businessRecord,
  campaignRecord,
  creativeRecord,
  formRecord,
  leadRecord,
  userRecord,
} from './records.ts';

type Kind = GraphNode['kind'];
type Handler<K extends Kind> = (context: Context<Extract<GraphNode, { kind: K }>>) => unknown;
type Edges = { readonly [K in Kind]?: Readonly<Record<string, Handler<K>>> };

const expandIn = (context: Context) => (record: Readonly<Record<string, unknown>>, spec: FieldSpec) =>
  expand(context, String(record['id']), spec);
const adsReads = {
  'GET insights': readInsights,
  'POST insights': startReport,
} as const;

/** Every edge by kind of object: the table of contents of this API. */
const edges: Edges = {
  user: {
    'GET businesses': businesses,
    'GET adaccounts': (context) => adAccounts(context, context.node.accounts),
    'GET assigned_ad_accounts': (context) =>
      adAccounts(context, context.node.systemOf === undefined ? [] : context.node.accounts),
    'GET accounts': pageAccounts,
    'GET permissions': permissions,
    'DELETE permissions': (context) => revoke(context, context.call.params['permission']),
  },
  business: {
    'GET owned_ad_accounts': (context) => adAccounts(context, context.node.ownedAccounts),
    'GET client_ad_accounts': (context) => adAccounts(context, context.node.clientAccounts),
    'GET owned_pages': (context) => businessPages(context, context.node.ownedPages),
    'GET client_pages': (context) => businessPages(context, context.node.clientPages),
    'GET ads_dataset': (context) => ({ data: [{ id: context.node.datasetId, name: `${context.node.name} · CRM` }] }),
    'GET adspixels': (context) => ({ data: [{ id: context.node.datasetId, name: `${context.node.name} · CRM` }] }),
    'POST system_user_access_tokens': systemUserToken,
    'GET owned_whatsapp_business_accounts': () => ({ data: [] }),
    'GET client_whatsapp_business_accounts': () => ({ data: [] }),
  },
  account: {
    'GET campaigns': (context) => campaigns(context, expandIn(context)),
    'GET adsets': (context) => adsets(context, expandIn(context)),
    'GET ads': (context) => ads(context, expandIn(context)),
    'GET adcreatives': creatives,
    ...adsReads,
  },
  campaign: {
    'GET adsets': (context) => adsets(context, expandIn(context)),
    'GET ads': (context) => ads(context, expandIn(context)),
    ...adsReads,
  },
  adset: { 'GET ads': (context) => ads(context, expandIn(context)), ...adsReads },
  ad: { 'GET adcreatives': creatives, 'GET leads': adLeads, ...adsReads },
  report: { 'GET insights': readReportRows },
  page: {
    'GET leadgen_forms': forms,
    'GET subscribed_apps': subscribedApps,
    'POST subscribed_apps': subscribePage,
    'DELETE subscribed_apps': unsubscribePage,
  },
  form: { 'GET leads': formLeads, 'GET test_leads': testLeads, 'POST test_leads': createTestLead },
  app: {
    'GET subscriptions': appSubscriptions,
    'POST subscriptions': subscribeApp,
    'DELETE subscriptions': unsubscribeApp,
  },
  dataset: { 'POST events': receiveEvents },
};

/** Runs an edge. Throws 2500 where the object has none of that name and method. */
export async function runEdge(context: Context, edge: string): Promise<unknown> {
  const { node, call } = context;
  if (node.kind === 'user' && call.method === 'DELETE' && edge.startsWith('permissions/')) {
    return revoke(context, edge.slice('permissions/'.length));
  }
  const handler = edgeHandler(node, call.method, edge);
  if (handler === undefined) {
    throw unknownPath(edge);
  }
  return handler(context);
}

function edgeHandler(node: GraphNode, method: Method, edge: string): ((context: Context) => unknown) | undefined {
  const table = edges[node.kind] as Readonly<Record<string, (context: Context) => unknown>> | undefined;
  return table?.[`${method} ${edge}`];
}

/** Reads (or, for a test lead, deletes) a node itself. Throws 2500 for methods it does not have. */
export function runNode(context: Context): unknown {
  const { node, call } = context;
  if (call.method === 'DELETE' && node.kind === 'lead') {
    return deleteLead({ ...context, node });
  }
  if (call.method !== 'GET') {
    throw unknownPath(call.path);
  }
  const { record, defaults } = readNode(context);
  const specs = fieldSpecs(call.params['fields'], node.kind, defaults);
  return project(record, specs, (spec) => expand(context, node.id, spec));
}

/** A nested edge of field expansion, `ads.limit(2){name}`: runs like the edge itself. Nothing for a name that is no edge. */
function expand(context: Context, id: string, spec: FieldSpec): unknown {
  const node = context.node.id === id ? context.node : context.sim.world.byId.get(id);
  const handler = node && edgeHandler(node, 'GET', spec.name);
  if (node === undefined || handler === undefined) {
    return undefined;
  }
  const { access_token: token, appsecret_proof: proof } = context.call.params;
  const params = {
    ...spec.args,
    ...(spec.sub === undefined ? {} : { fields: spec.sub }),
    ...(token === undefined ? {} : { access_token: token }),
    ...(proof === undefined ? {} : { appsecret_proof: proof }),
  };
  const page = handler({
    ...context,
    node,
    call: { ...context.call, params, path: `${id}/${spec.name}`, fault: undefined },
  });
  const empty =
    typeof page === 'object' && page !== null && 'data' in page && Array.isArray(page.data) && page.data.length === 0;
  return empty ? undefined : page;
}

interface NodeRead {
  readonly record: Readonly<Record<string, unknown>>;
  readonly defaults: readonly string[];
}

function readNode(context: Context): NodeRead {
  const { sim, node, caller } = context;
  switch (node.kind) {
    case 'user':
      return { record: userRecord(node), defaults: ['name', 'id'] };
    case 'business':
      requireScope(caller, 'business_management');
      return { record: businessRecord(node), defaults: ['id', 'name'] };
    case 'page':
      return { record: pageWithToken(context, node), defaults: ['name', 'id'] };
    case 'form':
      requireScope(caller, 'leads_retrieval', 'pages_manage_ads');
      return { record: formRecord(sim, node), defaults: ['id', 'locale', 'name', 'status'] };
    case 'lead':
      requireLeadAccess(context, node.pageId);
      return { record: leadRecord(sim, node, mayReadAds(caller)), defaults: ['created_time', 'id', 'field_data'] };
    case 'app':
      return {
        record: { id: sim.app.id, name: sim.app.name, category: 'Business', link: 'https://example.com/' },
        defaults: ['category', 'link', 'name', 'id'],
      };
    case 'dataset':
      return { record: { id: node.id, name: 'CRM' }, defaults: ['id', 'name'] };
    default:
      requireScope(caller, 'ads_read', 'ads_management');
      return readAdsNode(context);
  }
}

function readAdsNode(context: Context): NodeRead {
  const { sim, node } = context;
  switch (node.kind) {
    case 'account':
      return { record: accountRecord(sim, node), defaults: ['account_id', 'id'] };
    case 'campaign':
      return { record: campaignRecord(sim, node), defaults: ['id'] };
    case 'adset':
      return { record: adsetRecord(sim, node), defaults: ['id'] };
    case 'ad':
      return { record: adRecord(sim, node), defaults: ['id'] };
    case 'creative':
      return { record: creativeRecord(sim, node), defaults: ['id'] };
    case 'report': {
      const record = readReport({ ...context, node });
      return { record, defaults: Object.keys(record) };
    }
    default:
      throw unknownPath(context.call.path);
  }
}

import { z } from 'zod';
import { AppError } from '../../domain/error.ts';
import type { Graph } from './graph.ts';
import { allRows, metaId } from './paging.ts';

const businessRow = z
  .object({ id: metaId, name: z.string().default('') })
  .transform((row) => ({ businessId: row.id, name: row.name }));
export type Business = z.output<typeof businessRow>;

const adAccountRow = z
  .object({
    account_id: metaId,
    name: z.string().default(''),
    account_status: z.coerce.number(),
    currency: z.string().length(3),
    timezone_name: z.string(),
    business: z.object({ id: metaId }).optional(),
  })
  .transform((row) => ({
    /** Bare digits; the node's id is `act_` and these. */
    adAccountId: row.account_id,
    name: row.name,
    status: row.account_status,
    currency: row.currency,
    timeZone: row.timezone_name,
    businessId: row.business?.id ?? null,
  }));
export type AdAccount = z.output<typeof adAccountRow>;

const pageRow = z
  .object({
    id: metaId,
    name: z.string().default(''),
    tasks: z.array(z.string()).default([]),
    access_token: z.string().optional(),
  })
  .transform((row) => ({
    pageId: row.id,
    name: row.name,
    tasks: row.tasks,
    /** Absent when the person may not act for the page. A secret. */
    accessToken: row.access_token ?? null,
  }));
export type ConnectedPage = z.output<typeof pageRow>;

const ACCOUNT_FIELDS = 'account_id,name,account_status,currency,timezone_name,business';

/** What a person reaches with their token. */
export function createAssets(graph: Graph) {
  const accountEdge = (token: string, path: string): Promise<AdAccount[]> =>
    allRows(graph, {
      endpoint: 'ad_accounts',
      path,
      token,
      params: { fields: ACCOUNT_FIELDS },
      row: adAccountRow,
      limit: 100,
    });
  const ofBusiness = (token: string, businessId: string): Promise<AdAccount[]>[] =>
    ['owned', 'client'].map((kind) =>
      accountEdge(token, `${encodeURIComponent(businessId)}/${kind}_ad_accounts`).catch(noneWhenNotPermitted),
    );
  return {
    businesses: (token: string): Promise<Business[]> =>
      allRows(graph, {
        endpoint: 'businesses',
        path: 'me/businesses',
        token,
        params: { fields: 'id,name' },
        row: businessRow,
        limit: 100,
      }),
    /**
     * The ad accounts a business owns or serves, and the person's own ones that belong to it; with a null `businessId`, the person's own that
     * belong to none. The three lists overlap: one entry an id.
     */
    async adAccounts(token: string, businessId: string | null): Promise<AdAccount[]> {
      const personal = accountEdge(token, 'me/adaccounts').then((rows) =>
        rows.filter((row) => row.businessId === businessId),
      );
      const lists = await Promise.all([personal, ...(businessId === null ? [] : ofBusiness(token, businessId))]);
      return [...new Map(lists.flat().map((row) => [row.adAccountId, row])).values()];
    },
    /** One ad account as it stands now: name, status, currency and time zone may change. */
    adAccount: (token: string, adAccountId: string): Promise<AdAccount> =>
      graph.call({
        endpoint: 'ad_account',
        path: `act_${encodeURIComponent(adAccountId)}`,
        token,
        params: { fields: ACCOUNT_FIELDS },
        schema: adAccountRow,
        assetId: adAccountId,
        limits: ['ads', 'ads_management'],
      }),
    /** The person's pages with the tasks they hold there and the page's own token. */
    pages: (token: string): Promise<ConnectedPage[]> =>
      allRows(graph, {
        endpoint: 'pages',
        path: 'me/accounts',
        token,
        params: { fields: 'id,name,tasks,access_token' },
        row: pageRow,
        limit: 100,
      }),
  };
}

function noneWhenNotPermitted(error: unknown): AdAccount[] {
  if (error instanceof AppError && error.code === 'permission_missing') return [];
  throw error;
}

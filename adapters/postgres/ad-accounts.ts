import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const adAccountRow = z
  .object({
    ad_account_id: z.string(),
    name: z.string(),
    currency: z.string(),
    time_zone: z.string(),
    account_status: z.number(),
    lead_action_type: z.string(),
    last_synced_at: z.date().nullable(),
    wide_synced_at: z.date().nullable(),
    objects_read_at: z.date().nullable(),
  })
  .transform((row) => ({
    adAccountId: row.ad_account_id,
    name: row.name,
    currency: row.currency,
    timeZone: row.time_zone,
    status: row.account_status,
    leadActionType: row.lead_action_type,
    lastSyncedAt: row.last_synced_at,
    /** When its last 28 days were read whole. */
    wideSyncedAt: row.wide_synced_at,
    /** All its campaigns, ad sets and ads are here as they were then; null while they are not. */
    objectsReadAt: row.objects_read_at,
  }));
export type SelectedAccount = z.output<typeof adAccountRow>;

/** What Meta says of an account, as it is kept. */
export interface AccountFacts {
  adAccountId: string;
  name: string;
  currency: string;
  timeZone: string;
  status: number;
  businessId: string | null;
}

const historyRow = z
  .object({
    ad_account_id: z.string(),
    name: z.string(),
    time_zone: z.string(),
    is_synced: z.boolean(),
    wanted_since: z.string().nullable(),
    read_since: z.string().nullable(),
  })
  .transform((row) => ({
    adAccountId: row.ad_account_id,
    name: row.name,
    timeZone: row.time_zone,
    /** Its newest days were read. */
    isSynced: row.is_synced,
    wantedSince: row.wanted_since,
    /** The oldest day that was read for sure. */
    readSince: row.read_since,
  }));
export type AccountHistory = z.output<typeof historyRow>;

// Before any slice of history was read, the oldest day that brought figures counts.
const historyQuery = (tenantId: number) => sql.fragment`
  SELECT a.ad_account_id, a.name, a.time_zone, a.wide_synced_at IS NOT NULL AS is_synced, a.history_since::text AS wanted_since,
    coalesce(a.history_read_since, (SELECT min(i.date) FROM meta_ads_insights i
      WHERE i.tenant_id = a.tenant_id AND i.meta_account_id = a.ad_account_id))::text AS read_since
  FROM ad_accounts a WHERE a.tenant_id = ${tenantId} AND a.is_selected`;

export type AdAccounts = ReturnType<typeof createAdAccounts>;

/** The ad accounts a tenant connected. */
export function createAdAccounts({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Those being copied, by name. */
    listSelected: (tenantId: number, limit = 500): Promise<readonly SelectedAccount[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(adAccountRow)`
          SELECT ad_account_id, name, currency, time_zone, account_status, lead_action_type, last_synced_at, wide_synced_at, objects_read_at
          FROM ad_accounts
          WHERE tenant_id = ${tenantId} AND is_selected
          ORDER BY name, ad_account_id
          LIMIT ${limit}`),
      ),
    /** One connected account. `not_found` when the tenant does not copy it (any more). */
    byId: (tenantId: number, adAccountId: string): Promise<SelectedAccount> =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(sql.type(adAccountRow)`
          SELECT ad_account_id, name, currency, time_zone, account_status, lead_action_type, last_synced_at, wide_synced_at, objects_read_at
          FROM ad_accounts
          WHERE tenant_id = ${tenantId} AND ad_account_id = ${adAccountId} AND is_selected`);
        if (row === null) throw new AppError('not_found', `ad account ${adAccountId}`);
        return row;
      }),
    /** How far back an account's figures are wanted and were read; null for one that is not copied. */
    historyOf: (tenantId: number, adAccountId: string): Promise<AccountHistory | null> =>
      inTenant(tenantId, (tx) =>
        tx.maybeOne(sql.type(historyRow)`
          ${historyQuery(tenantId)} AND a.ad_account_id = ${adAccountId}`),
      ),
    histories: (tenantId: number): Promise<readonly AccountHistory[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(historyRow)`${historyQuery(tenantId)} ORDER BY a.name, a.ad_account_id LIMIT 500`),
      ),
    /** A person wants the figures of an account back to this day. */
    wantHistory: (tenantId: number, adAccountId: string, since: string, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          UPDATE ad_accounts SET history_since = ${since}::date WHERE tenant_id = ${tenantId} AND ad_account_id = ${adAccountId} AND is_selected`);
        const object = { type: 'ad_account', id: adAccountId };
        await audited(tx, { tenantId, name: 'history.wanted', actor, object, details: { since } });
      }),
    /** The history is whole from this day on. Part of a sync, which leaves no audit row of its own. */
    historyRead: (tenantId: number, adAccountId: string, since: string): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          UPDATE ad_accounts SET history_read_since = ${since}::date WHERE tenant_id = ${tenantId} AND ad_account_id = ${adAccountId}`);
      }),
    /** All campaigns, ad sets and ads are here as they were at `at`, when reading them began. Part of a sync. */
    objectsRead: (tenantId: number, adAccountId: string, at: Date): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          UPDATE ad_accounts SET objects_read_at = ${at.toISOString()}::timestamptz WHERE tenant_id = ${tenantId} AND ad_account_id = ${adAccountId}`);
      }),
    /** Name, status, currency and zone as Meta has them now. Part of a sync, which the audit trail holds as one row. */
    saveFacts: (tenantId: number, facts: AccountFacts): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          UPDATE ad_accounts SET name = ${facts.name}, currency = ${facts.currency}, time_zone = ${facts.timeZone},
            account_status = ${facts.status}, updated_at = now()
          WHERE tenant_id = ${tenantId} AND ad_account_id = ${facts.adAccountId}
            AND (name, currency::text, time_zone, account_status) IS DISTINCT FROM
              (${facts.name}, ${facts.currency}, ${facts.timeZone}, ${facts.status})`);
      }),
  };
}

/** Makes exactly these accounts the copied ones, inside the caller's transaction; figures of the others stay. */
export async function saveSelection(tx: Tx, tenantId: number, accounts: readonly AccountFacts[]): Promise<void> {
  const ids = sql.array(
    accounts.map(({ adAccountId }) => adAccountId),
    'text',
  );
  await tx.query(sql.unsafe`
    UPDATE ad_accounts SET is_selected = false, updated_at = now()
    WHERE tenant_id = ${tenantId} AND is_selected AND NOT ad_account_id = ANY(${ids})`);
  if (accounts.length === 0) return;
  const tuples = accounts.map((account) => [
    tenantId,
    account.adAccountId,
    account.name,
    account.currency,
    account.timeZone,
    account.status,
    account.businessId,
  ]);
  await tx.query(sql.unsafe`
    INSERT INTO ad_accounts (tenant_id, ad_account_id, name, currency, time_zone, account_status, business_id)
    SELECT * FROM ${sql.unnest(tuples, ['int4', 'text', 'text', 'text', 'text', 'int4', 'text'])}
    ON CONFLICT (tenant_id, ad_account_id) DO UPDATE SET name = excluded.name, currency = excluded.currency,
      time_zone = excluded.time_zone, account_status = excluded.account_status, business_id = excluded.business_id,
      is_selected = true, updated_at = now()`);
}

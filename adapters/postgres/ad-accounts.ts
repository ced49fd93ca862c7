import { sql } from 'slonik';
import { z } from 'zod';
import { AppError } from '../../domain/error.ts';
import type { Database, Tx } from './pool.ts';

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

export type AdAccounts = ReturnType<typeof createAdAccounts>;

/** The ad accounts a tenant connected. */
export function createAdAccounts({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Those being copied, by name. */
    listSelected: (tenantId: number, limit = 500): Promise<readonly SelectedAccount[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(adAccountRow)`
          SELECT ad_account_id, name, currency, time_zone, account_status, lead_action_type, last_synced_at, wide_synced_at
          FROM ad_accounts
          WHERE tenant_id = ${tenantId} AND is_selected
          ORDER BY name, ad_account_id
          LIMIT ${limit}`),
      ),
    /** One connected account. `not_found` when the tenant does not copy it (any more). */
    byId: (tenantId: number, adAccountId: string): Promise<SelectedAccount> =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(sql.type(adAccountRow)`
          SELECT ad_account_id, name, currency, time_zone, account_status, lead_action_type, last_synced_at, wide_synced_at
          FROM ad_accounts
          WHERE tenant_id = ${tenantId} AND ad_account_id = ${adAccountId} AND is_selected`);
        if (row === null) throw new AppError('not_found', `ad account ${adAccountId}`);
        return row;
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

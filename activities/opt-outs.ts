import type { Credentials } from '../adapters/postgres/credentials.ts';
import type { Suppressions } from '../adapters/postgres/suppressions.ts';
import type { VaultEntries } from '../adapters/postgres/vault-entries.ts';
import type { YCloud } from '../adapters/ycloud/client.ts';
import { canonicalNumber } from '../domain/whatsapp-number.ts';

export interface OptOutDeps {
  suppressions: Suppressions;
  credentials: Pick<Credentials, 'ycloudKey'>;
  vaultEntries: Pick<VaultEntries, 'listForTenant'>;
  ycloud: Pick<YCloud, 'optOuts' | 'addOptOut' | 'removeOptOut'>;
  now?: () => Date;
}

const E164 = /^\+\d{7,15}$/;

/** Our list of opt-outs beside YCloud's: what ours gains is told there, what theirs holds is taken over. Sends look at ours only and wait for neither. */
export function createOptOutDesk({
  suppressions,
  credentials,
  vaultEntries,
  ycloud,
  now = () => new Date(),
}: OptOutDeps) {
  /** The installation's key is many tenants': what one of them is told counts for that one. */
  const hasOwnKey = async (tenantId: number): Promise<boolean> =>
    (await vaultEntries.listForTenant(tenantId)).some(
      ({ provider, category, is_global }) => provider === 'ycloud' && category === 'api_key' && !is_global,
    );
  return {
    /** Tells YCloud of one row. Safe to repeat; throws what YCloud throws, and then the row is due again later. */
    async push(tenantId: number, id: string): Promise<void> {
      const row = await suppressions.takePush(tenantId, id);
      if (row === null) return;
      const isTold = (await hasOwnKey(tenantId)) && !(row.is_lifted && row.stands);
      if (isTold) {
        const key = await credentials.ycloudKey(tenantId);
        await (row.is_lifted ? ycloud.removeOptOut(key, row.phone) : ycloud.addOptOut(key, row.phone));
      }
      await suppressions.pushed(tenantId, id, { isLifted: row.is_lifted, isTold });
    },

    /** Takes over whoever YCloud's list names and ours does not. What is missing there lifts nothing here: another key has another list. */
    async pull(tenantId: number): Promise<number> {
      const listed = await ycloud.optOuts(await credentials.ycloudKey(tenantId));
      const entries = listed.flatMap(({ phone, since }) =>
        E164.test(phone) ? [{ phone: canonicalNumber(phone), at: timeOf(since) ?? now() }] : [],
      );
      return entries.length === 0 ? 0 : suppressions.merge(tenantId, entries);
    },
  };
}
export type OptOutDesk = ReturnType<typeof createOptOutDesk>;

function timeOf(text: string | null): Date | null {
  const at = new Date(text ?? Number.NaN);
  return Number.isNaN(at.getTime()) ? null : at;
}

import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import type { Rate } from '../../domain/rates.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

const rateRow = z.object({
  currency: z.string(),
  base: z.string(),
  day: z.string(),
  rate: z.string(),
  source: z.enum(['manual', 'csv']),
});
export type KeptRate = z.output<typeof rateRow>;

const currencyRow = z.object({ currency: z.string() });
const reportingRow = z.object({ currency: z.string(), reporting_currency: z.string().nullable() });

export type ExchangeRates = ReturnType<typeof createExchangeRates>;

/** A tenant's own rates, each with its day, and the currency in which all accounts are read together. */
export function createExchangeRates({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Newest day first. */
    list: (tenantId: number, limit = 200): Promise<readonly KeptRate[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(rateRow)`
          SELECT currency, base, day::text, rate::text, source FROM exchange_rates
          WHERE tenant_id = ${tenantId} ORDER BY day DESC, currency, base LIMIT ${limit}`),
      ),
    /** Writes rates; a pair and day that had one gets the new one. */
    save: (tenantId: number, rates: readonly Rate[], source: KeptRate['source'], actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        // Two lines of one pair and day: the later one counts.
        const last = new Map(rates.map((rate) => [`${rate.currency}>${rate.base}@${rate.day}`, rate]));
        const tuples = [...last.values()].map(({ currency, base, day, rate }) => [currency, base, day, rate]);
        await tx.query(sql.unsafe`
          INSERT INTO exchange_rates (tenant_id, currency, base, day, rate, source)
          SELECT ${tenantId}, given.currency, given.base, given.day, given.rate, ${source}
          FROM ${sql.unnest(tuples, ['text', 'text', 'date', 'numeric'])} AS given (currency, base, day, rate)
          ON CONFLICT (tenant_id, currency, base, day) DO UPDATE SET rate = excluded.rate, source = excluded.source, created_at = now()`);
        const details = { count: last.size, source };
        await audited(tx, { tenantId, name: 'rates.saved', actor, object: { type: 'rates', id: 'all' }, details });
      }),
    /** The tenant's own currency, the chosen one for everything together, and all that money of the tenant is in. */
    currencies: (tenantId: number): Promise<{ own: string; reporting: string; used: readonly string[] }> =>
      inTenant(tenantId, async (tx) => {
        const tenant = await tx.one(
          sql.type(reportingRow)`SELECT currency, reporting_currency FROM tenants WHERE id = ${tenantId}`,
        );
        const used = await tx.any(sql.type(currencyRow)`
          SELECT currency FROM ad_accounts WHERE tenant_id = ${tenantId} AND is_selected
          UNION SELECT currency FROM sales_transactions WHERE tenant_id = ${tenantId} ORDER BY 1 LIMIT 200`);
        const own = tenant.currency;
        return {
          own,
          reporting: tenant.reporting_currency ?? own,
          used: [...new Set([own, ...used.map(({ currency }) => currency)])].sort(),
        };
      }),
    /** Chooses the currency of all accounts together. */
    report: (tenantId: number, currency: string, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const changed = await tx.query(sql.unsafe`
          UPDATE tenants SET reporting_currency = ${currency}
          WHERE id = ${tenantId} AND coalesce(reporting_currency, currency) <> ${currency}`);
        if (changed.rowCount === 0) return;
        const object = { type: 'tenant', id: String(tenantId) };
        await audited(tx, { tenantId, name: 'reporting_currency.changed', actor, object, details: { currency } });
      }),
  };
}

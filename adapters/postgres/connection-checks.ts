import { sql } from 'slonik';
import { z } from 'zod';
import { CHECKS, type Finding, type LastLead } from '../../domain/connection-checks.ts';
import type { Database } from './pool.ts';

const findingRow = z.object({
  check: z.enum(CHECKS),
  verdict: z.enum(['ok', 'warn', 'bad', 'unknown']),
  reason: z.string(),
  subjects: z.array(z.string()),
});
const checkUpRow = z
  .object({ findings: z.array(findingRow), checked_at: z.date() })
  .transform((row) => ({ findings: row.findings, checkedAt: row.checked_at }));
export type CheckUp = z.output<typeof checkUpRow>;

const leadRow = z
  .object({ created_at: z.date(), is_test: z.boolean(), is_recovered: z.boolean() })
  .transform((row) => ({ receivedAt: row.created_at.getTime(), isTest: row.is_test, isRecovered: row.is_recovered }));

export type ConnectionChecks = ReturnType<typeof createConnectionChecks>;

/** The last check-up of a tenant's connection, and what its leads tell for it. */
export function createConnectionChecks({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    last: (tenantId: number): Promise<CheckUp | null> =>
      inTenant(tenantId, (tx) =>
        tx.maybeOne(
          sql.type(checkUpRow)`SELECT findings, checked_at FROM connection_checks WHERE tenant_id = ${tenantId}`,
        ),
      ),
    save: (tenantId: number, findings: readonly Finding[]): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          INSERT INTO connection_checks (tenant_id, findings) VALUES (${tenantId}, ${sql.jsonb(findings as never)})
          ON CONFLICT (tenant_id) DO UPDATE SET findings = excluded.findings, checked_at = now()`);
      }),
    /** The newest lead that came from Meta while connected, and the newest that a webhook brought. */
    lastLeads: (tenantId: number): Promise<{ last: LastLead | null; byWebhook: LastLead | null }> =>
      inTenant(tenantId, async (tx) => {
        const newest = (filter: ReturnType<typeof sql.fragment>) =>
          tx.maybeOne(sql.type(leadRow)`
            SELECT created_at, is_test, recovered_at IS NOT NULL AS is_recovered FROM leads
            WHERE tenant_id = ${tenantId} AND meta_leadgen_id IS NOT NULL AND ${filter}
            ORDER BY created_at DESC LIMIT 1`);
        return {
          last: await newest(sql.fragment`true`),
          byWebhook: await newest(sql.fragment`recovered_at IS NULL AND NOT is_test`),
        };
      }),
  };
}

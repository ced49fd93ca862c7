import { sql } from 'slonik';
import { z } from 'zod';
import { consentsOf } from './consents.ts';
import type { Database } from './pool.ts';

const formRow = z.object({
  name: z.string(),
  questions: z.array(
    z.object({
      key: z.string(),
      label: z.string(),
      type: z.string(),
      options: z.array(z.object({ key: z.string(), value: z.string() })),
    }),
  ),
});

/** What stands beside a lead's conversation: its form's own words, and what the person agreed to. */
export function createLeadDossiers({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    byLead: (tenantId: number, leadId: string) =>
      inTenant(tenantId, async (tx) => ({
        form: await tx.maybeOne(sql.type(formRow)`
          SELECT f.name, f.questions FROM leads l JOIN lead_forms f ON f.tenant_id = l.tenant_id AND f.form_id = l.form_id
          WHERE l.tenant_id = ${tenantId} AND l.id = ${leadId}`),
        consents: await consentsOf(tx, tenantId, leadId),
      })),
  };
}
export type LeadDossiers = ReturnType<typeof createLeadDossiers>;

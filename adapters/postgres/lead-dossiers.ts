import { sql } from 'slonik';
import { z } from 'zod';
import { consentsOf } from './consents.ts';
import { toldApart } from './lead-distinctions.ts';
import type { Database } from './pool.ts';

const questions = z.array(
  z.object({
    key: z.string(),
    label: z.string(),
    type: z.string(),
    options: z.array(z.object({ key: z.string(), value: z.string() })),
  }),
);
const formRow = z.object({ name: z.string(), questions });
const lookalikeRow = z.object({
  id: z.string(),
  full_name: z.string().nullable(),
  phone: z.string().nullable(),
  email: z.string().nullable(),
  arrived_at: z.date(),
});
const otherRow = lookalikeRow.extend({ told_apart: z.boolean() });
const mergeRow = lookalikeRow.extend({
  reason: z.enum(['phone', 'email', 'person']),
  merged_at: z.date(),
  form_name: z.string().nullable(),
  answers: z.array(z.object({ name: z.string(), values: z.array(z.string()) })),
  questions,
});

/** What stands beside a lead's conversation: its form's own words, what the person agreed to, and which submissions are theirs, or may be. */
export function createLeadDossiers({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    byLead: (tenantId: number, leadId: string) =>
      inTenant(tenantId, async (tx) => ({
        form: await tx.maybeOne(sql.type(formRow)`
          SELECT f.name, f.questions FROM leads l JOIN lead_forms f ON f.tenant_id = l.tenant_id AND f.form_id = l.form_id
          WHERE l.tenant_id = ${tenantId} AND l.id = ${leadId}`),
        consents: await consentsOf(tx, tenantId, leadId),
        merges: await tx.any(sql.type(mergeRow)`
          SELECT g.id, g.reason, g.merged_at, m.full_name, m.phone, m.email, coalesce(m.submitted_at, m.created_at) AS arrived_at, f.name AS form_name,
            m.answers, coalesce(f.questions, '[]') AS questions
          FROM lead_merges g
          JOIN leads m ON m.tenant_id = g.tenant_id AND m.id = g.merged_id
          LEFT JOIN lead_forms f ON f.tenant_id = m.tenant_id AND f.form_id = m.form_id
          WHERE g.tenant_id = ${tenantId} AND g.survivor_id = ${leadId} AND g.undone_at IS NULL ORDER BY g.merged_at DESC LIMIT 50`),
        others: await tx.any(sql.type(otherRow)`
          SELECT o.id, o.full_name, o.phone, o.email, coalesce(o.submitted_at, o.created_at) AS arrived_at, ${toldApart} AS told_apart FROM leads l
          JOIN leads o ON o.tenant_id = l.tenant_id AND o.id <> l.id AND (o.phone = l.phone OR o.email = l.email) AND o.merged_into IS NULL AND NOT o.is_test
          WHERE l.tenant_id = ${tenantId} AND l.id = ${leadId} AND NOT l.is_test ORDER BY told_apart, o.created_at DESC LIMIT 10`),
      })),
  };
}
export type LeadDossiers = ReturnType<typeof createLeadDossiers>;

import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { z } from 'zod';
import type { Database } from '../adapters/postgres/pool.ts';

const idRow = z.object({ id: z.string() });
let nextPhone = 100;

export interface SendCase {
  tenantId: number;
  leadId: string;
  ruleId: string;
  runId: string;
  phone: string | null;
}

/** A phone of its own, in the range that is never given out. */
export const aPhone = (): string => `+54911555${String(nextPhone++).padStart(5, '0')}`;

/** A tenant's sender, template and rule, with one lead and its run: everything a dispatch asks about. */
export async function aRun(
  { inTenant }: Database,
  tenantId: number,
  given: { phone?: string | null; isTest?: boolean; action?: object } = {},
): Promise<SendCase> {
  const { phone = aPhone(), isTest = false } = given;
  return inTenant(tenantId, async (tx) => {
    await tx.query(sql.unsafe`
      INSERT INTO whatsapp_senders (tenant_id, waba_id, phone, is_default) VALUES (${tenantId}, '90010001', '+541155550001', true) ON CONFLICT DO NOTHING`);
    await tx.query(sql.unsafe`
      INSERT INTO meta_templates (tenant_id, meta_template_id, waba_id, name, category, language, status, components)
      VALUES (${tenantId}, '920', '90010001', 'bienvenida_lead', 'MARKETING', 'es', 'APPROVED', ${sql.jsonb([{ type: 'BODY', text: 'Hola {{1}}, gracias' }])})
      ON CONFLICT DO NOTHING`);
    const action = given.action ?? { templateName: 'bienvenida_lead', language: 'es', variables: ['first_name'] };
    const ruleId = await tx.oneFirst(sql.type(idRow)`
      INSERT INTO automation_rules (tenant_id, name, trigger_type, trigger_conditions, action_type, action_config)
      VALUES (${tenantId}, 'Bienvenida', 'new_lead', '{}', ${'steps' in action ? 'sequence' : 'send_template'}, ${sql.jsonb(action as never)}) RETURNING id`);
    const leadId = await tx.oneFirst(sql.type(idRow)`
      INSERT INTO leads (tenant_id, meta_leadgen_id, full_name, phone, is_test) VALUES (${tenantId}, ${randomUUID()}, 'Lucía Fernández', ${phone}, ${isTest}) RETURNING id`);
    const runId = await tx.oneFirst(sql.type(idRow)`
      INSERT INTO automation_runs (tenant_id, rule_id, rule_version, lead_id, occurrence, workflow_id)
      VALUES (${tenantId}, ${ruleId}, 1, ${leadId}, ${leadId}, ${`automation:${leadId}`}) RETURNING id`);
    return { tenantId, leadId, ruleId, runId, phone };
  });
}

const messageRow = z.object({
  id: z.string(),
  state: z.string(),
  external_id: z.string(),
  provider_id: z.string().nullable(),
});

/** What stands in the three tables about a lead's messages. */
export const messagesOf = ({ inTenant }: Database, { tenantId, leadId }: SendCase) =>
  inTenant(tenantId, async (tx) => ({
    messages: await tx.any(
      sql.type(
        messageRow,
      )`SELECT id, state, external_id, provider_id FROM outbound_messages WHERE tenant_id = ${tenantId} AND lead_id = ${leadId}`,
    ),
    mirrored: await tx.oneFirst(
      sql.type(
        z.object({ n: z.number() }),
      )`SELECT count(*) AS n FROM chat_messages WHERE tenant_id = ${tenantId} AND lead_id = ${leadId} AND direction = 'out'`,
    ),
    logs: await tx.any(sql.type(z.object({ status: z.string(), reason: z.string().nullable() }))`
      SELECT status, reason FROM automation_logs WHERE tenant_id = ${tenantId} AND lead_id = ${leadId} ORDER BY id`),
  }));

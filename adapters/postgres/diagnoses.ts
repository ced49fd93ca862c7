import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

const ruleRow = z.object({
  id: z.string(),
  name: z.string(),
  trigger_type: z.string(),
  is_active: z.boolean(),
  runs: z.number(),
});
const stateRow = z.object({ state: z.string(), messages: z.number(), newest: z.date().nullable() });
const logRow = z.object({
  at: z.date(),
  lead_id: z.string().nullable(),
  rule: z.string().nullable(),
  status: z.string(),
  reason: z.string().nullable(),
});
const leadRow = z.object({
  id: z.string(),
  meta_leadgen_id: z.string().nullable(),
  full_name: z.string().nullable(),
  phone: z.string().nullable(),
  status: z.string(),
  capture_state: z.string(),
  arrived_at: z.date(),
  runs: z.string().nullable(),
  last_message: z.string().nullable(),
});
const chatRow = z.object({ phone: z.string().nullable(), messages: z.number(), leads: z.number(), newest: z.date() });
const inboxRow = z.object({ provider: z.string(), state: z.string(), rows: z.number(), oldest: z.date() });

/** What an operator asks when something looks wrong: the mission's three diagnostic scripts. */
export function createDiagnoses({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Rules, messages by state, and the last decisions; of one lead when `leadId` is given. */
    automation: (tenantId: number, leadId: string | null) =>
      inTenant(tenantId, async (tx) => ({
        rules: await tx.any(sql.type(ruleRow)`
          SELECT u.id, u.name, u.trigger_type, u.is_active, (SELECT count(*) FROM automation_runs r WHERE r.tenant_id = u.tenant_id AND r.rule_id = u.id) AS runs
          FROM automation_rules u WHERE u.tenant_id = ${tenantId} ORDER BY u.created_at LIMIT 100`),
        messages: await tx.any(sql.type(stateRow)`
          SELECT state, count(*) AS messages, max(created_at) AS newest FROM outbound_messages
          WHERE tenant_id = ${tenantId} AND (${leadId}::uuid IS NULL OR lead_id = ${leadId}::uuid) GROUP BY state ORDER BY state`),
        decisions: await tx.any(sql.type(logRow)`
          SELECT l.created_at AS at, l.lead_id, u.name AS rule, l.status, l.reason FROM automation_logs l
          LEFT JOIN automation_rules u ON u.tenant_id = l.tenant_id AND u.id = l.rule_id
          WHERE l.tenant_id = ${tenantId} AND (${leadId}::uuid IS NULL OR l.lead_id = ${leadId}::uuid) ORDER BY l.id DESC LIMIT 20`),
      })),

    /** The newest leads beside the numbers that write to us, and the inbox by state. */
    leads: (tenantId: number, leadId: string | null) =>
      inTenant(tenantId, async (tx) => ({
        leads: await tx.any(sql.type(leadRow)`
          SELECT l.id, l.meta_leadgen_id, l.full_name, l.phone, l.status, l.capture_state, l.arrived_at,
            (SELECT string_agg(r.state || coalesce(': ' || r.reason, ''), ', ') FROM automation_runs r WHERE r.tenant_id = l.tenant_id AND r.lead_id = l.id) AS runs,
            (SELECT m.state FROM outbound_messages m WHERE m.tenant_id = l.tenant_id AND m.lead_id = l.id ORDER BY m.created_at DESC LIMIT 1) AS last_message
          FROM leads l WHERE l.tenant_id = ${tenantId} AND (${leadId}::uuid IS NULL OR l.id = ${leadId}::uuid) ORDER BY l.created_at DESC LIMIT 25`),
        numbers: await tx.any(sql.type(chatRow)`
          SELECT c.phone, count(*) AS messages, count(DISTINCT c.lead_id) AS leads, max(c.sent_at) AS newest FROM chat_messages c
          WHERE c.tenant_id = ${tenantId} AND c.direction = 'in' AND (${leadId}::uuid IS NULL OR c.lead_id = ${leadId}::uuid)
          GROUP BY c.phone ORDER BY newest DESC LIMIT 25`),
        inbox: await tx.any(sql.type(inboxRow)`
          SELECT provider, state, count(*) AS rows, min(received_at) AS oldest FROM webhook_events WHERE tenant_id = ${tenantId} GROUP BY provider, state ORDER BY provider, state`),
      })),

    /** Seeing phones in the clear leaves a row. */
    noteReveal: (tenantId: number, report: string, actor: Actor) =>
      inTenant(tenantId, (tx) =>
        audited(tx, { tenantId, name: 'diagnosis.phones_revealed', actor, details: { report } }),
      ),
  };
}

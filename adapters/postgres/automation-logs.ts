import { sql } from 'slonik';
import { z } from 'zod';
import type { Database } from './pool.ts';

const logRow = z.object({
  id: z.number(),
  at: z.date(),
  trigger_type: z.string(),
  status: z.string(),
  reason: z.string().nullable(),
  lead_id: z.string().nullable(),
  full_name: z.string().nullable(),
  rule_id: z.string().nullable(),
  rule_name: z.string().nullable(),
  template_name: z.string().nullable(),
  message_id: z.string().nullable(),
  workflow_id: z.string().nullable(),
});
export type LogRow = z.output<typeof logRow>;
const countRow = z.object({ status: z.string(), n: z.number() });

export interface LogSearch {
  /** Part of a person's name. */
  q: string;
  status: string | undefined;
  ruleId: string | undefined;
  page: number;
}
export const LOGS_A_PAGE = 50;
// A count of millions would take longer than the page.
const MOST_COUNTED = 10_000;

/** Every decision of the automations, skips with their reason included. */
export function createAutomationLogs({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** The newest first, with how many there are of each status. */
    search: (tenantId: number, { q, status, ruleId, page }: LogSearch) =>
      inTenant(tenantId, async (tx) => {
        const name = `%${q.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
        const found = sql.fragment`a.tenant_id = ${tenantId}
          AND ${q === '' ? sql.fragment`true` : sql.fragment`l.full_name ILIKE ${name}`}
          AND ${ruleId === undefined ? sql.fragment`true` : sql.fragment`a.rule_id = ${ruleId}`}`;
        const counts = await tx.any(sql.type(countRow)`
          SELECT status, count(*) AS n FROM (SELECT a.status FROM automation_logs a LEFT JOIN leads l ON l.tenant_id = a.tenant_id AND l.id = a.lead_id
            WHERE ${found} ORDER BY a.id DESC LIMIT ${MOST_COUNTED}) s GROUP BY status ORDER BY n DESC, status`);
        const rows = await tx.any(sql.type(logRow)`
          SELECT a.id, a.updated_at AS at, a.trigger_type, a.status, a.reason, a.lead_id, l.full_name, a.rule_id, u.name AS rule_name,
            m.template_name, m.id AS message_id, r.workflow_id
          FROM automation_logs a
          LEFT JOIN leads l ON l.tenant_id = a.tenant_id AND l.id = a.lead_id
          LEFT JOIN automation_rules u ON u.tenant_id = a.tenant_id AND u.id = a.rule_id
          LEFT JOIN outbound_messages m ON m.tenant_id = a.tenant_id AND m.id = a.outbound_message_id
          LEFT JOIN automation_runs r ON r.tenant_id = a.tenant_id AND r.id = a.run_id
          WHERE ${found} AND ${status === undefined ? sql.fragment`true` : sql.fragment`a.status = ${status}`}
          ORDER BY a.id DESC LIMIT ${LOGS_A_PAGE} OFFSET ${(page - 1) * LOGS_A_PAGE}`);
        return { rows, counts };
      }),
  };
}
export type AutomationLogs = ReturnType<typeof createAutomationLogs>;

import { sql } from 'slonik';
import { z } from 'zod';
import { type Actor, system } from '../../domain/actor.ts';
import { eraseLeads } from './lead-erasure.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const idRow = z.object({ id: z.string() });
const countRow = z.object({ count: z.number() });
const monthsRow = z.object({ lead_months: z.number().nullable() });

/** Few enough that nobody waits long for a lock. */
const AT_ONCE = 200;

export type LeadRetention = ReturnType<typeof createLeadRetention>;

/** How long a tenant keeps people of whom nothing was heard, and letting go of them. */
export function createLeadRetention({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** After how many months; null: never. */
    months: (tenantId: number): Promise<number | null> => inTenant(tenantId, (tx) => monthsOf(tx, tenantId)),

    setMonths: (tenantId: number, months: number | null, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const { rowCount } = await tx.query(sql.unsafe`
          UPDATE tenants SET lead_months = ${months}, updated_at = now() WHERE id = ${tenantId} AND lead_months IS DISTINCT FROM ${months}::int`);
        if (rowCount > 0) await audited(tx, { tenantId, name: 'tenant.retention_changed', actor, details: { months } });
      }),

    /** How many people would be erased now if it were that many months. */
    due: (tenantId: number, months: number): Promise<number> =>
      inTenant(tenantId, (tx) =>
        tx.oneFirst(sql.type(countRow)`SELECT count(*) AS count FROM (${silentPeople(tenantId, months)}) people`),
      ),

    /**
     * Erases some of the people whose time is over, with the audit row that counts them, in one transaction. Gives how many; 0 when nobody is left, or the
     * tenant keeps its people. What stands in figures stays: touches, prices, opportunities and sales without a word of who they were.
     */
    eraseSome: (tenantId: number, atOnce = AT_ONCE): Promise<number> =>
      inTenant(tenantId, async (tx) => {
        const months = await monthsOf(tx, tenantId);
        if (months === null) return 0;
        const found = await tx.anyFirst(sql.type(idRow)`
          ${silentPeople(tenantId, months)} ORDER BY l.created_at, l.id LIMIT ${atOnce}`);
        if (found.length === 0) return 0;
        // Whoever writes something of a lead holds its row until that is there to see, and waits for ours from here on: so it is looked at again.
        await tx.query(sql.unsafe`
          SELECT FROM leads WHERE tenant_id = ${tenantId} AND (${isOneOf('id', found)} OR ${isOneOf('merged_into', found)}) ORDER BY id FOR UPDATE`);
        const people = await tx.anyFirst(
          sql.type(idRow)`${silentPeople(tenantId, months)} AND l.${isOneOf('id', found)}`,
        );
        if (people.length === 0) return 0;
        await eraseLeads(tx, tenantId, people);
        const details = { count: people.length, months };
        await audited(tx, { tenantId, name: 'leads.erased', actor: system('retention'), details });
        return people.length;
      }),
  };
}

const monthsOf = (tx: Tx, tenantId: number): Promise<number | null> =>
  tx.oneFirst(sql.type(monthsRow)`SELECT lead_months FROM tenants WHERE id = ${tenantId}`);

const isOneOf = (column: 'id' | 'merged_into', ids: readonly string[]) =>
  sql.fragment`${sql.identifier([column])} = ANY(${sql.array([...ids], 'uuid')})`;

/**
 * The ids of people of whom nothing was heard for that long, themselves or in a lead that went into theirs. Who shares a phone or an address with somebody of
 * whom something was heard may be that person, and is kept.
 */
const silentPeople = (tenantId: number, months: number) => sql.fragment`
  SELECT l.id FROM leads l
  WHERE l.tenant_id = ${tenantId} AND l.merged_into IS NULL AND l.erased_at IS NULL AND ${isSilent('l', months)}
    AND NOT EXISTS (SELECT FROM leads o
      WHERE o.tenant_id = l.tenant_id AND o.id <> l.id AND o.erased_at IS NULL AND (o.merged_into = l.id OR o.phone = l.phone OR o.email = l.email)
        AND NOT ${isSilent('o', months)})`;

/**
 * No touch, message, opportunity, sale, wish not to be written to, nor anything a person changed since; and nothing that is still to come: an open
 * opportunity, a date that lies ahead, an automation that runs, a message on its way.
 */
function isSilent(lead: 'l' | 'o', months: number) {
  const row = sql.identifier([lead]);
  const end = sql.fragment`now() - ${months} * interval '1 month'`;
  const its = (other: string) =>
    sql.fragment`${sql.identifier([other, 'tenant_id'])} = ${row}.tenant_id AND ${sql.identifier([other, 'lead_id'])} = ${row}.id`;
  return sql.fragment`(
    greatest(${row}.created_at, ${row}.updated_at, ${row}.last_touch_at, ${row}.submitted_at) < ${end}
    AND NOT EXISTS (SELECT FROM lead_touches t WHERE ${its('t')} AND greatest(t.touched_at, t.created_at) >= ${end})
    AND NOT EXISTS (SELECT FROM chat_messages c WHERE ${its('c')} AND greatest(c.sent_at, c.created_at) >= ${end})
    AND NOT EXISTS (SELECT FROM outbound_messages m WHERE ${its('m')} AND (m.updated_at >= ${end} OR m.state IN ('claimed', 'sending')))
    AND NOT EXISTS (SELECT FROM opportunities p WHERE ${its('p')} AND (p.stage = 'open' OR greatest(p.updated_at, p.expected_at) >= ${end}))
    AND NOT EXISTS (SELECT FROM sales_transactions s WHERE ${its('s')} AND greatest(s.sold_at, s.created_at, s.voided_at) >= ${end})
    AND NOT EXISTS (SELECT FROM automation_runs r WHERE ${its('r')} AND r.state IN ('active', 'waiting'))
    AND NOT EXISTS (SELECT FROM suppressions x
      WHERE x.tenant_id = ${row}.tenant_id AND x.phone = ${row}.phone AND greatest(x.created_at, x.lifted_at) >= ${end}))`;
}

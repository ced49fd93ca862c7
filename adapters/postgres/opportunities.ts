import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

const stage = z.enum(['open', 'won', 'lost']);
export type Stage = z.output<typeof stage>;
const opportunityRow = z.object({
  id: z.string(),
  name: z.string(),
  value: z.string(),
  currency: z.string(),
  stage,
  created_at: z.date(),
  expected_at: z.date().nullable(),
  /** As the form's field takes it, in the tenant's zone. */
  expected_local: z.string().nullable(),
  seller_id: z.string().nullable(),
  seller_name: z.string().nullable(),
  lead_id: z.string(),
  lead_name: z.string().nullable(),
});
export type OpportunityRow = z.output<typeof opportunityRow>;
const countRow = z.object({ stage, count: z.number() });
const sumRow = z.object({ currency: z.string(), value: z.string() });
const beforeRow = z.object({
  name: z.string(),
  value: z.string(),
  currency: z.string(),
  stage,
  seller_id: z.string().nullable(),
  expected_local: z.string().nullable(),
});

export interface OpportunitySearch {
  stage?: Stage | undefined;
  sellerId?: string | undefined;
  page: number;
}

export interface OpportunityChange {
  name: string;
  /** Decimal text in major units. */
  value: string;
  currency: string;
  sellerId: string | null;
  /** Date and time in the tenant's zone, `2026-11-24T18:30`. */
  expectedAt?: string | null;
  /** Only a sale wins: then it stays `won`. */
  stage: 'open' | 'lost';
}

export const OPPORTUNITIES_A_PAGE = 25;

/** What is being negotiated, across leads. */
export function createOpportunities({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** A page of them, newest first; how many of each stage the seller has; and what the open ones add up to, by currency. */
    list: (tenantId: number, { stage: wanted, sellerId, page }: OpportunitySearch) =>
      inTenant(tenantId, async (tx) => {
        const ofSeller = sellerId === undefined ? sql.fragment`true` : sql.fragment`o.seller_id = ${sellerId}`;
        const ofStage = wanted === undefined ? sql.fragment`true` : sql.fragment`o.stage = ${wanted}`;
        const counts = await tx.any(sql.type(countRow)`
          SELECT o.stage, count(*) AS count FROM opportunities o WHERE o.tenant_id = ${tenantId} AND ${ofSeller} GROUP BY o.stage`);
        const open = await tx.any(sql.type(sumRow)`
          SELECT o.currency, sum(o.value) AS value FROM opportunities o WHERE o.tenant_id = ${tenantId} AND ${ofSeller} AND o.stage = 'open'
          GROUP BY o.currency ORDER BY count(*) DESC, o.currency LIMIT 10`);
        const rows = await tx.any(sql.type(opportunityRow)`
          SELECT ${columns} FROM opportunities o
          JOIN leads l ON l.tenant_id = o.tenant_id AND l.id = o.lead_id LEFT JOIN users u ON u.tenant_id = o.tenant_id AND u.id = o.seller_id
          WHERE o.tenant_id = ${tenantId} AND ${ofSeller} AND ${ofStage}
          ORDER BY o.created_at DESC, o.id LIMIT ${OPPORTUNITIES_A_PAGE} OFFSET ${(page - 1) * OPPORTUNITIES_A_PAGE}`);
        return { rows, open, counts: new Map(counts.map((row) => [row.stage, row.count])) };
      }),

    maybeById: (tenantId: number, id: string): Promise<OpportunityRow | null> =>
      inTenant(tenantId, (tx) =>
        tx.maybeOne(sql.type(opportunityRow)`
          SELECT ${columns} FROM opportunities o
          JOIN leads l ON l.tenant_id = o.tenant_id AND l.id = o.lead_id LEFT JOIN users u ON u.tenant_id = o.tenant_id AND u.id = o.seller_id
          WHERE o.tenant_id = ${tenantId} AND o.id = ${id}`),
      ),

    /** @throws {AppError} `not_found`; `invalid` for a seller who is nobody here */
    change: (tenantId: number, id: string, given: OpportunityChange, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const before = await tx.maybeOne(sql.type(beforeRow)`
          SELECT o.name, o.value, o.currency, o.stage, o.seller_id, ${expectedLocal} AS expected_local FROM opportunities o WHERE o.tenant_id = ${tenantId} AND o.id = ${id} FOR UPDATE`);
        if (!before) throw new AppError('not_found', 'no such opportunity');
        const { name, value, currency, sellerId } = given;
        const isSeller =
          sellerId === null ||
          (await tx.exists(sql.unsafe`SELECT FROM users WHERE tenant_id = ${tenantId} AND id = ${sellerId}`));
        if (!isSeller) throw new AppError('invalid', 'no such seller');
        const after = before.stage === 'won' ? 'won' : given.stage;
        const leadId = await tx.oneFirst(sql.type(z.object({ lead_id: z.string() }))`
          UPDATE opportunities SET name = ${name}, value = ${value}::numeric, currency = ${currency}, seller_id = ${sellerId}, stage = ${after},
            expected_at = ${atInZone(tenantId, given.expectedAt ?? null)}, updated_at = now()
          WHERE tenant_id = ${tenantId} AND id = ${id} RETURNING lead_id`);
        const details = { opportunityId: id, from: before.stage, to: after, fields: changedFields(before, given) };
        await audited(tx, {
          tenantId,
          name: 'opportunity.changed',
          actor,
          object: { type: 'lead', id: leadId },
          details,
        });
      }),
  };
}
export type Opportunities = ReturnType<typeof createOpportunities>;

/** A time of the tenant's clocks. */
export const atInZone = (tenantId: number, local: string | null) =>
  sql.fragment`(SELECT ${local}::timestamp AT TIME ZONE t.time_zone FROM tenants t WHERE t.id = ${tenantId})`;
const expectedLocal = sql.fragment`(SELECT to_char(o.expected_at AT TIME ZONE t.time_zone, 'YYYY-MM-DD"T"HH24:MI') FROM tenants t WHERE t.id = o.tenant_id)`;
const columns = sql.fragment`o.id, o.name, o.value, o.currency, o.stage, o.created_at, o.expected_at, ${expectedLocal} AS expected_local, o.seller_id, u.name AS seller_name, o.lead_id, l.full_name AS lead_name`;

function changedFields(before: z.output<typeof beforeRow>, given: OpportunityChange): string[] {
  return [
    ...(before.name === given.name ? [] : ['name']),
    ...(Number(before.value) === Number(given.value) ? [] : ['value']),
    ...(before.currency === given.currency ? [] : ['currency']),
    ...(before.expected_local === (given.expectedAt ?? null) ? [] : ['expected_at']),
    ...(before.seller_id === given.sellerId ? [] : ['seller']),
  ];
}

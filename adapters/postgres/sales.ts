import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { dayIn } from '../../domain/days.ts';
import { AppError } from '../../domain/error.ts';
import { isSaleDay } from '../../domain/sale.ts';
import { moveStatus } from './leads.ts';
import { atInZone } from './opportunities.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

export interface NewOpportunity {
  name: string;
  /** Decimal text in major units. */
  value: string;
  currency: string;
  /** Whoever opens it, unless another is named, or nobody. */
  sellerId?: string | null;
  /** Date and time in the tenant's zone, `2026-11-24T18:30`. */
  expectedAt?: string | null;
}

export interface NewSale {
  amount: string;
  currency: string;
  /** The day in the tenant's zone; its end counts, or now when that is sooner, so that a sale never precedes the lead of the same day. */
  soldOn: string;
  opportunityId?: string | undefined;
  /** The other program's own number of the sale: a second one with it changes nothing. */
  reference?: string | undefined;
}

/** A sale as a file names it: by person, or by nobody. */
export interface ImportedSale extends NewSale {
  reference: string;
  person: { leadId: string } | { phone: string } | { email: string } | null;
}
export type ImportOutcome = 'added' | 'known' | 'nobody';

const idRow = z.object({ id: z.string() });

/** Opportunities and sales of a lead. Each moves the lead's status forward and leaves an audit row, in one transaction. */
export function createSales({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** @throws {AppError} `not_found` */
    openOpportunity: (
      tenantId: number,
      givenId: string,
      { name, value, currency, sellerId, expectedAt = null }: NewOpportunity,
      actor: Actor,
    ): Promise<string> =>
      inTenant(tenantId, async (tx) => {
        const leadId = await moveLead(tx, tenantId, givenId, 'opportunity', ['new', 'contacted'], actor);
        const { id } = await tx.one(sql.type(idRow)`
          INSERT INTO opportunities (tenant_id, lead_id, seller_id, name, value, currency, expected_at)
          VALUES (${tenantId}, ${leadId}, ${sellerId === undefined && actor.type === 'user' ? actor.id : (sellerId ?? null)}, ${name}, ${value}::numeric, ${currency},
            ${atInZone(tenantId, expectedAt)})
          RETURNING id`);
        await audited(tx, {
          tenantId,
          name: 'opportunity.opened',
          actor,
          object: { type: 'lead', id: leadId },
          details: { opportunityId: id },
        });
        return id;
      }),

    /**
     * Attributes the sale to the last campaign touch within the tenant's look-back, as `meta_campaign_id`.
     * @throws {AppError} `not_found`; `invalid` for a day to come; `conflict` when its reference is known
     */
    recordSale: (tenantId: number, leadId: string, sale: NewSale, actor: Actor): Promise<string> =>
      inTenant(tenantId, async (tx) => {
        if (await isKnown(tx, tenantId, sale.reference))
          throw new AppError('conflict', 'a sale has this reference', { problems: ['reference: another sale has it'] });
        return insertSale(tx, tenantId, leadId, sale, actor);
      }),

    /** One row of a file, of the person it names. A row without a person is a sale of nobody's campaign; a person nobody knows is no sale. */
    importSale: (tenantId: number, sale: ImportedSale, actor: Actor): Promise<ImportOutcome> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(
          sql.unsafe`SELECT pg_advisory_xact_lock(hashtextextended(${`sale:${tenantId}:${sale.reference}`}, 0))`,
        );
        if (await isKnown(tx, tenantId, sale.reference)) return 'known';
        const leadId = sale.person === null ? null : await leadOf(tx, tenantId, sale.person);
        if (sale.person !== null && leadId === null) return 'nobody';
        await insertSale(tx, tenantId, leadId, sale, actor);
        return 'added';
      }),

    /** Takes a sale out of every figure, once; it stays on record. @throws {AppError} `not_found` */
    voidSale: (tenantId: number, saleId: string, actor: Actor): Promise<{ leadId: string | null }> =>
      inTenant(tenantId, async (tx) => {
        const sale = await tx.maybeOne(sql.type(z.object({ lead_id: z.string().nullable(), is_new: z.boolean() }))`
          WITH before AS (SELECT id, lead_id, voided_at FROM sales_transactions WHERE tenant_id = ${tenantId} AND id = ${saleId} FOR UPDATE)
          UPDATE sales_transactions s SET voided_at = coalesce(s.voided_at, now()) FROM before
          WHERE s.tenant_id = ${tenantId} AND s.id = before.id
          RETURNING before.lead_id, before.voided_at IS NULL AS is_new`);
        if (sale === null) throw new AppError('not_found', 'no such sale');
        const object = sale.lead_id === null ? { type: 'sale', id: saleId } : { type: 'lead', id: sale.lead_id };
        if (sale.is_new) await audited(tx, { tenantId, name: 'sale.voided', actor, object, details: { saleId } });
        return { leadId: sale.lead_id };
      }),
  };
}
export type Sales = ReturnType<typeof createSales>;

async function insertSale(
  tx: Tx,
  tenantId: number,
  givenId: string | null,
  sale: NewSale,
  actor: Actor,
): Promise<string> {
  const isRefund = sale.amount.startsWith('-');
  const from = ['new', 'contacted', 'opportunity', 'not_interested'];
  const leadId =
    givenId === null ? null : await moveLead(tx, tenantId, givenId, 'customer', isRefund ? [] : from, actor);
  const opportunityId =
    leadId === null || isRefund ? null : await winOpportunity(tx, tenantId, leadId, sale.opportunityId);
  const soldAt = await endOfDay(tx, tenantId, sale.soldOn);
  const campaignId = leadId === null ? null : await lastTouch(tx, tenantId, leadId, soldAt);
  const { id } = await tx.one(sql.type(idRow)`
    INSERT INTO sales_transactions (tenant_id, opportunity_id, lead_id, amount, currency, attribution_source, meta_campaign_id, sold_at, reference)
    VALUES (${tenantId}, ${opportunityId}, ${leadId}, ${sale.amount}::numeric, ${sale.currency}, ${campaignId === null ? null : 'last_touch'},
      ${campaignId}, ${soldAt.toISOString()}::timestamptz, ${sale.reference ?? null})
    RETURNING id`);
  await audited(tx, {
    tenantId,
    name: 'sale.recorded',
    actor,
    object: leadId === null ? { type: 'sale', id } : { type: 'lead', id: leadId },
    details: { saleId: id, campaignId },
  });
  return id;
}

const isKnown = async (tx: Tx, tenantId: number, reference: string | undefined): Promise<boolean> =>
  reference !== undefined &&
  (await tx.maybeOne(sql.type(idRow)`
    SELECT id FROM sales_transactions WHERE tenant_id = ${tenantId} AND reference = ${reference}`)) !== null;

/** The person of a file's row; of several with the same address the newest. */
async function leadOf(tx: Tx, tenantId: number, person: NonNullable<ImportedSale['person']>): Promise<string | null> {
  const which =
    'leadId' in person
      ? sql.fragment`id = ${person.leadId}`
      : 'phone' in person
        ? sql.fragment`phone = ${person.phone}`
        : sql.fragment`lower(email) = lower(${person.email})`;
  const lead = await tx.maybeOne(sql.type(idRow)`
    SELECT coalesce(merged_into, id) AS id FROM leads WHERE tenant_id = ${tenantId} AND ${which} ORDER BY created_at DESC LIMIT 1`);
  return lead?.id ?? null;
}

/** Gives the lead that stands for the person: one that went into another is known by its old id too. */
async function moveLead(
  tx: Tx,
  tenantId: number,
  leadId: string,
  to: string,
  from: readonly string[],
  actor: Actor,
): Promise<string> {
  const lead = await tx.maybeOne(sql.type(z.object({ id: z.string(), status: z.string() }))`
    SELECT id, status FROM leads
    WHERE tenant_id = ${tenantId} AND id = (SELECT coalesce(merged_into, id) FROM leads WHERE tenant_id = ${tenantId} AND id = ${leadId}) FOR UPDATE`);
  if (!lead) throw new AppError('not_found', 'no such lead');
  if (from.includes(lead.status)) await moveStatus(tx, tenantId, lead.id, lead.status, to, actor);
  return lead.id;
}

/** The named opportunity, else the newest open one of the lead, is won by the sale. */
async function winOpportunity(
  tx: Tx,
  tenantId: number,
  leadId: string,
  opportunityId: string | undefined,
): Promise<string | null> {
  const which = opportunityId === undefined ? sql.fragment`stage = 'open'` : sql.fragment`id = ${opportunityId}`;
  const won = await tx.maybeOne(sql.type(idRow)`
    UPDATE opportunities SET stage = 'won', updated_at = now()
    WHERE tenant_id = ${tenantId} AND id = (SELECT id FROM opportunities
      WHERE tenant_id = ${tenantId} AND lead_id = ${leadId} AND ${which} ORDER BY created_at DESC LIMIT 1)
    RETURNING id`);
  if (!won && opportunityId !== undefined)
    throw new AppError('not_found', 'no such opportunity of this lead', {
      problems: ['opportunity_id: is none of this lead'],
    });
  return won?.id ?? null;
}

async function endOfDay(tx: Tx, tenantId: number, day: string): Promise<Date> {
  const { time_zone: timeZone } = await tx.one(
    sql.type(z.object({ time_zone: z.string() }))`SELECT time_zone FROM tenants WHERE id = ${tenantId}`,
  );
  if (!isSaleDay(day, dayIn(timeZone, new Date())))
    throw new AppError('invalid', 'no day for a sale', { problems: ['sold_on: lies ahead, or before 2000'] });
  return tx.oneFirst(sql.type(z.object({ at: z.date() }))`
    SELECT least(now(), (${day}::date + time '23:59:59') AT TIME ZONE ${timeZone}) AS at`);
}

async function lastTouch(tx: Tx, tenantId: number, leadId: string, soldAt: Date): Promise<string | null> {
  const touch = await tx.maybeOne(sql.type(z.object({ meta_campaign_id: z.string() }))`
    SELECT t.meta_campaign_id FROM lead_touches t JOIN tenants n ON n.id = t.tenant_id
    WHERE t.tenant_id = ${tenantId} AND t.lead_id = ${leadId} AND t.meta_campaign_id IS NOT NULL
      AND t.touched_at <= ${soldAt.toISOString()}::timestamptz
      AND t.touched_at >= ${soldAt.toISOString()}::timestamptz - n.look_back_days * interval '1 day'
    ORDER BY t.touched_at DESC, t.id DESC LIMIT 1`);
  return touch?.meta_campaign_id ?? null;
}

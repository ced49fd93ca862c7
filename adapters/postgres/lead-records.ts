import { sql } from 'slonik';
import { z } from 'zod';
import { AppError } from '../../domain/error.ts';
import type { Database } from './pool.ts';

const recordRow = z.object({
  id: z.string(),
  meta_leadgen_id: z.string().nullable(),
  source: z.string(),
  full_name: z.string().nullable(),
  phone: z.string().nullable(),
  email: z.string().nullable(),
  status: z.string(),
  seller_id: z.string().nullable(),
  is_test: z.boolean(),
  merged_into: z.string().nullable(),
  form_id: z.string().nullable(),
  answers: z.array(z.object({ name: z.string(), values: z.array(z.string()) })),
  meta_campaign_id: z.string().nullable(),
  ad_id: z.string().nullable(),
  submitted_at: z.date().nullable(),
  created_at: z.date(),
});
/** A lead as other programs read it; campaign and ad are those of its last touch. */
export type LeadRecord = z.output<typeof recordRow>;
const pageRow = recordRow.extend({ created_text: z.string() });

/** Where the next page begins: behind this lead. */
export interface LeadCursor {
  /** ISO 8601 in UTC, to the microsecond. */
  createdAt: string;
  id: string;
}
export interface LeadRecordPage {
  leads: LeadRecord[];
  next: LeadCursor | null;
}
export interface LeadIdentifiers {
  /** E.164. */
  phone: string | null;
  email: string | null;
  leadgenId: string | null;
}
const MOST_FOUND = 100;

const columns = sql.fragment`
  l.id, l.meta_leadgen_id, l.source, l.full_name, l.phone, l.email, l.status, l.seller_id, l.is_test, l.merged_into, l.form_id, l.answers,
  t.meta_campaign_id, t.ad_id, l.submitted_at, l.created_at`;
const lastTouch = sql.fragment`
  LEFT JOIN LATERAL (SELECT x.meta_campaign_id, x.ad_id FROM lead_touches x
    WHERE x.tenant_id = l.tenant_id AND x.lead_id = l.id ORDER BY x.touched_at DESC LIMIT 1) t ON true`;

/** Leads for other programs. */
export function createLeadRecords({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** The newest first; those that went into another are left out. */
    list: (
      tenantId: number,
      given: { status?: string | undefined; since?: Date | undefined; behind?: LeadCursor | undefined; limit: number },
    ): Promise<LeadRecordPage> =>
      inTenant(tenantId, async (tx) => {
        const { status, since, behind, limit } = given;
        const rows = await tx.any(sql.type(pageRow)`
          SELECT ${columns}, to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_text
          FROM leads l ${lastTouch}
          WHERE l.tenant_id = ${tenantId} AND l.merged_into IS NULL
            AND ${status === undefined ? sql.fragment`true` : sql.fragment`l.status = ${status}`}
            AND ${since === undefined ? sql.fragment`true` : sql.fragment`l.created_at >= ${since.toISOString()}`}
            AND ${behind === undefined ? sql.fragment`true` : sql.fragment`(l.created_at, l.id) < (${behind.createdAt}::timestamptz, ${behind.id}::uuid)`}
          ORDER BY l.created_at DESC, l.id DESC LIMIT ${limit + 1}`);
        const leads = rows.slice(0, limit);
        const last = leads.at(-1);
        const isMore = rows.length > limit && last !== undefined;
        return {
          leads: leads.map(({ created_text: _, ...lead }) => lead),
          next: isMore ? { createdAt: last.created_text, id: last.id } : null,
        };
      }),

    /** @throws {AppError} `not_found` for a stranger's lead as for none. */
    byId: (tenantId: number, leadId: string): Promise<LeadRecord> =>
      inTenant(tenantId, async (tx) => {
        const lead = await tx.maybeOne(
          sql.type(
            recordRow,
          )`SELECT ${columns} FROM leads l ${lastTouch} WHERE l.tenant_id = ${tenantId} AND l.id = ${leadId}`,
        );
        if (!lead) throw new AppError('not_found', 'no such lead');
        return lead;
      }),

    /** Those with any of the given, the earliest first: submissions that went into another name the one that stayed. */
    found: (tenantId: number, { phone, email, leadgenId }: LeadIdentifiers): Promise<readonly LeadRecord[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(recordRow)`
          SELECT ${columns} FROM leads l ${lastTouch}
          WHERE l.tenant_id = ${tenantId} AND (l.phone = ${phone} OR l.email = ${email} OR l.meta_leadgen_id = ${leadgenId})
          ORDER BY l.created_at, l.id LIMIT ${MOST_FOUND}`),
      ),
  };
}
export type LeadRecords = ReturnType<typeof createLeadRecords>;

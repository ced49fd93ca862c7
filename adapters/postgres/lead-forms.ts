import { sql } from 'slonik';
import { z } from 'zod';
import type { Disclaimer, FormQuestion } from '../../domain/form-mapping.ts';
import type { Depth, FormCounts } from '../../domain/lead-reconciliation.ts';
import { fillConsentTexts } from './consents.ts';
import type { Database } from './pool.ts';

const countsRow = z.object({
  form_id: z.string(),
  leads_count: z.number(),
  here: z.number(),
  unreachable_count: z.number(),
  read_at: z.date().nullable(),
  deep_read_at: z.date().nullable(),
});
const screenRow = countsRow.extend({
  page_id: z.string(),
  page_name: z.string(),
  name: z.string(),
  status: z.string(),
  counted_at: z.date(),
  recovered: z.number(),
});
export type LeadFormRow = z.output<typeof screenRow>;
const pageRow = z.object({
  page_id: z.string(),
  name: z.string(),
  reconciled_at: z.date().nullable(),
  reconcile_error: z.string().nullable(),
});
export type ReconciledPage = z.output<typeof pageRow>;

/** Meta's count of a form's leads, as read now. */
export interface CountedForm {
  formId: string;
  name: string;
  status: string;
  leadsCount: number;
  /** What it asks; absent or empty leaves what is known. */
  questions?: readonly FormQuestion[];
  disclaimers?: readonly Disclaimer[];
}

const MOST_FORMS = 500;

/** Each form's leads as Meta counts them and as they are here. */
export function createLeadForms({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Notes Meta's figures; forms not known before appear. */
    saveCounts: (tenantId: number, pageId: string, forms: readonly CountedForm[]): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const tuples = forms.map(({ formId, name, status, leadsCount, questions = [], disclaimers = [] }) => {
          return [formId, name, status, leadsCount, JSON.stringify(questions), JSON.stringify(disclaimers)];
        });
        await tx.query(sql.unsafe`
          INSERT INTO lead_forms (tenant_id, page_id, form_id, name, status, leads_count, questions, disclaimers, counted_at)
          SELECT ${tenantId}, ${pageId}, form_id, name, status, leads_count, questions, disclaimers, now()
          FROM ${sql.unnest(tuples, ['text', 'text', 'text', 'int4', 'jsonb', 'jsonb'])} AS given (form_id, name, status, leads_count, questions, disclaimers)
          ON CONFLICT (tenant_id, form_id) DO UPDATE SET page_id = excluded.page_id, name = excluded.name, status = excluded.status,
            leads_count = excluded.leads_count, counted_at = excluded.counted_at,
            questions = CASE excluded.questions WHEN '[]' THEN lead_forms.questions ELSE excluded.questions END,
            disclaimers = CASE excluded.disclaimers WHEN '[]' THEN lead_forms.disclaimers ELSE excluded.disclaimers END`);
        await fillConsentTexts(
          tx,
          tenantId,
          forms.map(({ formId }) => formId),
        );
      }),

    /** The counts of these forms, by which it is decided what to read. */
    counts: (tenantId: number, formIds: readonly string[]): Promise<(FormCounts & { formId: string })[]> =>
      inTenant(tenantId, async (tx) => {
        const rows = await tx.any(sql.type(countsRow)`
          SELECT f.form_id, f.leads_count, ${hereOf} AS here, f.unreachable_count, f.read_at, f.deep_read_at
          FROM lead_forms f WHERE f.tenant_id = ${tenantId} AND f.form_id = ANY(${sql.array([...formIds], 'text')}) ORDER BY f.form_id`);
        return rows.map((row) => ({
          formId: row.form_id,
          leadsCount: row.leads_count,
          here: row.here,
          unreachable: row.unreachable_count,
          readAt: row.read_at?.getTime() ?? null,
          deepReadAt: row.deep_read_at?.getTime() ?? null,
        }));
      }),

    /** The form was read whole. What a deep reading leaves of Meta's figure is no longer given by Meta; what a recent one leaves asks for a deep one. */
    markRead: (tenantId: number, formId: string, depth: Depth): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const deep = depth === 'deep';
        await tx.query(sql.unsafe`
          UPDATE lead_forms f SET read_at = now(),
            deep_read_at = CASE WHEN ${deep} THEN now() WHEN f.leads_count - f.unreachable_count <> ${hereOf} THEN NULL ELSE f.deep_read_at END,
            unreachable_count = CASE WHEN ${deep} THEN f.leads_count - ${hereOf} ELSE f.unreachable_count END
          WHERE f.tenant_id = ${tenantId} AND f.form_id = ${formId}`);
      }),

    /** How the comparison of a page ended: null, or the code of what stood in its way. */
    notePage: (tenantId: number, pageId: string, errorCode: string | null): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          UPDATE pages SET reconcile_error = ${errorCode}, reconciled_at = CASE WHEN ${errorCode}::text IS NULL THEN now() ELSE reconciled_at END
          WHERE tenant_id = ${tenantId} AND page_id = ${pageId}`);
      }),

    /** What the screen shows: the pages whose leads come here, and their forms. */
    overview: (tenantId: number): Promise<{ pages: readonly ReconciledPage[]; forms: readonly LeadFormRow[] }> =>
      inTenant(tenantId, async (tx) => ({
        pages: await tx.any(sql.type(pageRow)`
          SELECT page_id, name, reconciled_at, reconcile_error FROM pages
          WHERE tenant_id = ${tenantId} AND subscribed_at IS NOT NULL ORDER BY name, page_id LIMIT ${MOST_FORMS}`),
        forms: await tx.any(sql.type(screenRow)`
          SELECT f.form_id, f.page_id, p.name AS page_name, f.name, f.status, f.leads_count, ${hereOf} AS here, f.unreachable_count, f.counted_at,
            f.read_at, f.deep_read_at,
            (SELECT count(*) FROM leads l WHERE l.tenant_id = f.tenant_id AND l.form_id = f.form_id AND l.recovered_at IS NOT NULL) AS recovered
          FROM lead_forms f JOIN pages p ON p.tenant_id = f.tenant_id AND p.page_id = f.page_id AND p.subscribed_at IS NOT NULL
          WHERE f.tenant_id = ${tenantId} ORDER BY p.name, f.status, f.name, f.form_id LIMIT ${MOST_FORMS}`),
      })),
  };
}
export type LeadForms = ReturnType<typeof createLeadForms>;

const hereOf = sql.fragment`(SELECT count(*) FROM leads l
  WHERE l.tenant_id = f.tenant_id AND l.form_id = f.form_id AND l.capture_state = 'captured' AND NOT l.is_test)`;

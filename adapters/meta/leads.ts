import { z } from 'zod';
import type { Graph } from './graph.ts';
import { metaId, metaTime, pagesOf } from './paging.ts';

const idOrNull = z.union([metaId, z.null()]).default(null);
const textOrNull = z.string().nullable().default(null);

const leadRow = z
  .object({
    id: metaId,
    created_time: metaTime,
    ad_id: idOrNull,
    ad_name: textOrNull,
    adset_id: idOrNull,
    adset_name: textOrNull,
    campaign_id: idOrNull,
    campaign_name: textOrNull,
    form_id: idOrNull,
    field_data: z.array(z.object({ name: z.string(), values: z.array(z.string()).default([]) })).default([]),
    is_organic: z.boolean().default(false),
    platform: textOrNull,
    custom_disclaimer_responses: z
      .array(z.object({ checkbox_key: z.string(), is_checked: z.union([z.string(), z.boolean()]) }))
      .default([]),
  })
  .transform((row) => ({
    leadgenId: row.id,
    createdAt: row.created_time,
    // Organic and test leads come without, or with 0.
    adId: row.ad_id === '0' ? null : row.ad_id,
    adName: row.ad_name,
    adsetId: row.adset_id,
    adsetName: row.adset_name,
    campaignId: row.campaign_id,
    campaignName: row.campaign_name,
    formId: row.form_id,
    /** The form's question keys and what the person answered; a value list may be empty. */
    fieldData: row.field_data,
    isOrganic: row.is_organic,
    /** `fb`, `ig`, or whatever Meta adds. */
    platform: row.platform,
    disclaimers: row.custom_disclaimer_responses.map((response) => ({
      key: response.checkbox_key,
      isChecked: response.is_checked === '1' || response.is_checked === true,
    })),
  }));

/** A form's submission as Meta keeps it. Holds personal data: never into a workflow, a log or a metric. */
export type LeadRecord = z.output<typeof leadRow>;

const LEAD_FIELDS =
  'id,created_time,ad_id,ad_name,adset_id,adset_name,campaign_id,campaign_name,form_id,field_data,is_organic,platform,custom_disclaimer_responses';

const questionRow = z.object({
  key: z.string(),
  label: z.string().default(''),
  type: z.string().default(''),
  options: z
    .array(z.object({ key: z.string(), value: z.string() }))
    .catch([])
    .default([]),
});
const FORM_FIELDS = 'id,name,status,leads_count,questions,legal_content{custom_disclaimer{checkboxes{key,text}}}';

const formRow = z
  .object({
    id: metaId,
    name: z.string().default(''),
    status: z.string().default('ACTIVE'),
    leads_count: z.coerce.number().default(0),
    questions: z.array(questionRow).catch([]).default([]),
    legal_content: z
      .object({ custom_disclaimer: z.object({ checkboxes: z.array(z.object({ key: z.string(), text: z.string() })) }) })
      .nullable()
      .catch(null)
      .default(null),
  })
  .transform((row) => ({
    formId: row.id,
    name: row.name,
    status: row.status,
    leadsCount: row.leads_count,
    questions: row.questions,
    /** The boxes to tick, with the words beside them. */
    disclaimers: row.legal_content?.custom_disclaimer.checkboxes ?? [],
  }));
export type LeadForm = z.output<typeof formRow>;

/** Reading leads: one by its id, a page's forms, the leads of a form. */
export function createLeadReads(graph: Graph) {
  return {
    /**
     * One lead. Right after its webhook Meta may not show it yet: `not_found` (100/33) then also means "try again for some minutes".
     * @throws AppError `not_found`, `permission_missing` (scopes or Leads Access), `reconnect_required`, `rate_limited`, `unavailable`
     */
    readLead: (token: string, leadgenId: string, { pageId }: { pageId?: string } = {}): Promise<LeadRecord> =>
      graph.call({
        endpoint: 'lead',
        path: encodeURIComponent(leadgenId),
        token,
        params: { fields: LEAD_FIELDS },
        schema: leadRow,
        ...(pageId === undefined ? {} : { assetId: pageId, limits: ['leadgen'] }),
      }),
    /** One form. @throws AppError as `leadForms` does */
    leadForm: (pageToken: string, formId: string, { pageId }: { pageId: string }): Promise<LeadForm> =>
      graph.call({
        endpoint: 'leadgen_form',
        path: encodeURIComponent(formId),
        token: pageToken,
        params: { fields: FORM_FIELDS },
        schema: formRow,
        assetId: pageId,
        limits: ['leadgen'],
      }),
    /** A page's forms with Meta's own lead count, page by page. Needs the page token. */
    leadForms: (pageToken: string, pageId: string) =>
      pagesOf(graph, {
        endpoint: 'leadgen_forms',
        path: `${encodeURIComponent(pageId)}/leadgen_forms`,
        token: pageToken,
        params: { fields: FORM_FIELDS },
        row: formRow,
        limit: 100,
        assetId: pageId,
        limits: ['leadgen'],
      }),
    /** Leads of a form submitted after `since`, page by page, in Meta's order. Needs the page token. */
    formLeads: (pageToken: string, formId: string, { since, pageId }: { since: Date; pageId: string }) =>
      pagesOf(graph, {
        endpoint: 'form_leads',
        path: `${encodeURIComponent(formId)}/leads`,
        token: pageToken,
        params: {
          fields: LEAD_FIELDS,
          filtering: JSON.stringify([
            { field: 'time_created', operator: 'GREATER_THAN', value: Math.floor(since.getTime() / 1000) },
          ]),
        },
        row: leadRow,
        limit: 100,
        assetId: pageId,
        limits: ['leadgen'],
      }),
  };
}

import { sql } from 'slonik';
import { z } from 'zod';
import { AppError } from '../../domain/error.ts';
import { LEADS_A_PAGE } from '../../domain/lead.ts';
import { instant } from './instant.ts';
import type { Database, Tx } from './pool.ts';

export const listRow = z.object({
  id: z.string(),
  full_name: z.string().nullable(),
  phone: z.string().nullable(),
  email: z.string().nullable(),
  status: z.string(),
  is_test: z.boolean(),
  is_recovered: z.boolean(),
  capture_state: z.string(),
  arrived_at: instant,
  campaign_name: z.string().nullable(),
  message_state: z.string().nullable(),
  has_replied: z.boolean(),
  is_repeat: z.boolean(),
  seller_name: z.string().nullable(),
});
export type LeadListRow = z.output<typeof listRow>;

const leadRow = z.object({
  id: z.string(),
  full_name: z.string().nullable(),
  email: z.string().nullable(),
  phone: z.string().nullable(),
  status: z.string(),
  is_test: z.boolean(),
  is_recovered: z.boolean(),
  is_organic: z.boolean(),
  capture_state: z.string(),
  capture_error: z.string().nullable(),
  platform: z.string().nullable(),
  form_id: z.string().nullable(),
  answers: z.array(z.object({ name: z.string(), values: z.array(z.string()) })),
  arrived_at: z.date(),
  created_at: z.date(),
  merged_into: z.string().nullable(),
  seller_id: z.string().nullable(),
  erased_at: z.date().nullable(),
});
const touchRow = z.object({
  at: z.date(),
  kind: z.string(),
  campaign_name: z.string().nullable(),
  meta_campaign_id: z.string().nullable(),
  ad_name: z.string().nullable(),
});
const messageRow = z.object({
  id: z.string(),
  direction: z.enum(['in', 'out']),
  author: z.string(),
  body: z.string().nullable(),
  kind: z.string(),
  sent_at: z.date(),
  template_name: z.string().nullable(),
  state: z.string().nullable(),
  error_code: z.string().nullable(),
  person: z.string().nullable(),
});
const opportunityRow = z.object({
  id: z.string(),
  name: z.string(),
  value: z.string(),
  currency: z.string(),
  stage: z.string(),
  created_at: z.date(),
});
const saleRow = z.object({
  id: z.string(),
  amount: z.string(),
  currency: z.string(),
  sold_at: z.date(),
  campaign_name: z.string().nullable(),
});
export interface LeadSearch {
  q: string;
  status: string | undefined;
  /** A person of the team, or `none`. */
  seller?: string | undefined;
  page: number;
}

/** What the lead screens show, read whole in one transaction each. */
export function createLeadPages({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** The newest leads, for the live feed. */
    recent: (tenantId: number, limit: number) => inTenant(tenantId, (tx) => recentLeads(tx, tenantId, limit)),

    list: (tenantId: number, { q, status, seller, page }: LeadSearch) =>
      inTenant(tenantId, async (tx) => {
        const where = sql.fragment`${searchFor(q)} AND ${sellerIs(seller)}`;
        const ofStatus = status === undefined ? sql.fragment`true` : sql.fragment`l.status = ${status}`;
        const counts = await tx.any(sql.type(z.object({ status: z.string(), leads: z.number() }))`
          SELECT l.status, count(*) AS leads FROM leads l WHERE l.tenant_id = ${tenantId} AND l.merged_into IS NULL AND ${where} GROUP BY l.status`);
        const rows = await tx.any(sql.type(listRow)`
          ${leadsOf(tenantId)} AND ${where} AND ${ofStatus}
          ORDER BY coalesce(l.last_touch_at, l.created_at) DESC, l.id LIMIT ${LEADS_A_PAGE} OFFSET ${(page - 1) * LEADS_A_PAGE}`);
        return { rows, counts: new Map(counts.map((row) => [row.status, row.leads])) };
      }),

    /** @throws {AppError} `not_found` for a stranger's lead as for none. */
    byId: (tenantId: number, leadId: string) =>
      inTenant(tenantId, async (tx) => {
        const lead = await tx.maybeOne(sql.type(leadRow)`
          SELECT id, full_name, email, phone, status, is_test, is_organic, recovered_at IS NOT NULL AS is_recovered, capture_state, capture_error, platform, form_id, answers,
            arrived_at, created_at, merged_into, seller_id, erased_at
          FROM leads WHERE tenant_id = ${tenantId} AND id = ${leadId}`);
        if (!lead) throw new AppError('not_found', 'no such lead');
        return {
          lead,
          touches: await touchesOf(tx, tenantId, leadId),
          messages: await messagesOf(tx, tenantId, leadId),
          opportunities: await tx.any(sql.type(opportunityRow)`
            SELECT id, name, value, currency, stage, created_at FROM opportunities WHERE tenant_id = ${tenantId} AND lead_id = ${leadId} ORDER BY created_at DESC LIMIT 50`),
          sales: await tx.any(sql.type(saleRow)`
            SELECT s.id, s.amount, s.currency, s.sold_at, c.name AS campaign_name FROM sales_transactions s
            LEFT JOIN meta_ads_campaigns c ON c.tenant_id = s.tenant_id AND c.meta_campaign_id = s.meta_campaign_id
            WHERE s.tenant_id = ${tenantId} AND s.lead_id = ${leadId} AND s.voided_at IS NULL ORDER BY s.sold_at DESC LIMIT 50`),
        };
      }),
  };
}
export type LeadPages = ReturnType<typeof createLeadPages>;

/** The newest leads, inside a transaction that reads more. */
export const recentLeads = (tx: Tx, tenantId: number, limit: number): Promise<readonly LeadListRow[]> =>
  tx.any(sql.type(listRow)`${recentLeadsQuery(tenantId, limit)}`);

export const recentLeadsQuery = (tenantId: number, limit: number) =>
  sql.fragment`${leadsOf(tenantId)} ORDER BY coalesce(l.last_touch_at, l.created_at) DESC, l.id LIMIT ${limit}`;

const leadsOf = (tenantId: number) => sql.fragment`
  SELECT l.id, l.full_name, l.phone, l.email, l.status, l.is_test, l.recovered_at IS NOT NULL AS is_recovered, l.capture_state,
    l.last_touch_at IS NOT NULL AS is_repeat, coalesce(l.last_touch_at, l.submitted_at, l.created_at) AS arrived_at,
    t.campaign_name, u.name AS seller_name, m.state AS message_state, l.first_reply_at IS NOT NULL AS has_replied
  FROM leads l
  LEFT JOIN LATERAL (SELECT c.name AS campaign_name FROM lead_touches x
    JOIN meta_ads_campaigns c ON c.tenant_id = x.tenant_id AND c.meta_campaign_id = x.meta_campaign_id
    WHERE x.tenant_id = l.tenant_id AND x.lead_id = l.id ORDER BY x.touched_at DESC LIMIT 1) t ON true
  LEFT JOIN LATERAL (SELECT o.state FROM outbound_messages o
    WHERE o.tenant_id = l.tenant_id AND o.lead_id = l.id ORDER BY o.created_at DESC LIMIT 1) m ON true
  LEFT JOIN users u ON u.tenant_id = l.tenant_id AND u.id = l.seller_id
  WHERE l.tenant_id = ${tenantId} AND l.merged_into IS NULL`;

/** By what a person is called now, and by what they were called in a submission that went into theirs. */
function searchFor(q: string) {
  if (q === '') return sql.fragment`true`;
  const escaped = `%${q.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
  const digits = q.replace(/\D/g, '');
  const called = (lead: 'l' | 'm') => {
    const column = (field: string) => sql.identifier([lead, field]);
    const byPhone = digits.length < 4 ? sql.fragment`false` : sql.fragment`${column('phone')} LIKE ${`%${digits}%`}`;
    return sql.fragment`(${column('full_name')} ILIKE ${escaped} OR ${column('email')} ILIKE ${escaped} OR ${byPhone})`;
  };
  return sql.fragment`(${called('l')} OR EXISTS (SELECT FROM leads m WHERE m.tenant_id = l.tenant_id AND m.merged_into = l.id AND ${called('m')}))`;
}

function sellerIs(seller: string | undefined) {
  if (seller === undefined) return sql.fragment`true`;
  return seller === 'none' ? sql.fragment`l.seller_id IS NULL` : sql.fragment`l.seller_id = ${seller}`;
}

const touchesOf = (tx: Tx, tenantId: number, leadId: string) =>
  tx.any(sql.type(touchRow)`
    SELECT t.touched_at AS at, t.kind, c.name AS campaign_name, t.meta_campaign_id, a.name AS ad_name
    FROM lead_touches t
    LEFT JOIN meta_ads_campaigns c ON c.tenant_id = t.tenant_id AND c.meta_campaign_id = t.meta_campaign_id
    LEFT JOIN meta_ads_ads a ON a.tenant_id = t.tenant_id AND a.ad_id = t.ad_id
    WHERE t.tenant_id = ${tenantId} AND t.lead_id = ${leadId} ORDER BY t.touched_at LIMIT 50`);

const messagesOf = (tx: Tx, tenantId: number, leadId: string) =>
  tx.any(sql.type(messageRow)`
    SELECT c.id, c.direction, c.author, c.body, c.kind, c.sent_at, o.template_name, o.state, o.error_code, u.name AS person
    FROM chat_messages c LEFT JOIN outbound_messages o ON o.tenant_id = c.tenant_id AND o.id = c.outbound_message_id
    LEFT JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
    WHERE c.tenant_id = ${tenantId} AND c.lead_id = ${leadId} ORDER BY c.sent_at, c.created_at LIMIT 500`);

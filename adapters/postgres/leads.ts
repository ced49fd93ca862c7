import { sql } from 'slonik';
import { z } from 'zod';
import { type Actor, system } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import type { Answer } from '../../domain/lead.ts';
import { insertConsents } from './consents.ts';
import { mergeIntoKnown } from './lead-merges.ts';
import type { Database, Tx } from './pool.ts';
import { statusChanged } from './rule-triggers.ts';
import { giveInTurn } from './sellers.ts';
import { audited, auditedAs } from './system-events.ts';

/** A lead as it was read from Meta, its person already made out. */
export interface CapturedLead {
  leadgenId: string;
  pageId: string | null;
  submittedAt: Date;
  fullName: string | null;
  email: string | null;
  /** E.164 or null. */
  phone: string | null;
  isTest: boolean;
  isOrganic: boolean;
  platform: string | null;
  formId: string | null;
  answers: readonly Answer[];
  /** Every answer as it was given. */
  fieldData: readonly Answer[];
  /** The boxes that were ticked, or not. */
  disclaimers: readonly { key: string; isChecked: boolean }[];
  adId: string | null;
  adsetId: string | null;
  campaignId: string | null;
}

export interface LeadState {
  leadId: string;
  captureState: 'captured' | 'waiting_for_connection' | 'failed';
  pageId: string | null;
}

// Meta tells the time of a submission by its own clock, to the second.
const CLOCKS_DIFFER_MINUTES = 10;
const captureState = z.enum(['captured', 'waiting_for_connection', 'failed']);
const stateRow = z.object({ id: z.string(), capture_state: captureState });
const knownRow = stateRow.extend({ page_id: z.string().nullable() });
const uncapturedRow = z.object({
  meta_leadgen_id: z.string().nullable(),
  page_id: z.string().nullable(),
  capture_state: captureState,
});
const listedRow = z.object({
  leadgen_id: z.string(),
  capture_state: captureState,
  recovered_at: z.date().nullable(),
});
const factsRow = z.object({
  id: z.string(),
  full_name: z.string().nullable(),
  form_id: z.string().nullable(),
  is_test: z.boolean(),
  meta_leadgen_id: z.string().nullable(),
  campaign_id: z.string().nullable(),
  campaign_name: z.string().nullable(),
  is_from_before: z.boolean(),
  seller_email: z.string().nullable(),
  seller_locale: z.enum(['es', 'en']).nullable(),
});

/** Leads and their touches. Every change leaves its audit row in the same transaction. */
export function createLeads({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    maybeByLeadgenId: (tenantId: number, leadgenId: string): Promise<LeadState | null> =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(
          sql.type(
            knownRow,
          )`SELECT coalesce(merged_into, id) AS id, capture_state, page_id FROM leads WHERE tenant_id = ${tenantId} AND meta_leadgen_id = ${leadgenId}`,
        );
        return row && { leadId: row.id, captureState: row.capture_state, pageId: row.page_id };
      }),

    /** A lead of Meta that could not be read yet; null for one that was, or that Meta knows nothing of. @throws {AppError} `not_found` */
    maybeUncaptured: (tenantId: number, leadId: string): Promise<{ leadgenId: string; pageId: string | null } | null> =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(sql.type(uncapturedRow)`
          SELECT meta_leadgen_id, page_id, capture_state FROM leads WHERE tenant_id = ${tenantId} AND id = ${leadId}`);
        if (row === null) throw new AppError('not_found', 'no such lead');
        const { meta_leadgen_id: leadgenId, page_id: pageId } = row;
        return row.capture_state === 'captured' || leadgenId === null ? null : { leadgenId, pageId };
      }),

    /** Which of these Meta ids are known here, by id, with their state. */
    known: (tenantId: number, leadgenIds: readonly string[]) =>
      inTenant(tenantId, async (tx) => {
        const rows = await tx.any(sql.type(listedRow)`
          SELECT meta_leadgen_id AS leadgen_id, capture_state, recovered_at FROM leads
          WHERE tenant_id = ${tenantId} AND meta_leadgen_id = ANY(${sql.array([...leadgenIds], 'text')})`);
        return new Map(
          rows.map((row) => [row.leadgen_id, { captureState: row.capture_state, recoveredAt: row.recovered_at }]),
        );
      }),

    /**
     * Writes the lead with its touch; a repeat changes nothing. `leadId` stands for the person: an earlier lead of theirs, if there is one. `isNew` is true for the one call that captured it. With `isMissed` it is marked as
     * recovered, unless its webhook is in the inbox after all.
     */
    capture: (
      tenantId: number,
      lead: CapturedLead,
      { isMissed = false }: { isMissed?: boolean } = {},
    ): Promise<{ leadId: string; isNew: boolean }> =>
      inTenant(tenantId, async (tx) => {
        const saved = await upsertLead(tx, tenantId, lead, isMissed);
        if (saved) {
          await insertTouch(tx, tenantId, saved.id, lead);
          await insertConsents(tx, tenantId, saved.id, lead);
          await audited(tx, {
            tenantId,
            name: 'lead.captured',
            actor: system('lead-intake'),
            object: { type: 'lead', id: saved.id },
            details: { leadgenId: lead.leadgenId, ...(isMissed ? { by: 'reconciliation' } : {}) },
          });
          const leadId = await mergeIntoKnown(tx, tenantId, saved.id);
          if (!lead.isTest) await giveInTurn(tx, tenantId, leadId);
          return { leadId, isNew: true };
        }
        const known = await tx.one(
          sql.type(
            stateRow,
          )`SELECT coalesce(merged_into, id) AS id, capture_state FROM leads WHERE tenant_id = ${tenantId} AND meta_leadgen_id = ${lead.leadgenId}`,
        );
        return { leadId: known.id, isNew: false };
      }),

    /** The lead is known but cannot be read: it waits as a row, with the reason as a code. A captured lead is left as it is. */
    postpone: (
      tenantId: number,
      leadgenId: string,
      pageId: string | null,
      state: 'waiting_for_connection' | 'failed',
      error: string,
    ) =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(sql.type(stateRow)`
          INSERT INTO leads (tenant_id, meta_leadgen_id, page_id, capture_state, capture_error)
          VALUES (${tenantId}, ${leadgenId}, ${pageId}, ${state}, ${error})
          ON CONFLICT (tenant_id, meta_leadgen_id) DO UPDATE SET capture_state = excluded.capture_state, capture_error = excluded.capture_error, updated_at = now()
            WHERE leads.capture_state <> 'captured' AND (leads.capture_state, leads.capture_error) IS DISTINCT FROM (excluded.capture_state, excluded.capture_error)
          RETURNING id, capture_state`);
        await tx.query(sql.unsafe`
          UPDATE leads SET capture_tried_at = now()
          WHERE tenant_id = ${tenantId} AND meta_leadgen_id = ${leadgenId} AND capture_state <> 'captured'`);
        if (row)
          await audited(tx, {
            tenantId,
            name: `lead.${state}`,
            actor: system('lead-intake'),
            object: { type: 'lead', id: row.id },
            details: { error },
          });
      }),

    /**
     * What rules ask about a lead and one of its submissions; without one, its own form and last touch. `is_from_before`: submitted before the page was
     * connected. Throws AppError `not_found` for one that was erased.
     */
    facts: (tenantId: number, leadId: string, leadgenId: string | null = null) =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(sql.type(factsRow)`
          SELECT l.id, l.full_name, CASE WHEN ${leadgenId}::text IS NULL THEN l.form_id ELSE t.form_id END AS form_id, l.is_test, l.meta_leadgen_id, t.meta_campaign_id AS campaign_id, c.name AS campaign_name,
            EXISTS (SELECT FROM leads s JOIN pages p ON p.tenant_id = s.tenant_id AND p.page_id = s.page_id
              WHERE s.tenant_id = l.tenant_id AND s.meta_leadgen_id = coalesce(${leadgenId}::text, l.meta_leadgen_id)
                AND s.submitted_at < p.subscribed_at - ${CLOCKS_DIFFER_MINUTES} * interval '1 minute') AS is_from_before,
            u.email AS seller_email, u.locale AS seller_locale
          FROM leads l
          LEFT JOIN LATERAL (SELECT meta_campaign_id, form_id FROM lead_touches x WHERE x.tenant_id = l.tenant_id AND x.lead_id = l.id
            AND (${leadgenId}::text IS NULL OR x.leadgen_id = ${leadgenId}) ORDER BY touched_at DESC LIMIT 1) t ON true
          LEFT JOIN meta_ads_campaigns c ON c.tenant_id = l.tenant_id AND c.meta_campaign_id = t.meta_campaign_id
          LEFT JOIN users u ON u.tenant_id = l.tenant_id AND u.id = l.seller_id AND u.disabled_at IS NULL
          WHERE l.tenant_id = ${tenantId} AND l.id = ${leadId}`);
        if (row === null) throw new AppError('not_found', `no lead ${leadId}`);
        return row;
      }),

    /** Whether the seller is to be told of this submission now: true once. */
    takeTelling: (tenantId: number, leadgenId: string): Promise<boolean> =>
      inTenant(tenantId, async (tx) => {
        const { rowCount } = await tx.query(sql.unsafe`
          UPDATE lead_touches SET seller_told_at = now() WHERE tenant_id = ${tenantId} AND leadgen_id = ${leadgenId} AND seller_told_at IS NULL`);
        return rowCount > 0;
      }),

    /** @throws {AppError} `not_found` */
    changeStatus: (tenantId: number, leadId: string, status: string, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const before = await tx.maybeOne(
          sql.type(
            z.object({ status: z.string() }),
          )`SELECT status FROM leads WHERE tenant_id = ${tenantId} AND id = ${leadId} FOR UPDATE`,
        );
        if (!before) throw new AppError('not_found', 'no such lead');
        await moveStatus(tx, tenantId, leadId, before.status, status, actor);
      }),
  };
}
export type Leads = ReturnType<typeof createLeads>;

/** `chain`: the rules whose change of status this is, when it is one's; none of them starts by it. */
export async function moveStatus(
  tx: Tx,
  tenantId: number,
  leadId: string,
  from: string,
  to: string,
  actor: Actor,
  chain: readonly string[] = [],
): Promise<void> {
  if (from === to) return;
  await tx.query(
    sql.unsafe`UPDATE leads SET status = ${to}, updated_at = now() WHERE tenant_id = ${tenantId} AND id = ${leadId}`,
  );
  const changeId = await auditedAs(tx, {
    tenantId,
    name: 'lead.status_changed',
    actor,
    object: { type: 'lead', id: leadId },
    details: { from, to },
  });
  await statusChanged(tx, tenantId, leadId, to, changeId, chain);
}

function upsertLead(tx: Tx, tenantId: number, lead: CapturedLead, isMissed: boolean) {
  const inboxKey = `meta:leadgen:${lead.pageId}:${lead.leadgenId}`;
  const recoveredAt = isMissed
    ? sql.fragment`CASE WHEN EXISTS (SELECT FROM webhook_events WHERE tenant_id = ${tenantId} AND dedupe_key IN (${inboxKey}, ${`${inboxKey}:${tenantId}`}))
        THEN NULL ELSE now() END`
    : sql.fragment`NULL`;
  return tx.maybeOne(sql.type(stateRow)`
    INSERT INTO leads (tenant_id, meta_leadgen_id, source, capture_state, full_name, email, phone, is_test, is_organic, page_id, form_id, platform, answers, field_data, submitted_at, recovered_at)
    VALUES (${tenantId}, ${lead.leadgenId}, 'meta', 'captured', ${lead.fullName}, ${lead.email}, ${lead.phone}, ${lead.isTest}, ${lead.isOrganic}, ${lead.pageId},
      ${lead.formId}, ${lead.platform}, ${sql.jsonb(lead.answers as never)}, ${sql.jsonb(lead.fieldData as never)}, ${lead.submittedAt.toISOString()}::timestamptz, ${recoveredAt})
    ON CONFLICT (tenant_id, meta_leadgen_id) DO UPDATE SET capture_state = 'captured', capture_error = NULL, full_name = excluded.full_name, email = excluded.email,
      phone = excluded.phone, is_test = excluded.is_test, is_organic = excluded.is_organic, page_id = coalesce(excluded.page_id, leads.page_id), form_id = excluded.form_id,
      platform = excluded.platform, answers = excluded.answers, field_data = excluded.field_data, submitted_at = excluded.submitted_at, updated_at = now()
      WHERE leads.capture_state <> 'captured'
    RETURNING id, capture_state`);
}

async function insertTouch(tx: Tx, tenantId: number, leadId: string, lead: CapturedLead): Promise<void> {
  await tx.query(sql.unsafe`
    INSERT INTO lead_touches (tenant_id, lead_id, kind, leadgen_id, touched_at, ad_account_id, meta_campaign_id, adset_id, ad_id, form_id, platform)
    VALUES (${tenantId}, ${leadId}, 'form', ${lead.leadgenId}, ${lead.submittedAt.toISOString()}::timestamptz,
      (SELECT meta_account_id FROM meta_ads_campaigns WHERE tenant_id = ${tenantId} AND meta_campaign_id = ${lead.campaignId}),
      coalesce(${lead.campaignId}, (SELECT meta_campaign_id FROM meta_ads_ads WHERE tenant_id = ${tenantId} AND ad_id = ${lead.adId})),
      ${lead.adsetId}, ${lead.adId}, ${lead.formId}, ${lead.platform})
    ON CONFLICT (tenant_id, leadgen_id) DO NOTHING`);
}

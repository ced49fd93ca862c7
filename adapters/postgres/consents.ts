import { type FragmentSqlToken, sql } from 'slonik';
import { z } from 'zod';
import type { Tx } from './pool.ts';

/** The key of consent that was written to us, not ticked. */
const START_WORD = 'start_word';

const consentRow = z.object({
  id: z.string(),
  key: z.string(),
  text: z.string().nullable(),
  is_given: z.boolean(),
  answered_at: z.date(),
  form_name: z.string().nullable(),
});
export type Consent = z.output<typeof consentRow>;

/** Keeps what a person ticked in a form and what not, with the words beside each box where the form is known; inside the caller's transaction. */
export async function insertConsents(
  tx: Tx,
  tenantId: number,
  leadId: string,
  submission: {
    leadgenId: string;
    formId: string | null;
    submittedAt: Date;
    disclaimers: readonly { key: string; isChecked: boolean }[];
  },
): Promise<void> {
  const { leadgenId, formId, submittedAt, disclaimers } = submission;
  if (disclaimers.length === 0) return;
  const tuples = disclaimers.map(({ key, isChecked }) => [key, isChecked]);
  await tx.query(sql.unsafe`
    INSERT INTO consents (tenant_id, lead_id, leadgen_id, form_id, key, is_given, answered_at)
    SELECT ${tenantId}, ${leadId}, ${leadgenId}, ${formId}, key, is_given, ${submittedAt.toISOString()}::timestamptz
    FROM ${sql.unnest(tuples, ['text', 'bool'])} AS given (key, is_given)
    ON CONFLICT (tenant_id, leadgen_id, key) DO NOTHING`);
  if (formId !== null) await fillConsentTexts(tx, tenantId, [formId]);
}

/** Gives the consents of these forms the words that stood beside their boxes; inside the caller's transaction. */
export async function fillConsentTexts(tx: Tx, tenantId: number, formIds: readonly string[]): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE consents c SET text = d.text
    FROM lead_forms f, jsonb_to_recordset(f.disclaimers) AS d (key text, text text)
    WHERE f.tenant_id = ${tenantId} AND f.form_id = ANY(${sql.array([...formIds], 'text')})
      AND c.tenant_id = ${tenantId} AND c.form_id = f.form_id AND c.key = d.key AND c.text IS NULL`);
}

/** What a person agreed to and what not, the newest first; inside the caller's transaction. */
export const consentsOf = (tx: Tx, tenantId: number, leadId: string): Promise<readonly Consent[]> =>
  tx.any(sql.type(consentRow)`
    SELECT c.id, c.key, c.text, c.is_given, c.answered_at, f.name AS form_name
    FROM consents c LEFT JOIN lead_forms f ON f.tenant_id = c.tenant_id AND f.form_id = c.form_id
    WHERE c.tenant_id = ${tenantId} AND c.lead_id = ${leadId} ORDER BY c.answered_at DESC, c.key LIMIT 50`);

/** Whether the newest word about WhatsApp of this lead is no: a form asked, and none of its boxes about WhatsApp was ticked. Who was never asked refused nothing. */
export const refusedWhatsApp = (tenantId: number, leadId: FragmentSqlToken): FragmentSqlToken => sql.fragment`
  coalesce((SELECT NOT bool_or(c.is_given) FROM consents c
    WHERE c.tenant_id = ${tenantId} AND c.lead_id = ${leadId} AND (c.key IN ('manual', ${START_WORD}) OR c.key ILIKE '%whatsapp%' OR c.text ILIKE '%whatsapp%')
    GROUP BY c.answered_at ORDER BY c.answered_at DESC LIMIT 1), false)`;

/** A person's own word to us, which asks to be written to: consent like a ticked box, kept word for word; inside the caller's transaction. */
export const insertStartWord = (tx: Tx, tenantId: number, leadId: string, word: { text: string; at: Date }) =>
  tx.query(sql.unsafe`
    INSERT INTO consents (tenant_id, lead_id, key, text, is_given, answered_at)
    VALUES (${tenantId}, ${leadId}, ${START_WORD}, ${word.text}, true, ${word.at.toISOString()}::timestamptz)`);

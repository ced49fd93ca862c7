import { sql } from 'slonik';
import { z } from 'zod';
import type { Tx } from './pool.ts';

/** In the night those that were applied are gone already, by their age. */
const EVENTS_LEFT = ['parked', 'conflict', 'ignored'] as const;
/** Of somebody of yesterday also what was applied, or is about to be. */
export const EVENTS_OF_ANY_AGE = [...EVENTS_LEFT, 'done', 'pending'] as const;

const rowOfPerson = z.object({ id: z.string(), phone: z.string().nullable() });

/**
 * Takes everything that says who these people were out of their leads, and of those that went into them; inside the caller's transaction, which holds their rows.
 * What is counted keeps its row, its time and its price. Where rows were joined by a phone they are joined by a word made of the lead's own id instead.
 *
 * Meta's id of a submission stays: it is what the same lead is known by, and Meta gives nothing for it after 90 days. So does the number of who asked for silence,
 * on the list of those who must not be written to.
 */
export async function eraseLeads(
  tx: Tx,
  tenantId: number,
  people: readonly string[],
  events: readonly string[] = EVENTS_LEFT,
): Promise<void> {
  const rows = await tx.any(sql.type(rowOfPerson)`
    SELECT id, phone FROM leads WHERE tenant_id = ${tenantId} AND (id = ANY(${ids(people)}) OR merged_into = ANY(${ids(people)}))`);
  const leads = rows.map(({ id }) => id);
  const phones = [...new Set(rows.flatMap(({ phone }) => phone ?? []))];
  await eraseMessages(tx, tenantId, leads, phones);
  await eraseTraces(tx, tenantId, leads);
  await eraseEvents(tx, tenantId, phones, events);
  await tx.query(sql.unsafe`
    UPDATE leads SET full_name = NULL, email = NULL, phone = NULL, answers = '[]', field_data = NULL, capture_state = 'captured', capture_error = NULL, erased_at = now(), updated_at = now()
    WHERE tenant_id = ${tenantId} AND id = ANY(${ids(leads)})`);
}

const ids = (leads: readonly string[]) => sql.array([...leads], 'uuid');
const texts = (values: readonly string[]) => sql.array([...values], 'text');

// WhatsApp's own ids of messages spell the phone out, so they go with it. Nobody can find out any more whether one in doubt arrived.
async function eraseMessages(tx: Tx, tenantId: number, leads: readonly string[], phones: readonly string[]) {
  await tx.query(sql.unsafe`
    DELETE FROM chatwoot_outbox o USING chat_messages c
    WHERE o.tenant_id = ${tenantId} AND c.tenant_id = ${tenantId} AND c.id = o.chat_message_id AND c.lead_id = ANY(${ids(leads)})`);
  await tx.query(sql.unsafe`
    UPDATE outbound_messages m SET phone = 'erased:' || coalesce(l.merged_into, l.id), occurrence = 'erased:' || m.id, provider_id = NULL, wamid = NULL,
      resolution = CASE WHEN m.state = 'unconfirmed' THEN coalesce(m.resolution, 'lost') ELSE m.resolution END,
      resolved_at = CASE WHEN m.state = 'unconfirmed' THEN coalesce(m.resolved_at, now()) ELSE m.resolved_at END
    FROM leads l WHERE m.tenant_id = ${tenantId} AND m.lead_id = ANY(${ids(leads)}) AND l.tenant_id = ${tenantId} AND l.id = m.lead_id`);
  await tx.query(sql.unsafe`
    UPDATE chat_messages c SET phone = 'erased:' || coalesce(l.merged_into, l.id), body = NULL, provider_message_id = NULL
    FROM leads l WHERE c.tenant_id = ${tenantId} AND c.lead_id = ANY(${ids(leads)}) AND l.tenant_id = ${tenantId} AND l.id = c.lead_id`);
  // What they wrote before they were a lead.
  await tx.query(sql.unsafe`
    UPDATE chat_messages SET phone = NULL, body = NULL, provider_message_id = NULL
    WHERE tenant_id = ${tenantId} AND lead_id IS NULL AND phone = ANY(${texts(phones)})`);
  await tx.query(sql.unsafe`
    DELETE FROM suppressions WHERE tenant_id = ${tenantId} AND phone = ANY(${texts(phones)}) AND lifted_at IS NOT NULL`);
}

async function eraseTraces(tx: Tx, tenantId: number, leads: readonly string[]) {
  const ofThem = sql.fragment`tenant_id = ${tenantId} AND lead_id = ANY(${ids(leads)})`;
  await tx.query(sql.unsafe`UPDATE lead_touches SET click_id = NULL WHERE ${ofThem} AND click_id IS NOT NULL`);
  await tx.query(sql.unsafe`UPDATE opportunities SET name = '—' WHERE ${ofThem}`);
  // A word that started a run is known by the message that said it.
  await tx.query(sql.unsafe`
    UPDATE automation_runs SET occurrence = 'erased:' || id, workflow_id = 'erased:' || id WHERE ${ofThem}`);
  await tx.query(sql.unsafe`DELETE FROM consents WHERE ${ofThem}`);
  await tx.query(sql.unsafe`DELETE FROM chatwoot_conversations WHERE ${ofThem}`);
}

/** Webhooks in these states that spell one of the phones out. */
async function eraseEvents(tx: Tx, tenantId: number, phones: readonly string[], states: readonly string[]) {
  const digits = phones.map((phone) => phone.replace(/\D/g, ''));
  await tx.query(sql.unsafe`
    UPDATE webhook_events e SET payload = '{}', subject = NULL, state = CASE e.state WHEN 'done' THEN 'done' ELSE 'ignored' END
    WHERE e.tenant_id = ${tenantId} AND e.state = ANY(${texts(states)})
      AND EXISTS (SELECT FROM regexp_matches(e.payload, '[0-9]{7,15}', 'g') AS number WHERE number[1] = ANY(${texts(digits)}))`);
}

import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { z } from 'zod';
import type { TestDatabase } from './database.ts';

type Db = Pick<TestDatabase, 'database'>;

const BUENOS_AIRES = 'America/Argentina/Buenos_Aires';

/** An ad account that was synced just now. */
export async function anAccount(
  { database }: Db,
  tenantId: number,
  given: Partial<{ id: string; name: string; currency: string; timeZone: string; isSelected: boolean }> = {},
): Promise<string> {
  const { id = '100', name = 'Aurora', currency = 'ARS', timeZone = BUENOS_AIRES, isSelected = true } = given;
  await database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`
      INSERT INTO ad_accounts (tenant_id, ad_account_id, name, currency, time_zone, account_status, is_selected, last_synced_at)
      VALUES (${tenantId}, ${id}, ${name}, ${currency}, ${timeZone}, 1, ${isSelected}, now())`),
  );
  return id;
}

export async function aCampaign(
  { database }: Db,
  tenantId: number,
  given: Partial<{ id: string; accountId: string; name: string; status: string; currency: string }> = {},
): Promise<string> {
  const { id = '200', accountId = '100', name = 'Implantes', status = 'ACTIVE', currency = 'ARS' } = given;
  await database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`
      INSERT INTO meta_ads_campaigns (tenant_id, meta_campaign_id, meta_account_id, name, status, currency)
      VALUES (${tenantId}, ${id}, ${accountId}, ${name}, ${status}, ${currency})`),
  );
  return id;
}

/** What Meta delivered of one campaign on a day. */
export async function aDay(
  { database }: Db,
  tenantId: number,
  day: string,
  given: Partial<{ campaignId: string; accountId: string; currency: string; spend: string; leads: number }> = {},
): Promise<void> {
  const { campaignId = '200', accountId = '100', currency = 'ARS', spend = '1000.00', leads = 0 } = given;
  await database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`
      INSERT INTO meta_ads_insights (tenant_id, meta_campaign_id, meta_account_id, date, currency, spend, impressions, clicks, leads)
      VALUES (${tenantId}, ${campaignId}, ${accountId}, ${day}::date, ${currency}, ${spend}::numeric, 900, 30, ${leads})`),
  );
}

interface LeadGiven {
  name: string | null;
  phone: string | null;
  email: string | null;
  status: string;
  isTest: boolean;
  at: Date;
  answers: readonly { name: string; values: readonly string[] }[];
}

/** A lead without a touch. */
export async function aLead({ database }: Db, tenantId: number, given: Partial<LeadGiven> = {}): Promise<string> {
  const { name = 'Lucía Fernández', phone = '+5491155550101', email = 'lucia@example.com', status = 'new' } = given;
  const { isTest = false, at = new Date(), answers = [] } = given;
  const { id } = await database.inTenant(tenantId, (tx) =>
    tx.one(sql.type(z.object({ id: z.string() }))`
      INSERT INTO leads (tenant_id, meta_leadgen_id, full_name, phone, email, status, is_test, answers, submitted_at)
      VALUES (${tenantId}, ${randomUUID()}, ${name}, ${phone}, ${email}, ${status}, ${isTest}, ${sql.jsonb(answers as never)}, ${at.toISOString()}::timestamptz)
      RETURNING id`),
  );
  return id;
}

/** A lead as a form gave it, with all that was answered and nothing read out of it yet. */
export async function aSubmission(
  { database }: Db,
  tenantId: number,
  formId: string,
  fieldData: readonly { name: string; values: readonly string[] }[],
): Promise<string> {
  const { id } = await database.inTenant(tenantId, (tx) =>
    tx.one(sql.type(z.object({ id: z.string() }))`
      INSERT INTO leads (tenant_id, meta_leadgen_id, form_id, field_data, answers)
      VALUES (${tenantId}, ${randomUUID()}, ${formId}, ${sql.jsonb(fieldData as never)}, ${sql.jsonb(fieldData as never)})
      RETURNING id`),
  );
  return id;
}

/** A form of the lead, of this campaign or of none. */
export async function aTouch(
  { database }: Db,
  tenantId: number,
  leadId: string,
  { campaignId = '200', at = new Date() }: { campaignId?: string | null; at?: Date } = {},
): Promise<void> {
  await database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`
      INSERT INTO lead_touches (tenant_id, lead_id, kind, touched_at, meta_campaign_id)
      VALUES (${tenantId}, ${leadId}, 'form', ${at.toISOString()}::timestamptz, ${campaignId})`),
  );
}

export const aConnection = ({ database }: Db, tenantId: number, status = 'connected') =>
  database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`
      INSERT INTO connections (tenant_id, status, connected_at) VALUES (${tenantId}, ${status}, now())
      ON CONFLICT (tenant_id) DO UPDATE SET status = excluded.status`),
  );

/** A page whose leads come to the tenant. */
export async function aPage(
  { database }: Db,
  tenantId: number,
  { id = '500', name = 'Aurora Odontología' }: { id?: string; name?: string } = {},
): Promise<string> {
  await database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`
      INSERT INTO pages (tenant_id, page_id, name, tasks, access_token, subscribed_at)
      VALUES (${tenantId}, ${id}, ${name}, '{}', NULL, now())`),
  );
  return id;
}

interface MessageGiven {
  body: string | null;
  /** Given, the message is our template in this state; absent, the person's own words. */
  state: string;
  at: Date;
}

/** One message of a lead's conversation. */
export async function aMessage(
  { database }: Db,
  tenantId: number,
  leadId: string,
  { body = 'Hola', state, at = new Date() }: Partial<MessageGiven> = {},
): Promise<void> {
  const sentAt = sql.fragment`${at.toISOString()}::timestamptz`;
  await database.inTenant(tenantId, async (tx) => {
    if (state === undefined) {
      await tx.query(sql.unsafe`
        INSERT INTO chat_messages (tenant_id, lead_id, direction, author, body, sent_at, provider_message_id)
        VALUES (${tenantId}, ${leadId}, 'in', 'contact', ${body}, ${sentAt}, ${randomUUID()})`);
      return;
    }
    const { id } = await tx.one(sql.type(z.object({ id: z.string() }))`
      INSERT INTO outbound_messages (tenant_id, lead_id, occurrence, external_id, sender_phone, phone, template_name, template_language, template_category, state, sending_at)
      VALUES (${tenantId}, ${leadId}, ${randomUUID()}, ${randomUUID()}, '+541155550001', '+5491155550101', 'bienvenida_lead', 'es', 'MARKETING', ${state}, ${sentAt})
      RETURNING id`);
    await tx.query(sql.unsafe`
      INSERT INTO chat_messages (tenant_id, lead_id, direction, author, body, sent_at, outbound_message_id)
      VALUES (${tenantId}, ${leadId}, 'out', 'automation', ${body}, ${sentAt}, ${id})`);
  });
}

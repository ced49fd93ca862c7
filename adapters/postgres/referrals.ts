import { sql } from 'slonik';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import type { Tx } from './pool.ts';
import { giveInTurn } from './sellers.ts';
import { audited } from './system-events.ts';

const idRow = z.object({ id: z.string() });

/** From which ad a person wrote to us. */
export interface Referral {
  adId: string | null;
  clickId: string | null;
}

export interface Referred {
  phone: string;
  /** As WhatsApp shows it. */
  profileName: string | null;
  sentAt: Date;
  referral: Referral;
}

/** Two first messages of one person wait for each other here; inside the caller's transaction. */
export async function lockPerson(tx: Tx, tenantId: number, phone: string): Promise<void> {
  await tx.query(sql.unsafe`SELECT pg_advisory_xact_lock(hashtextextended(${`person:${tenantId}:${phone}`}, 0))`);
}

/**
 * Notes the ad a person came from as a touch of theirs; who is not known becomes a lead. Inside the transaction that stored the message. Gives the
 * person's lead.
 */
export async function attributeReferral(
  tx: Tx,
  tenantId: number,
  { phone, profileName, sentAt, referral }: Referred,
  knownId: string | null,
): Promise<{ leadId: string; isNew: boolean }> {
  const leadId = knownId ?? (await insertLead(tx, tenantId, phone, profileName));
  await tx.query(sql.unsafe`
    INSERT INTO lead_touches (tenant_id, lead_id, kind, touched_at, ad_id, adset_id, meta_campaign_id, ad_account_id, click_id)
    SELECT ${tenantId}, ${leadId}, 'click_to_whatsapp', ${sentAt.toISOString()}::timestamptz, ${referral.adId}, a.adset_id, a.meta_campaign_id, c.meta_account_id, ${referral.clickId}
    FROM (SELECT) AS one
    LEFT JOIN meta_ads_ads a ON a.tenant_id = ${tenantId} AND a.ad_id = ${referral.adId}
    LEFT JOIN meta_ads_campaigns c ON c.tenant_id = a.tenant_id AND c.meta_campaign_id = a.meta_campaign_id`);
  if (knownId === null) await giveInTurn(tx, tenantId, leadId);
  else
    await tx.query(sql.unsafe`
      UPDATE leads SET last_touch_at = now(), updated_at = now() WHERE tenant_id = ${tenantId} AND id = ${leadId}`);
  return { leadId, isNew: knownId === null };
}

async function insertLead(tx: Tx, tenantId: number, phone: string, profileName: string | null): Promise<string> {
  const { id } = await tx.one(sql.type(idRow)`
    INSERT INTO leads (tenant_id, source, full_name, phone, platform) VALUES (${tenantId}, 'whatsapp', ${profileName}, ${phone}, 'whatsapp') RETURNING id`);
  const object = { type: 'lead', id };
  await audited(tx, { tenantId, name: 'lead.captured', actor: system('click-to-whatsapp'), object });
  return id;
}

/** Gives the touches of ads that are known by now their campaign; inside the caller's transaction. */
export async function attributeLateTouches(tx: Tx, tenantId: number): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE lead_touches t SET meta_campaign_id = a.meta_campaign_id, adset_id = a.adset_id, ad_account_id = c.meta_account_id
    FROM meta_ads_ads a JOIN meta_ads_campaigns c ON c.tenant_id = a.tenant_id AND c.meta_campaign_id = a.meta_campaign_id
    WHERE t.tenant_id = ${tenantId} AND t.meta_campaign_id IS NULL AND t.ad_id IS NOT NULL AND a.tenant_id = ${tenantId} AND a.ad_id = t.ad_id`);
}

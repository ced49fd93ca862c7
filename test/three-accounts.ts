import { sql } from 'slonik';
import { system } from '../domain/actor.ts';
import { addDays, dayIn } from '../domain/days.ts';
import { aCampaign, aDay, aLead, anAccount, aTouch } from './crm.ts';
import { aTenant, type TestDatabase } from './database.ts';
import type { WholeApp } from './whole-app.ts';

const today = dayIn('America/Argentina/Buenos_Aires', new Date());
const ago = (days: number) => new Date(Date.now() - days * 86_400_000);

/**
 * A tenant with accounts 100 and 102 in pesos and 101 in dollars, each in a zone of its own, and five people who bought: of one account, of the dollars,
 * of two accounts, of two currencies, and of no ad at all. A dollar is 1,450 pesos. Gives the one of two currencies.
 */
export async function aTenantOfThreeAccounts(app: WholeApp, db: TestDatabase) {
  const tenantId = await aTenant(db);
  await anAccount(db, tenantId, { name: 'Aurora' });
  await anAccount(db, tenantId, { id: '101', name: 'Miami', currency: 'USD', timeZone: 'America/New_York' });
  await anAccount(db, tenantId, { id: '102', name: 'Madrid', timeZone: 'Europe/Madrid' });
  await aDelivery(db, tenantId, { id: '200', accountId: '100', currency: 'ARS', spend: '1000.01' });
  await aDelivery(db, tenantId, { id: '201', accountId: '100', currency: 'ARS', spend: '10.10' });
  await aDelivery(db, tenantId, { id: '300', accountId: '101', currency: 'USD', spend: '20.07' });
  await aDelivery(db, tenantId, { id: '400', accountId: '102', currency: 'ARS', spend: '333.33' });
  const buyer = (campaigns: readonly string[], amount: string, currency: string, platform: string, minutes = 0) =>
    aBuyer(app, db, tenantId, { campaigns, amount, currency, platform, minutes });
  await buyer(['200'], '100.00', 'ARS', 'fb', 4);
  await buyer(['300'], '10.10', 'USD', 'ig', 60);
  await buyer(['200', '400', '201'], '100.01', 'ARS', 'fb');
  const leadId = await buyer(['400', '300'], '77.77', 'ARS', 'ig', 90);
  await buyer([], '55.55', 'ARS', 'fb');
  const rate = { currency: 'USD', base: 'ARS', rate: '1450' };
  const rates = [-6, -40].map((day) => ({ ...rate, day: addDays(today, day) }));
  await app.stores.exchangeRates.save(tenantId, rates, 'manual', system('test'));
  return { tenantId, leadId };
}

/** A campaign with one ad (its number with a 1 behind it), two days in the last month and one in the month before; the ad knows of one day. */
async function aDelivery(
  db: TestDatabase,
  tenantId: number,
  { id, accountId, currency, spend }: { id: string; accountId: string; currency: string; spend: string },
): Promise<void> {
  await aCampaign(db, tenantId, { id, accountId, currency, name: `Plan ${id}` });
  for (const day of [-2, -3, -35])
    await aDay(db, tenantId, addDays(today, day), { campaignId: id, accountId, currency, spend, leads: 2 });
  const [adset, ad, creative] = [`${id}0`, `${id}1`, `${id}2`];
  await db.database.inTenant(tenantId, async (tx) => {
    await tx.query(sql.unsafe`
      INSERT INTO meta_ads_adsets (tenant_id, adset_id, meta_campaign_id, name, currency) VALUES (${tenantId}, ${adset}, ${id}, 'Web', ${currency})`);
    await tx.query(sql.unsafe`
      INSERT INTO meta_ads_ads (tenant_id, ad_id, adset_id, meta_campaign_id, name, status, creative_id)
      VALUES (${tenantId}, ${ad}, ${adset}, ${id}, 'Uno', 'ACTIVE', ${creative})`);
    await tx.query(sql.unsafe`
      INSERT INTO meta_ads_ad_insights (tenant_id, ad_id, date, adset_id, meta_campaign_id, meta_account_id, currency, spend, impressions, clicks, leads)
      VALUES (${tenantId}, ${ad}, ${addDays(today, -2)}::date, ${adset}, ${id}, ${accountId}, ${currency}, ${spend}::numeric, 900, 30, 2)`);
  });
}

interface BuyerGiven {
  campaigns: readonly string[];
  amount: string;
  currency: string;
  platform: string;
  minutes: number;
}

/** Somebody who touched these campaigns, a day apart, was written to after so many minutes (0: never), and bought. */
async function aBuyer(
  app: WholeApp,
  db: TestDatabase,
  tenantId: number,
  { campaigns, amount, currency, platform, minutes }: BuyerGiven,
): Promise<string> {
  const leadId = await aLead(db, tenantId, { at: ago(6) });
  for (const [i, campaignId] of campaigns.entries()) await aTouch(db, tenantId, leadId, { campaignId, at: ago(6 - i) });
  const answeredAt = new Date(ago(6).getTime() + minutes * 60_000).toISOString();
  await db.database.inTenant(tenantId, async (tx) => {
    await tx.query(sql.unsafe`UPDATE leads SET platform = ${platform}, form_id = '900' WHERE id = ${leadId}`);
    await tx.query(sql.unsafe`UPDATE lead_touches SET ad_id = meta_campaign_id || '1' WHERE lead_id = ${leadId}`);
    if (minutes > 0)
      await tx.query(sql.unsafe`
        INSERT INTO chat_messages (tenant_id, lead_id, direction, author, body, sent_at)
        VALUES (${tenantId}, ${leadId}, 'out', 'human', 'Hola', ${answeredAt}::timestamptz)`);
  });
  const { sales } = app.stores;
  await sales.openOpportunity(tenantId, leadId, { name: 'Plan', value: amount, currency }, system('test'));
  await sales.recordSale(tenantId, leadId, { amount, currency, soldOn: addDays(today, -1) }, system('test'));
  return leadId;
}

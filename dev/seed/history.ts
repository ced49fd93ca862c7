import { sql } from 'slonik';
import type { Tx } from '../../adapters/postgres/pool.ts';

const firstNames = [
  'Lucía',
  'Julián',
  'Martín',
  'Valentina',
  'Camila',
  'Diego',
  'Paula',
  'Jorge',
  'Micaela',
  'Nicolás',
  'Federico',
  'Sofía',
  'Tomás',
  'Renata',
  'Ignacio',
  'Abril',
];
const lastNames = [
  'Fernández',
  'Arce',
  'Acosta',
  'Ríos',
  'Ortiz',
  'Peralta',
  'Benítez',
  'Méndez',
  'Sosa',
  'Herrera',
  'Luna',
  'Villalba',
  'Muñoz',
  'Cabrera',
  'Núñez',
  'Ibarra',
];

/**
 * Gives a freshly synced tenant the CRM side of its history: for nine in ten leads that Meta counted a lead with its touch, for a quarter of
 * them an opportunity, for a tenth a sale some days later. A function of the figures alone, so the same figures give the same history.
 */
export async function seedHistory(tx: Tx, tenantId: number): Promise<{ leads: number; sales: number }> {
  await tx.query(sql.unsafe`CREATE TEMPORARY TABLE seed_leads ON COMMIT DROP AS ${seedLeads(tenantId)}`);
  const leads = await tx.query(sql.unsafe`
    INSERT INTO leads (id, tenant_id, source, full_name, email, phone, status, page_id, platform, submitted_at, created_at, updated_at, first_message_at, first_reply_at)
    SELECT id, ${tenantId}, 'meta', full_name, 'persona' || place || '@example.com', '+5491155' || lpad(place::text, 6, '0'),
      CASE WHEN dice < 10 THEN 'customer' WHEN dice < 25 THEN 'opportunity' WHEN dice < 85 THEN 'contacted' ELSE 'not_interested' END,
      NULL, platform, at, at + interval '2 seconds', at, at + interval '9 seconds', CASE WHEN dice < 60 THEN at + interval '4 minutes' + dice * interval '20 seconds' END
    FROM seed_leads`);
  await tx.query(sql.unsafe`
    INSERT INTO lead_touches (tenant_id, lead_id, kind, touched_at, ad_account_id, meta_campaign_id, adset_id, ad_id, platform)
    SELECT ${tenantId}, id, 'form', at, ad_account_id, meta_campaign_id, adset_id, ad_id, platform FROM seed_leads`);
  await tx.query(sql.unsafe`
    INSERT INTO opportunities (id, tenant_id, lead_id, name, value, currency, stage, created_at, updated_at)
    SELECT opportunity_id, ${tenantId}, id, 'Consulta ' || campaign_name, worth, currency, CASE WHEN dice < 10 THEN 'won' ELSE 'open' END,
      least(at + interval '1 day', now()), least(at + interval '1 day', now())
    FROM seed_leads WHERE dice < 25`);
  const sales = await tx.query(sql.unsafe`
    INSERT INTO sales_transactions (tenant_id, opportunity_id, lead_id, amount, currency, attribution_source, meta_campaign_id, sold_at, created_at)
    SELECT ${tenantId}, opportunity_id, id, worth, currency, 'last_touch', meta_campaign_id, sold_at, sold_at
    FROM seed_leads WHERE dice < 10 AND sold_at < now()`);
  return { leads: leads.rowCount, sales: sales.rowCount };
}

// Dice are read from a hash of campaign, day and place, so no two runs differ. A sale is worth 15 to 45 times what its campaign pays for a lead.
const seedLeads = (tenantId: number) => sql.fragment`
  WITH priced AS (
    SELECT meta_campaign_id, sum(spend) / nullif(sum(leads), 0) AS cost_per_lead
    FROM meta_ads_insights WHERE tenant_id = ${tenantId} GROUP BY meta_campaign_id
  ), counted AS (
    SELECT i.*, c.name AS campaign_name, a.time_zone, p.cost_per_lead, n,
      ('x' || substr(md5(i.meta_campaign_id || i.date || n), 1, 7))::bit(28)::int AS seed
    FROM meta_ads_insights i
    JOIN meta_ads_campaigns c USING (tenant_id, meta_campaign_id)
    JOIN ad_accounts a ON a.tenant_id = i.tenant_id AND a.ad_account_id = i.meta_account_id
    JOIN priced p USING (meta_campaign_id)
    CROSS JOIN LATERAL generate_series(1, i.leads) AS n
    WHERE i.tenant_id = ${tenantId}
  ), placed AS (
    SELECT counted.*, (date + time '08:00' + (seed % 43200) * interval '1 second') AT TIME ZONE time_zone AS at, row_number() OVER (ORDER BY date, meta_campaign_id, n) AS place
    FROM counted WHERE seed % 10 <> 0
  )
  SELECT gen_random_uuid() AS id, gen_random_uuid() AS opportunity_id, place, at, (seed / 100) % 100 AS dice,
    (${sql.array(firstNames, 'text')})[1 + (seed / 7) % ${firstNames.length}] || ' ' || (${sql.array(lastNames, 'text')})[1 + (seed / 11) % ${lastNames.length}] AS full_name,
    meta_account_id AS ad_account_id, meta_campaign_id, campaign_name, ad.adset_id, ad.ad_id, CASE WHEN seed % 3 = 0 THEN 'ig' ELSE 'fb' END AS platform, placed.currency,
    round(cost_per_lead * (15 + seed % 31), CASE WHEN placed.currency IN ('ARS', 'CLP', 'COP') THEN 0 ELSE 2 END) AS worth,
    at + (1 + seed % 9) * interval '1 day' AS sold_at
  FROM placed
  LEFT JOIN LATERAL (SELECT ad_id, adset_id FROM meta_ads_ads x WHERE x.tenant_id = ${tenantId} AND x.meta_campaign_id = placed.meta_campaign_id ORDER BY ad_id LIMIT 1) ad ON true
  WHERE at < now()`;

-- Detail: ad x day, for creatives. Never summed to campaign totals: ads deleted later vanish from ad-level reads.
CREATE TABLE meta_ads_ad_insights (
  tenant_id integer NOT NULL,
  ad_id text NOT NULL,
  date date NOT NULL,
  adset_id text NOT NULL,
  meta_campaign_id varchar(255) NOT NULL,
  meta_account_id varchar(255) NOT NULL,
  currency char(3) NOT NULL,
  spend numeric(18, 2) NOT NULL DEFAULT 0,
  impressions bigint NOT NULL DEFAULT 0,
  clicks bigint NOT NULL DEFAULT 0,
  leads integer NOT NULL DEFAULT 0,
  synced_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, ad_id, date),
  FOREIGN KEY (tenant_id, meta_campaign_id) REFERENCES meta_ads_campaigns (tenant_id, meta_campaign_id) ON DELETE CASCADE
);
CREATE INDEX meta_ads_ad_insights_campaign ON meta_ads_ad_insights (tenant_id, meta_campaign_id, date);

-- Meta's own total of an account beside what our books held for the same days at that moment.
CREATE TABLE account_control_totals (
  tenant_id integer NOT NULL,
  ad_account_id varchar(255) NOT NULL,
  since date NOT NULL,
  until date NOT NULL,
  currency char(3) NOT NULL,
  meta_spend numeric(18, 2) NOT NULL,
  meta_impressions bigint NOT NULL,
  meta_clicks bigint NOT NULL,
  meta_leads integer NOT NULL,
  books_spend numeric(18, 2) NOT NULL,
  books_impressions bigint NOT NULL,
  books_clicks bigint NOT NULL,
  books_leads integer NOT NULL,
  read_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, ad_account_id, until, since),
  FOREIGN KEY (tenant_id, ad_account_id) REFERENCES ad_accounts (tenant_id, ad_account_id) ON DELETE CASCADE
);

DO $$
DECLARE name text;
DECLARE mine constant text := 'nullif(current_setting(''hub.tenant_id'', true), '''')::int';
BEGIN
  FOREACH name IN ARRAY ARRAY['meta_ads_ad_insights', 'account_control_totals'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant_only ON %I USING (tenant_id = %s) WITH CHECK (tenant_id = %s)', name, mine, mine);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO hub_app', name);
  END LOOP;
END $$;

-- What Meta changed about days that were over: one row a campaign, day and day it was seen on.
CREATE TABLE insight_restatements (
  tenant_id integer NOT NULL,
  meta_campaign_id varchar(255) NOT NULL,
  day date NOT NULL,
  -- In the ad account's zone, like `day`.
  seen_on date NOT NULL,
  currency char(3) NOT NULL,
  spend_before numeric(18, 2) NOT NULL,
  spend_after numeric(18, 2) NOT NULL,
  impressions_before bigint NOT NULL,
  impressions_after bigint NOT NULL,
  clicks_before bigint NOT NULL,
  clicks_after bigint NOT NULL,
  leads_before integer NOT NULL,
  leads_after integer NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, meta_campaign_id, day, seen_on),
  FOREIGN KEY (tenant_id, meta_campaign_id) REFERENCES meta_ads_campaigns (tenant_id, meta_campaign_id) ON DELETE CASCADE
);
CREATE INDEX insight_restatements_recent ON insight_restatements (tenant_id, seen_at DESC);
ALTER TABLE insight_restatements ENABLE ROW LEVEL SECURITY;
ALTER TABLE insight_restatements FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON insight_restatements
  USING (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int)
  WITH CHECK (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int);
GRANT SELECT, INSERT, UPDATE, DELETE ON insight_restatements TO hub_app;

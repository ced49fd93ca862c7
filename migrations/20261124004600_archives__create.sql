-- Months whose detail by ad lies in a file: what was taken out, where it is, and how to know that it is whole.
CREATE TABLE archives (
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  month date NOT NULL CHECK (month = date_trunc('month', month)::date),
  file text NOT NULL,
  rows integer NOT NULL,
  sha256 bytea NOT NULL,
  archived_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, month)
);
ALTER TABLE archives ENABLE ROW LEVEL SECURITY;
ALTER TABLE archives FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON archives
  USING (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int)
  WITH CHECK (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int);
GRANT SELECT, INSERT, UPDATE, DELETE ON archives TO hub_app;
CREATE INDEX meta_ads_ad_insights_day ON meta_ads_ad_insights (tenant_id, date);

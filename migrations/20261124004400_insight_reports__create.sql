-- Windows that Meta does not give page by page: its report job, or that the window was split. Kept only until the slice is whole.
CREATE TABLE insight_reports (
  tenant_id integer NOT NULL,
  ad_account_id varchar(255) NOT NULL,
  level text NOT NULL CHECK (level IN ('campaign', 'ad')),
  since date NOT NULL,
  until date NOT NULL,
  state text NOT NULL CHECK (state IN ('asked', 'split', 'done')),
  report_run_id text,
  attempts integer NOT NULL DEFAULT 0,
  polls integer NOT NULL DEFAULT 0,
  asked_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, ad_account_id, level, since, until),
  FOREIGN KEY (tenant_id, ad_account_id) REFERENCES ad_accounts (tenant_id, ad_account_id) ON DELETE CASCADE
);
ALTER TABLE insight_reports ENABLE ROW LEVEL SECURITY;
ALTER TABLE insight_reports FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON insight_reports
  USING (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int)
  WITH CHECK (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int);
GRANT SELECT, INSERT, UPDATE, DELETE ON insight_reports TO hub_app;

-- What the last check-up of a connection found: ids and codes, in the order of the screen.
CREATE TABLE connection_checks (
  tenant_id integer PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  findings jsonb NOT NULL,
  checked_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE connection_checks ENABLE ROW LEVEL SECURITY;
ALTER TABLE connection_checks FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON connection_checks USING (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int)
  WITH CHECK (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int);
GRANT SELECT, INSERT, UPDATE, DELETE ON connection_checks TO hub_app;

-- Pairs of leads that look alike, of which a person said that they are two people.
CREATE TABLE lead_distinctions (
  tenant_id integer NOT NULL,
  -- The smaller id of the two.
  lead_id uuid NOT NULL,
  other_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, lead_id, other_id),
  CHECK (lead_id < other_id),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, other_id) REFERENCES leads (tenant_id, id) ON DELETE CASCADE
);

ALTER TABLE lead_distinctions ENABLE ROW LEVEL SECURITY;
ALTER TABLE lead_distinctions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON lead_distinctions
  USING (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int)
  WITH CHECK (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int);
GRANT SELECT, INSERT, UPDATE, DELETE ON lead_distinctions TO hub_app;

-- One person, several submissions: the later lead goes into the earlier one and can be taken out again.
ALTER TABLE leads
  -- The lead this one went into: always one that went nowhere itself.
  ADD COLUMN merged_into uuid,
  -- When the person last came in, by whatever way: what lists are ordered by.
  ADD COLUMN last_touch_at timestamptz NOT NULL DEFAULT now(),
  ADD FOREIGN KEY (tenant_id, merged_into) REFERENCES leads (tenant_id, id) ON DELETE CASCADE,
  ADD CHECK (merged_into <> id);
UPDATE leads SET last_touch_at = created_at;
CREATE INDEX leads_merged ON leads (tenant_id, merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX leads_email ON leads (tenant_id, email) WHERE email IS NOT NULL;
CREATE INDEX leads_last_touch ON leads (tenant_id, last_touch_at DESC, id) WHERE merged_into IS NULL;

CREATE TABLE lead_merges (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL,
  survivor_id uuid NOT NULL,
  merged_id uuid NOT NULL,
  reason text NOT NULL CHECK (reason IN ('phone', 'email', 'person')),
  -- Ids of what went over, by table, and the survivor's fields that were empty before: what taking it out again gives back.
  moved jsonb NOT NULL,
  filled text[] NOT NULL,
  merged_at timestamptz NOT NULL DEFAULT now(),
  undone_at timestamptz,
  FOREIGN KEY (tenant_id, survivor_id) REFERENCES leads (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, merged_id) REFERENCES leads (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX lead_merges_survivor ON lead_merges (tenant_id, survivor_id, merged_at);
CREATE UNIQUE INDEX lead_merges_once ON lead_merges (tenant_id, merged_id) WHERE undone_at IS NULL;

ALTER TABLE lead_merges ENABLE ROW LEVEL SECURITY;
ALTER TABLE lead_merges FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON lead_merges
  USING (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int)
  WITH CHECK (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int);
GRANT SELECT, INSERT, UPDATE, DELETE ON lead_merges TO hub_app;

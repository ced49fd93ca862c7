-- Who takes new leads in turn, and since when each waits for the next. Nobody in it: leads are given out by hand.
CREATE TABLE seller_turns (
  tenant_id integer NOT NULL,
  user_id uuid NOT NULL,
  last_given_at timestamptz,
  PRIMARY KEY (tenant_id, user_id),
  FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX leads_seller ON leads (tenant_id, seller_id, last_touch_at DESC) WHERE seller_id IS NOT NULL AND merged_into IS NULL;

-- One file of leads: what became of its lines. Errors name lines and reasons, never what stood there.
CREATE TABLE lead_imports (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  user_id uuid,
  added integer NOT NULL,
  known integer NOT NULL,
  errors jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX lead_imports_recent ON lead_imports (tenant_id, created_at DESC);

ALTER TABLE leads ADD COLUMN import_id uuid;
ALTER TABLE leads DROP CONSTRAINT leads_source_check, ADD CONSTRAINT leads_source_check CHECK (source IN ('meta', 'manual', 'import', 'whatsapp'));
ALTER TABLE lead_touches DROP CONSTRAINT lead_touches_kind_check,
  ADD CONSTRAINT lead_touches_kind_check CHECK (kind IN ('form', 'click_to_whatsapp', 'manual', 'import'));

DO $$
DECLARE name text;
DECLARE mine constant text := 'nullif(current_setting(''hub.tenant_id'', true), '''')::int';
BEGIN
  FOREACH name IN ARRAY ARRAY['seller_turns', 'lead_imports'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant_only ON %I USING (tenant_id = %s) WITH CHECK (tenant_id = %s)', name, mine, mine);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO hub_app', name);
  END LOOP;
END $$;

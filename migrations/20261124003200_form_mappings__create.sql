-- What a form asks and what its questions mean, what a person answered word for word, and what they agreed to.
ALTER TABLE lead_forms
  ADD COLUMN questions jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN disclaimers jsonb NOT NULL DEFAULT '[]',
  -- Null until somebody looked at what its questions mean: such forms are marked as new.
  ADD COLUMN mapped_at timestamptz;

-- The submission as Meta gave it: a mapping changed later can be applied to it.
ALTER TABLE leads ADD COLUMN field_data jsonb;

-- Only what differs from the defaults of domain/form-mapping.ts.
CREATE TABLE form_mappings (
  tenant_id integer NOT NULL,
  form_id text NOT NULL,
  question_key text NOT NULL,
  target text NOT NULL CHECK (target IN ('full_name', 'first_name', 'last_name', 'email', 'phone', 'answer')),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, form_id, question_key),
  FOREIGN KEY (tenant_id, form_id) REFERENCES lead_forms (tenant_id, form_id) ON DELETE CASCADE
);

-- text: what stood beside the box, as the form had it; null until the form itself was read. A form's text never changes at Meta once it is published.
CREATE TABLE consents (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL,
  lead_id uuid NOT NULL,
  leadgen_id text,
  form_id text,
  key text NOT NULL,
  text text,
  is_given boolean NOT NULL,
  answered_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, leadgen_id, key),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX consents_lead ON consents (tenant_id, lead_id, answered_at);
CREATE INDEX consents_without_text ON consents (tenant_id, form_id) WHERE text IS NULL;

DO $$
DECLARE name text;
DECLARE mine constant text := 'nullif(current_setting(''hub.tenant_id'', true), '''')::int';
BEGIN
  FOREACH name IN ARRAY ARRAY['form_mappings', 'consents'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant_only ON %I USING (tenant_id = %s) WITH CHECK (tenant_id = %s)', name, mine, mine);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO hub_app', name);
  END LOOP;
END $$;

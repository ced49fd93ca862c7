-- When a person came: by the form's own time, or when somebody typed them in. A column, because an index over coalesce() is of no use where rows are
-- secured: PostgreSQL takes it for a function that might tell of other people's rows.
ALTER TABLE leads ADD COLUMN arrived_at timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(submitted_at, created_at)) STORED;
CREATE INDEX leads_arrived ON leads (tenant_id, arrived_at);

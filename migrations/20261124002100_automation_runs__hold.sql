-- What a pause or a restore holds back: since when, and that a person let it go.
ALTER TABLE automation_runs ADD COLUMN held_since timestamptz, ADD COLUMN released_at timestamptz;
CREATE INDEX automation_runs_held ON automation_runs (tenant_id, due_at) WHERE state = 'active';

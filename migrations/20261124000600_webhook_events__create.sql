-- The inbox: one row a change, written before the sender hears 200.
CREATE TABLE webhook_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  provider text NOT NULL CHECK (provider IN ('meta', 'ycloud')),
  dedupe_key text NOT NULL UNIQUE,
  -- No foreign key: every intake would lock its tenant's row, and rows are purged anyway.
  tenant_id integer,
  kind text NOT NULL,
  -- The leadgen or message id, and the page or WABA id it came from.
  subject text,
  source_id text,
  payload text NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'parked', 'orphan', 'ignored', 'conflict')),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  error text
);
CREATE INDEX webhook_events_due ON webhook_events (next_attempt_at, id) WHERE state = 'pending';
CREATE INDEX webhook_events_orphans ON webhook_events (source_id) WHERE state = 'orphan';
CREATE INDEX webhook_events_early_reports ON webhook_events (subject) WHERE state = 'pending' AND provider = 'ycloud';

-- What waits for a person, or is kept for one, is counted on every page and listed on the inbox's own.
CREATE INDEX webhook_events_kept ON webhook_events (tenant_id, state, id DESC) WHERE state IN ('parked', 'conflict', 'ignored');

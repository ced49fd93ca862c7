-- How long a tenant keeps what Meta and YCloud sent, word by word, once it was applied. A week at least: both deliver again for days.
ALTER TABLE tenants ADD COLUMN event_days integer NOT NULL DEFAULT 90 CHECK (event_days BETWEEN 7 AND 730);
CREATE INDEX webhook_events_over ON webhook_events (tenant_id, received_at) WHERE state IN ('done', 'ignored');
CREATE POLICY own_purge ON webhook_events FOR DELETE
  USING (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int AND state IN ('done', 'ignored'));
GRANT DELETE ON webhook_events TO hub_app;

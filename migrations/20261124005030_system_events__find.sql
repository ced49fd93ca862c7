-- The audit page: by who did it (also "when was this key last used"), and by what.
CREATE INDEX system_events_actor ON system_events (tenant_id, actor_id, id DESC) WHERE actor_id IS NOT NULL;
CREATE INDEX system_events_changes ON system_events (tenant_id, id DESC) WHERE kind = 'change';

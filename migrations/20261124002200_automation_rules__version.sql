-- Edited rules: what each earlier version said, for the runs that it started and that may finish as they began.
CREATE TABLE automation_rule_versions (
  tenant_id integer NOT NULL,
  rule_id uuid NOT NULL,
  version integer NOT NULL,
  trigger_type text NOT NULL,
  trigger_conditions jsonb NOT NULL,
  action_type text NOT NULL,
  action_config jsonb NOT NULL,
  replaced_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, rule_id, version),
  FOREIGN KEY (tenant_id, rule_id) REFERENCES automation_rules (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE automation_rule_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE automation_rule_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON automation_rule_versions
  USING (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int)
  WITH CHECK (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int);
GRANT SELECT, INSERT ON automation_rule_versions TO hub_app;

-- stopped_reason: why it was stopped without a person (its template); daily_cap: its own messages a day.
ALTER TABLE automation_rules ADD COLUMN stopped_reason text, ADD COLUMN daily_cap integer CHECK (daily_cap > 0);
CREATE INDEX outbound_messages_rule ON outbound_messages (tenant_id, rule_id, created_at DESC) WHERE rule_id IS NOT NULL;
CREATE INDEX automation_logs_rule ON automation_logs (tenant_id, rule_id, id DESC) WHERE rule_id IS NOT NULL;

-- A run that a transaction started has no workflow yet: the dispatcher starts it.
ALTER TABLE automation_runs ADD COLUMN needs_start boolean NOT NULL DEFAULT false;
CREATE INDEX automation_runs_to_start ON automation_runs (created_at) WHERE needs_start AND state = 'active';
CREATE OR REPLACE FUNCTION due_messages()
RETURNS TABLE (work text, tenant_id integer, object_id text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  (SELECT 'message_by_hand', m.tenant_id, m.id::text FROM public.outbound_messages m
    WHERE m.state = 'claimed' AND m.origin <> 'rule' AND m.due_at < now() ORDER BY m.due_at LIMIT 100)
  UNION ALL
  (SELECT 'run_to_start', r.tenant_id, r.id::text FROM public.automation_runs r
    WHERE r.needs_start AND r.state = 'active' ORDER BY r.created_at LIMIT 100)
  UNION ALL
  (SELECT 'run_over', r.tenant_id, r.id::text FROM public.automation_runs r
    WHERE r.state = 'waiting' AND r.due_at < now() ORDER BY r.due_at LIMIT 100)
$$;

-- Meta's own count of each form's leads beside ours: what proves that none is missing.
CREATE TABLE lead_forms (
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  form_id text NOT NULL,
  page_id text NOT NULL,
  name text NOT NULL,
  status text NOT NULL,
  -- Meta's figure and when it was read; test leads are not in it.
  leads_count integer NOT NULL,
  counted_at timestamptz NOT NULL,
  -- What Meta counts and no longer gives (it keeps leads for 90 days): known once the form was read that far.
  unreachable_count integer NOT NULL DEFAULT 0,
  read_at timestamptz,
  deep_read_at timestamptz,
  PRIMARY KEY (tenant_id, form_id)
);
ALTER TABLE lead_forms ENABLE ROW LEVEL SECURITY;
ALTER TABLE lead_forms FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON lead_forms
  USING (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int)
  WITH CHECK (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int);
GRANT SELECT, INSERT, UPDATE, DELETE ON lead_forms TO hub_app;

-- The last comparison with Meta, and the code of what stood in its way.
ALTER TABLE pages ADD COLUMN reconciled_at timestamptz, ADD COLUMN reconcile_error text;

-- recovered_at: no webhook ever told us of this lead, the comparison found it.
ALTER TABLE leads ADD COLUMN recovered_at timestamptz, ADD COLUMN capture_tried_at timestamptz;
CREATE INDEX leads_form ON leads (tenant_id, form_id) WHERE form_id IS NOT NULL;
DROP INDEX leads_waiting;
CREATE INDEX leads_uncaptured ON leads (capture_tried_at) WHERE capture_state <> 'captured';

-- Beside what it gave before: leads that Meta refused for want of a permission, once an hour and after each new connection.
CREATE OR REPLACE FUNCTION due_work()
RETURNS TABLE (work text, tenant_id integer, object_id text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  (SELECT 'stale_send', m.tenant_id, m.id::text FROM public.outbound_messages m
    WHERE m.state = 'sending' AND m.sending_at < now() - interval '2 minutes' LIMIT 100)
  UNION ALL
  (SELECT 'oauth_returned', a.tenant_id, a.id::text FROM public.oauth_attempts a
    WHERE a.returned_at IS NOT NULL AND a.delivered_at IS NULL LIMIT 100)
  UNION ALL
  (SELECT 'waiting_lead', l.tenant_id, l.meta_leadgen_id FROM public.leads l
    JOIN public.connections c ON c.tenant_id = l.tenant_id AND c.status IN ('connected', 'refreshing')
    WHERE l.capture_state <> 'captured' AND l.meta_leadgen_id IS NOT NULL AND l.created_at > now() - interval '90 days'
      AND (l.capture_state = 'waiting_for_connection' OR l.capture_tried_at IS NULL
        OR l.capture_tried_at < now() - interval '1 hour' OR l.capture_tried_at < c.connected_at)
    ORDER BY l.capture_tried_at NULLS FIRST LIMIT 100)
$$;

-- When somebody expects the sale, or the visit: what a reminder goes by.
ALTER TABLE opportunities ADD COLUMN expected_at timestamptz;
CREATE INDEX opportunities_expected ON opportunities (tenant_id, expected_at) WHERE expected_at IS NOT NULL;

-- Up to when a reminder's dates were looked at: what became due since starts runs.
ALTER TABLE automation_rules ADD COLUMN looked_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX automation_rules_reminders ON automation_rules (looked_at) WHERE trigger_type = 'reminder' AND is_active;

-- When YCloud's list is to be told of it, and how often that was tried. Told means that its entry there is ours.
ALTER TABLE suppressions ADD COLUMN push_at timestamptz, ADD COLUMN push_attempts integer NOT NULL DEFAULT 0, ADD COLUMN pushed_at timestamptz;
CREATE INDEX suppressions_push ON suppressions (push_at) WHERE push_at IS NOT NULL;
GRANT SELECT ON automation_rules, suppressions TO hub_lookup;

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
      AND (l.capture_tried_at IS NULL OR l.capture_tried_at < c.connected_at
        OR l.capture_tried_at < now() - CASE l.capture_state WHEN 'waiting_for_connection' THEN interval '1 minute' ELSE interval '1 hour' END)
    ORDER BY l.capture_tried_at NULLS FIRST LIMIT 100)
  UNION ALL
  (SELECT 'message_by_hand', m.tenant_id, m.id::text FROM public.outbound_messages m
    WHERE m.state = 'claimed' AND m.origin <> 'rule' AND m.due_at < now() ORDER BY m.due_at LIMIT 100)
  UNION ALL
  (SELECT 'run_to_start', r.tenant_id, r.id::text FROM public.automation_runs r
    WHERE r.needs_start AND r.state = 'active' ORDER BY r.created_at LIMIT 100)
  UNION ALL
  (SELECT 'run_over', r.tenant_id, r.id::text FROM public.automation_runs r
    WHERE r.state = 'waiting' AND r.due_at < now() ORDER BY r.due_at LIMIT 100)
  UNION ALL
  (SELECT 'templates', s.tenant_id, s.id::text FROM public.whatsapp_senders s
    WHERE s.is_default AND (s.templates_asked_at IS NULL OR s.templates_asked_at < now() - interval '6 hours')
    ORDER BY s.templates_asked_at NULLS FIRST LIMIT 5)
  UNION ALL
  (SELECT 'reminders', u.tenant_id, u.id::text FROM public.automation_rules u
    WHERE u.trigger_type = 'reminder' AND u.is_active AND u.looked_at < now() - interval '1 minute' ORDER BY u.looked_at LIMIT 50)
  UNION ALL
  (SELECT 'opt_out', s.tenant_id, s.id::text FROM public.suppressions s
    WHERE s.push_at <= now() ORDER BY s.push_at LIMIT 50)
  UNION ALL
  (SELECT 'chatwoot_copy', o.tenant_id, o.id::text FROM public.chatwoot_outbox o
    WHERE o.state = 'pending' AND o.next_attempt_at <= now() ORDER BY o.next_attempt_at, o.id LIMIT 100)
$$;

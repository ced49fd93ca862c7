-- Why Meta rejected a template, and when a number's templates were last asked for: what no event told of is seen within six hours.
ALTER TABLE meta_templates ADD COLUMN reason text;
ALTER TABLE whatsapp_senders ADD COLUMN templates_asked_at timestamptz;
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
  UNION ALL
  (SELECT 'templates', s.tenant_id, s.id::text FROM public.whatsapp_senders s
    WHERE s.is_default AND (s.templates_asked_at IS NULL OR s.templates_asked_at < now() - interval '6 hours')
    ORDER BY s.templates_asked_at NULLS FIRST LIMIT 5)
$$;

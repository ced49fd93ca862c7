-- A lead that waits for the connection is due at once when somebody connects anew, and else once a minute: on a connection that lives while Meta
-- still refuses the reading, it was started again every two seconds.
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
$$;

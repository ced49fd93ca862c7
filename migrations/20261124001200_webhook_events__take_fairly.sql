-- Each waiting tenant's oldest rows first: before, two thousand rows of one tenant hid everybody else's.
DROP INDEX webhook_events_due;
CREATE INDEX webhook_events_due ON webhook_events (tenant_id, next_attempt_at, id) WHERE state = 'pending';

-- Leases due rows for 30 seconds: a dispatcher that dies leaves them to the next one. received_at tells how long a lead was under way.
DROP FUNCTION take_inbox(integer, integer);
CREATE FUNCTION take_inbox(max_rows integer, max_per_tenant integer)
RETURNS TABLE (id bigint, tenant_id integer, provider text, kind text, subject text, source_id text, attempts integer, received_at timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  -- A skip scan: one look into the index a tenant, however many rows each has.
  WITH RECURSIVE waiting (tenant_id) AS (
    (SELECT w.tenant_id FROM public.webhook_events w WHERE w.state = 'pending' ORDER BY w.tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT w.tenant_id FROM public.webhook_events w WHERE w.state = 'pending' AND w.tenant_id > p.tenant_id ORDER BY w.tenant_id LIMIT 1)
    FROM waiting p WHERE p.tenant_id IS NOT NULL
  ), candidates AS (
    SELECT c.id FROM waiting t CROSS JOIN LATERAL (
      SELECT w.id, w.next_attempt_at, row_number() OVER (ORDER BY w.next_attempt_at, w.id) AS place FROM public.webhook_events w
      WHERE w.state = 'pending' AND w.tenant_id = t.tenant_id AND w.next_attempt_at <= now() ORDER BY w.next_attempt_at, w.id LIMIT $2) c
    ORDER BY c.place, c.next_attempt_at, c.id LIMIT $1
  ), taken AS (
    SELECT w.id FROM public.webhook_events w
    WHERE w.id IN (SELECT c.id FROM candidates c) AND w.state = 'pending' AND w.next_attempt_at <= now()
    FOR UPDATE SKIP LOCKED
  )
  UPDATE public.webhook_events w SET next_attempt_at = now() + interval '30 seconds', attempts = w.attempts + 1
  FROM taken t WHERE w.id = t.id
  RETURNING w.id, w.tenant_id, w.provider, w.kind, w.subject, w.source_id, w.attempts, w.received_at
$$;
GRANT CREATE ON SCHEMA public TO hub_lookup;
REVOKE ALL ON FUNCTION take_inbox(integer, integer) FROM public;
GRANT EXECUTE ON FUNCTION take_inbox(integer, integer) TO hub_app;
ALTER FUNCTION take_inbox(integer, integer) OWNER TO hub_lookup;
REVOKE CREATE ON SCHEMA public FROM hub_lookup;

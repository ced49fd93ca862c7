-- The only reads across tenants. Each returns ids, hashes or counts; owned by a role that cannot log in and bypasses row security.
-- docs/security.md lists them, and a test fails on any other SECURITY DEFINER function.
GRANT CREATE ON SCHEMA public TO hub_lookup;
GRANT SELECT ON tenants, users, sessions, api_keys, pages, whatsapp_senders, credentials, webhook_events, outbound_messages, oauth_attempts, leads,
  connections, meta_tokens, ad_accounts TO hub_lookup;
GRANT UPDATE ON webhook_events TO hub_lookup;

CREATE FUNCTION user_for_sign_in(email text)
RETURNS TABLE (user_id uuid, tenant_id integer, password_hash text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT u.id, u.tenant_id, u.password_hash FROM public.users u WHERE u.email = lower($1) AND u.disabled_at IS NULL
$$;

CREATE FUNCTION session_by_hash(token_hash bytea)
RETURNS TABLE (session_id uuid, tenant_id integer, user_id uuid) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT s.id, s.tenant_id, s.user_id FROM public.sessions s
  JOIN public.users u ON u.id = s.user_id AND u.disabled_at IS NULL
  WHERE s.token_hash = $1 AND s.expires_at > now()
$$;

CREATE FUNCTION api_key_by_hash(key_hash bytea)
RETURNS TABLE (api_key_id uuid, tenant_id integer, kind text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT k.id, k.tenant_id, k.kind FROM public.api_keys k WHERE k.key_hash = $1 AND k.revoked_at IS NULL
$$;

-- Both run inside every intake: PL/pgSQL keeps their plans, SQL functions would be planned at each call.
CREATE FUNCTION tenants_of_page(page_id text)
RETURNS TABLE (tenant_id integer) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 1 AS $$
BEGIN
  RETURN QUERY SELECT p.tenant_id FROM public.pages p WHERE p.page_id = $1 AND p.subscribed_at IS NOT NULL ORDER BY p.tenant_id;
END
$$;

-- By WABA, then by business number; only tenants that live on the global key (one with a webhook secret of its own has its own address).
-- Called without both (an unsubscribe names no number of ours) it answers every tenant on the global key.
CREATE FUNCTION tenants_of_sender(waba_id text, phone text)
RETURNS TABLE (tenant_id integer) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 1 AS $$
BEGIN
  RETURN QUERY WITH global_tenants AS (
    SELECT s.tenant_id, s.waba_id, s.phone FROM public.whatsapp_senders s
    WHERE NOT EXISTS (SELECT FROM public.credentials c
      WHERE c.tenant_id = s.tenant_id AND c.provider = 'ycloud' AND c.category = 'webhook_secret')
  ), by_waba AS (SELECT DISTINCT g.tenant_id, g.phone FROM global_tenants g WHERE g.waba_id = $1)
  SELECT DISTINCT b.tenant_id FROM by_waba b
    WHERE $2 IS NULL OR b.phone = $2 OR NOT EXISTS (SELECT FROM by_waba o WHERE o.phone = $2)
  UNION
  SELECT g.tenant_id FROM global_tenants g
    WHERE g.phone = $2 AND NOT EXISTS (SELECT FROM by_waba)
  UNION
  SELECT g.tenant_id FROM global_tenants g WHERE $1 IS NULL AND $2 IS NULL
  ORDER BY 1;
END
$$;

-- Leases due rows for 30 seconds: a dispatcher that dies leaves them to the next one.
CREATE FUNCTION take_inbox(max_rows integer, max_per_tenant integer)
RETURNS TABLE (id bigint, tenant_id integer, provider text, kind text, subject text, source_id text, attempts integer)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH candidates AS (
    SELECT e.id, row_number() OVER (PARTITION BY e.tenant_id ORDER BY e.next_attempt_at, e.id) AS place
    FROM (SELECT w.id, w.tenant_id, w.next_attempt_at FROM public.webhook_events w
      WHERE w.state = 'pending' AND w.next_attempt_at <= now() ORDER BY w.next_attempt_at, w.id LIMIT $1 * 20) e
  ), taken AS (
    SELECT w.id FROM public.webhook_events w
    WHERE w.id IN (SELECT c.id FROM candidates c WHERE c.place <= $2 ORDER BY c.place, c.id LIMIT $1)
      AND w.state = 'pending' AND w.next_attempt_at <= now()
    FOR UPDATE SKIP LOCKED
  )
  UPDATE public.webhook_events w SET next_attempt_at = now() + interval '30 seconds', attempts = w.attempts + 1
  FROM taken t WHERE w.id = t.id
  RETURNING w.id, w.tenant_id, w.provider, w.kind, w.subject, w.source_id, w.attempts
$$;

-- What no webhook will start: sends whose process died, sign-ins that came back, leads whose connection is alive again.
CREATE FUNCTION due_work()
RETURNS TABLE (work text, tenant_id integer, object_id text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  (SELECT 'stale_send', m.tenant_id, m.id::text FROM public.outbound_messages m
    WHERE m.state = 'sending' AND m.sending_at < now() - interval '2 minutes' LIMIT 100)
  UNION ALL
  (SELECT 'oauth_returned', a.tenant_id, a.id::text FROM public.oauth_attempts a
    WHERE a.returned_at IS NOT NULL AND a.delivered_at IS NULL LIMIT 100)
  UNION ALL
  (SELECT 'waiting_lead', l.tenant_id, l.meta_leadgen_id FROM public.leads l
    JOIN public.connections c ON c.tenant_id = l.tenant_id AND c.status IN ('connected', 'refreshing')
    WHERE l.capture_state = 'waiting_for_connection' AND l.meta_leadgen_id IS NOT NULL LIMIT 100)
$$;

-- Every tenant, the soonest-ending token first: what is measured at scrape, and whether there is just one tenant.
CREATE FUNCTION tenant_gauges(max_tenants integer)
RETURNS TABLE (tenant_id integer, token_expires_at timestamptz, last_synced_at timestamptz, inbox_pending bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT n.id, least(t.expires_at, t.data_access_expires_at),
    (SELECT min(a.last_synced_at) FROM public.ad_accounts a WHERE a.tenant_id = n.id AND a.is_selected),
    (SELECT count(*) FROM public.webhook_events w WHERE w.tenant_id = n.id AND w.state = 'pending')
  FROM public.tenants n LEFT JOIN public.meta_tokens t ON t.tenant_id = n.id
  ORDER BY least(t.expires_at, t.data_access_expires_at) NULLS LAST, n.id LIMIT $1
$$;

DO $$
DECLARE signature text;
BEGIN
  FOREACH signature IN ARRAY ARRAY['user_for_sign_in(text)', 'session_by_hash(bytea)', 'api_key_by_hash(bytea)', 'tenants_of_page(text)',
    'tenants_of_sender(text, text)', 'take_inbox(integer, integer)', 'due_work()', 'tenant_gauges(integer)']
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM public', signature);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO hub_app', signature);
    EXECUTE format('ALTER FUNCTION %s OWNER TO hub_lookup', signature);
  END LOOP;
END $$;
REVOKE CREATE ON SCHEMA public FROM hub_lookup;

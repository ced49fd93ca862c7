-- What people asked Meta to have erased here. Of no tenant: one person may have connected several. The Meta user stands there sealed, until it is done.
CREATE TABLE deletion_requests (
  confirmation_code text PRIMARY KEY,
  meta_user_id text,
  state text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'erasing', 'done')),
  requested_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  CHECK ((state = 'done') = (finished_at IS NOT NULL AND meta_user_id IS NULL))
);
CREATE INDEX deletion_requests_due ON deletion_requests (requested_at) WHERE state = 'requested';
ALTER TABLE deletion_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE deletion_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY of_the_installation ON deletion_requests USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON deletion_requests TO hub_app;

-- Every tenant, the soonest-ending token first: what is measured at scrape, the Meta users whose living tokens it holds, open sign-ins included
-- (permissions are given back only when no other tenant lives on them), and every Meta user of whom it keeps an id (who may ask for its erasure).
GRANT CREATE ON SCHEMA public TO hub_lookup;
DROP FUNCTION tenant_gauges(integer);
CREATE FUNCTION tenant_gauges(max_tenants integer)
RETURNS TABLE (tenant_id integer, token_expires_at timestamptz, last_synced_at timestamptz, inbox_pending bigint, token_user_ids text[], known_user_ids text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT n.id, least(t.expires_at, t.data_access_expires_at),
    (SELECT min(a.last_synced_at) FROM public.ad_accounts a WHERE a.tenant_id = n.id AND a.is_selected),
    (SELECT count(*) FROM public.webhook_events w WHERE w.tenant_id = n.id AND w.state = 'pending'),
    ARRAY(SELECT t.meta_user_id WHERE t.meta_user_id IS NOT NULL
      UNION SELECT o.meta_user_id FROM public.oauth_attempts o
      WHERE o.tenant_id = n.id AND o.access_token IS NOT NULL AND o.meta_user_id IS NOT NULL),
    ARRAY(SELECT t.meta_user_id WHERE t.meta_user_id IS NOT NULL
      UNION SELECT c.meta_user_id FROM public.connections c WHERE c.tenant_id = n.id AND c.meta_user_id IS NOT NULL
      UNION SELECT o.meta_user_id FROM public.oauth_attempts o WHERE o.tenant_id = n.id AND o.meta_user_id IS NOT NULL)
  FROM public.tenants n LEFT JOIN public.meta_tokens t ON t.tenant_id = n.id
  ORDER BY least(t.expires_at, t.data_access_expires_at) NULLS LAST, n.id LIMIT $1
$$;
REVOKE ALL ON FUNCTION tenant_gauges(integer) FROM public;
GRANT EXECUTE ON FUNCTION tenant_gauges(integer) TO hub_app;
ALTER FUNCTION tenant_gauges(integer) OWNER TO hub_lookup;
REVOKE CREATE ON SCHEMA public FROM hub_lookup;

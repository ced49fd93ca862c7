-- A person's permissions are given back at Meta only when no other tenant lives on them: here is how many do.
GRANT CREATE ON SCHEMA public TO hub_lookup;
DROP FUNCTION tenant_gauges(integer);

-- Every tenant, the soonest-ending token first: what is measured at scrape, and how many other tenants hold a token of the same Meta user.
CREATE FUNCTION tenant_gauges(max_tenants integer)
RETURNS TABLE (tenant_id integer, token_expires_at timestamptz, last_synced_at timestamptz, inbox_pending bigint, meta_user_shared_with bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT g.id, g.token_ends,
    (SELECT min(a.last_synced_at) FROM public.ad_accounts a WHERE a.tenant_id = g.id AND a.is_selected),
    (SELECT count(*) FROM public.webhook_events w WHERE w.tenant_id = g.id AND w.state = 'pending'),
    greatest(g.of_meta_user - 1, 0)
  FROM (
    SELECT n.id, least(t.expires_at, t.data_access_expires_at) AS token_ends,
      count(t.meta_user_id) OVER (PARTITION BY t.meta_user_id) AS of_meta_user
    FROM public.tenants n LEFT JOIN public.meta_tokens t ON t.tenant_id = n.id
    ORDER BY token_ends NULLS LAST, n.id LIMIT $1
  ) g
  ORDER BY g.token_ends NULLS LAST, g.id
$$;

REVOKE ALL ON FUNCTION tenant_gauges(integer) FROM public;
GRANT EXECUTE ON FUNCTION tenant_gauges(integer) TO hub_app;
ALTER FUNCTION tenant_gauges(integer) OWNER TO hub_lookup;
REVOKE CREATE ON SCHEMA public FROM hub_lookup;

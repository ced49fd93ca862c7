-- Runs before every page: PL/pgSQL keeps its plan, an SQL function is planned at each call.
CREATE OR REPLACE FUNCTION session_by_hash(token_hash bytea)
RETURNS TABLE (session_id uuid, tenant_id integer, user_id uuid) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 1 AS $$
BEGIN
  RETURN QUERY SELECT s.id, s.tenant_id, s.user_id FROM public.sessions s
  JOIN public.users u ON u.id = s.user_id AND u.disabled_at IS NULL
  WHERE s.token_hash = $1 AND s.expires_at > now();
END
$$;

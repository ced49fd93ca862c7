-- One-time links by which a person sets a password: an invitation, or a forgotten one. Only the hash of a link is stored.
CREATE TABLE password_links (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL,
  user_id uuid NOT NULL,
  purpose text NOT NULL CHECK (purpose IN ('invitation', 'reset')),
  token_hash bytea NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX password_links_user ON password_links (tenant_id, user_id);
ALTER TABLE password_links ENABLE ROW LEVEL SECURITY;
ALTER TABLE password_links FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON password_links
  USING (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int)
  WITH CHECK (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int);
GRANT SELECT, INSERT, UPDATE, DELETE ON password_links TO hub_app;

-- Whose link it is; nobody's when it is over or the person may not come in.
GRANT CREATE ON SCHEMA public TO hub_lookup;
GRANT SELECT ON password_links TO hub_lookup;
CREATE FUNCTION password_link_by_hash(token_hash bytea)
RETURNS TABLE (tenant_id integer, user_id uuid) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT l.tenant_id, l.user_id FROM public.password_links l
  JOIN public.users u ON u.id = l.user_id AND u.disabled_at IS NULL
  WHERE l.token_hash = $1 AND l.expires_at > now()
$$;
REVOKE ALL ON FUNCTION password_link_by_hash(bytea) FROM public;
GRANT EXECUTE ON FUNCTION password_link_by_hash(bytea) TO hub_app;
ALTER FUNCTION password_link_by_hash(bytea) OWNER TO hub_lookup;
REVOKE CREATE ON SCHEMA public FROM hub_lookup;

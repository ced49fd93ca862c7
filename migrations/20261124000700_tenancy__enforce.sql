-- Row-level security for every tenant table, and the application role's rights.
GRANT USAGE ON SCHEMA public TO hub_app, hub_lookup;

DO $$
DECLARE name text;
DECLARE mine constant text := 'nullif(current_setting(''hub.tenant_id'', true), '''')::int';
BEGIN
  FOREACH name IN ARRAY ARRAY['users', 'sessions', 'api_keys', 'system_events', 'connections', 'meta_tokens', 'oauth_attempts', 'ad_accounts',
    'pages', 'meta_ads_campaigns', 'meta_ads_adsets', 'meta_ads_creatives', 'meta_ads_ads', 'meta_ads_insights', 'sync_runs', 'leads',
    'lead_touches', 'opportunities', 'sales_transactions', 'whatsapp_senders', 'meta_templates', 'automation_rules', 'automation_runs',
    'outbound_messages', 'chat_messages', 'automation_logs', 'suppressions']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant_only ON %I USING (tenant_id = %s) WITH CHECK (tenant_id = %s)', name, mine, mine);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO hub_app', name);
  END LOOP;

  FOR name IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'meta_ads_insights'::regclass LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('REVOKE ALL ON %s FROM hub_app', name);
  END LOOP;
END $$;

-- The audit trail only grows.
REVOKE UPDATE, DELETE ON system_events FROM hub_app;

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON tenants
  USING (id = nullif(current_setting('hub.tenant_id', true), '')::int)
  WITH CHECK (id = nullif(current_setting('hub.tenant_id', true), '')::int);
GRANT SELECT, UPDATE ON tenants TO hub_app;

ALTER TABLE credentials ENABLE ROW LEVEL SECURITY;
ALTER TABLE credentials FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_writes ON credentials
  USING (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int)
  WITH CHECK (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int);
CREATE POLICY global_reads ON credentials FOR SELECT USING (tenant_id IS NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON credentials TO hub_app;

-- The inbox is written before a tenant is known; an orphan of Meta holds ids only and may be adopted by the tenant that connects its page.
ALTER TABLE webhook_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_events FORCE ROW LEVEL SECURITY;
CREATE POLICY intake ON webhook_events FOR INSERT WITH CHECK (true);
CREATE POLICY own_or_orphan_read ON webhook_events FOR SELECT
  USING (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int
    OR (tenant_id IS NULL AND provider = 'meta' AND state = 'orphan' AND nullif(current_setting('hub.tenant_id', true), '') IS NOT NULL));
CREATE POLICY own_or_orphan_write ON webhook_events FOR UPDATE
  USING (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int
    OR (tenant_id IS NULL AND provider = 'meta' AND state = 'orphan' AND nullif(current_setting('hub.tenant_id', true), '') IS NOT NULL))
  WITH CHECK (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int);
GRANT SELECT, INSERT, UPDATE ON webhook_events TO hub_app;

GRANT SELECT ON installation_state TO hub_app;

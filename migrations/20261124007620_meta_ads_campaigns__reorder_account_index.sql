-- PostgreSQL takes the newest of several indexes that seem equally good, and before its first ANALYZE every index that begins with the tenant does: the check of
-- each day's campaign went through all campaigns of the tenant.
DROP INDEX meta_ads_campaigns_account;
CREATE INDEX meta_ads_campaigns_account ON meta_ads_campaigns (meta_account_id, tenant_id);

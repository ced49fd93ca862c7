-- The number beside "Leads" on every page: without an index of its own it is looked for among all leads of the tenant.
CREATE INDEX leads_unanswered ON leads (tenant_id) WHERE status = 'new' AND merged_into IS NULL;

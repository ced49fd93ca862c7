-- After how many months without a sign of life a tenant's leads are erased; null: never. What they count for in figures stays.
ALTER TABLE tenants ADD COLUMN lead_months integer CHECK (lead_months BETWEEN 6 AND 120);
ALTER TABLE leads ADD COLUMN erased_at timestamptz;

-- Who is erased waits for no answer: the number beside "Leads" on every page does not look at them.
DROP INDEX leads_unanswered;
CREATE INDEX leads_unanswered ON leads (tenant_id) WHERE status = 'new' AND merged_into IS NULL AND erased_at IS NULL;

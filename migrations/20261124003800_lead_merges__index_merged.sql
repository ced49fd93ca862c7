-- Into whom a lead went at any time: what its submission started there is not started again.
CREATE INDEX lead_merges_merged ON lead_merges (tenant_id, merged_id);

-- The list of opportunities: by stage and by seller, newest first.
CREATE INDEX opportunities_stage ON opportunities (tenant_id, stage, created_at DESC, id);
CREATE INDEX opportunities_seller ON opportunities (tenant_id, seller_id, created_at DESC) WHERE seller_id IS NOT NULL;

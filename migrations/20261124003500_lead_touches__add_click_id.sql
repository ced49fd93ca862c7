-- Which click on a click-to-WhatsApp ad a person came from, as WhatsApp names it.
ALTER TABLE lead_touches ADD COLUMN click_id text;
-- Touches of ads that were not copied yet when the person came: they get their campaign with the next sync.
CREATE INDEX lead_touches_without_campaign ON lead_touches (tenant_id, ad_id) WHERE meta_campaign_id IS NULL AND ad_id IS NOT NULL;

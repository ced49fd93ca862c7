-- When the seller was mailed about a submission: once, however often its intake runs.
ALTER TABLE lead_touches ADD COLUMN seller_told_at timestamptz;

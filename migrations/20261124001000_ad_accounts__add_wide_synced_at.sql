-- When the account's last 28 days were last read whole: a sync decides by it whether tonight's wide read is still due.
ALTER TABLE ad_accounts ADD COLUMN wide_synced_at timestamptz;

-- How far back a person wants the figures, and how far they were read: what lies between is read slice by slice beside the regular sync.
ALTER TABLE ad_accounts ADD COLUMN history_since date, ADD COLUMN history_read_since date;

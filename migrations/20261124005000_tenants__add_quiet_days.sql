-- Whole days without messages, 1 = Monday to 7 = Sunday; a week keeps at least one day to send on.
ALTER TABLE tenants ADD COLUMN quiet_days smallint[] NOT NULL DEFAULT '{}'
  CHECK (quiet_days <@ '{1,2,3,4,5,6,7}' AND cardinality(quiet_days) < 7);

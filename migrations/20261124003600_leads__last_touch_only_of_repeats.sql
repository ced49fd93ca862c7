-- Null for who came once: then the time of their coming is that of their row, however old it was made.
DROP INDEX leads_last_touch;
ALTER TABLE leads ALTER COLUMN last_touch_at DROP NOT NULL, ALTER COLUMN last_touch_at DROP DEFAULT;
UPDATE leads SET last_touch_at = NULL WHERE last_touch_at = created_at;
CREATE INDEX leads_last_touch ON leads (tenant_id, (coalesce(last_touch_at, created_at)) DESC, id) WHERE merged_into IS NULL;

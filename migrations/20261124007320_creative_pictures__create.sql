-- The small picture of a creative, copied once: Meta's own address runs out, and no page asks anybody else for anything.
CREATE TABLE creative_pictures (
  tenant_id integer NOT NULL,
  creative_id text NOT NULL,
  type text CHECK (type IN ('image/png', 'image/jpeg', 'image/webp')),
  -- Null when it could not be had; then `failures` counts the tries.
  picture bytea CHECK (octet_length(picture) <= 200000),
  failures integer NOT NULL DEFAULT 0,
  tried_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, creative_id),
  FOREIGN KEY (tenant_id, creative_id) REFERENCES meta_ads_creatives (tenant_id, creative_id) ON DELETE CASCADE,
  CHECK ((type IS NULL) = (picture IS NULL))
);
ALTER TABLE creative_pictures ENABLE ROW LEVEL SECURITY;
ALTER TABLE creative_pictures FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON creative_pictures
  USING (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int)
  WITH CHECK (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int);
GRANT SELECT, INSERT, UPDATE, DELETE ON creative_pictures TO hub_app;

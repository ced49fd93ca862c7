-- What one unit of `currency` was worth in `base`, from `day` on for at most a week.
CREATE TABLE exchange_rates (
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  currency char(3) NOT NULL,
  base char(3) NOT NULL,
  day date NOT NULL,
  rate numeric(20, 10) NOT NULL CHECK (rate > 0),
  source text NOT NULL CHECK (source IN ('manual', 'csv')),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, currency, base, day),
  CHECK (currency <> base)
);
CREATE INDEX exchange_rates_day ON exchange_rates (tenant_id, day DESC);
ALTER TABLE exchange_rates ENABLE ROW LEVEL SECURITY;
ALTER TABLE exchange_rates FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON exchange_rates
  USING (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int)
  WITH CHECK (tenant_id = nullif(current_setting('hub.tenant_id', true), '')::int);
GRANT SELECT, INSERT, UPDATE, DELETE ON exchange_rates TO hub_app;

-- The one currency in which all accounts can be read together; null = the tenant's own.
ALTER TABLE tenants ADD COLUMN reporting_currency char(3);

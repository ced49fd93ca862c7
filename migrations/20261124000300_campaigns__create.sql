-- What Meta delivers: campaigns down to creatives, and the books (campaign x day).
CREATE TABLE meta_ads_campaigns (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  meta_campaign_id varchar(255) NOT NULL,
  meta_account_id varchar(255) NOT NULL,
  name text NOT NULL,
  objective text,
  status text,
  currency char(3) NOT NULL,
  daily_budget numeric(18, 2),
  lifetime_budget numeric(18, 2),
  spend numeric(18, 2) NOT NULL DEFAULT 0,
  impressions bigint NOT NULL DEFAULT 0,
  clicks bigint NOT NULL DEFAULT 0,
  leads_count integer NOT NULL DEFAULT 0,
  roi_percentage numeric(14, 2),
  last_synced_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT unique_meta_campaign_per_tenant UNIQUE (tenant_id, meta_campaign_id),
  FOREIGN KEY (tenant_id, meta_account_id) REFERENCES ad_accounts (tenant_id, ad_account_id) ON DELETE CASCADE
);
CREATE INDEX meta_ads_campaigns_account ON meta_ads_campaigns (tenant_id, meta_account_id);

CREATE TABLE meta_ads_adsets (
  tenant_id integer NOT NULL,
  adset_id text NOT NULL,
  meta_campaign_id varchar(255) NOT NULL,
  name text NOT NULL,
  status text,
  currency char(3) NOT NULL,
  daily_budget numeric(18, 2),
  lifetime_budget numeric(18, 2),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, adset_id),
  FOREIGN KEY (tenant_id, meta_campaign_id) REFERENCES meta_ads_campaigns (tenant_id, meta_campaign_id) ON DELETE CASCADE
);

CREATE TABLE meta_ads_creatives (
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  creative_id text NOT NULL,
  name text,
  thumbnail_url text,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, creative_id)
);

CREATE TABLE meta_ads_ads (
  tenant_id integer NOT NULL,
  ad_id text NOT NULL,
  adset_id text NOT NULL,
  meta_campaign_id varchar(255) NOT NULL,
  name text NOT NULL,
  status text,
  creative_id text,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, ad_id),
  FOREIGN KEY (tenant_id, meta_campaign_id) REFERENCES meta_ads_campaigns (tenant_id, meta_campaign_id) ON DELETE CASCADE
);
CREATE INDEX meta_ads_ads_campaign ON meta_ads_ads (tenant_id, meta_campaign_id);

-- A partitioned table's keys must hold the partition key, so `id` is not the primary key as in the mission.
CREATE TABLE meta_ads_insights (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  meta_campaign_id varchar(255) NOT NULL,
  meta_account_id varchar(255) NOT NULL,
  date date NOT NULL,
  currency char(3) NOT NULL,
  spend numeric(18, 2) NOT NULL DEFAULT 0,
  impressions bigint NOT NULL DEFAULT 0,
  clicks bigint NOT NULL DEFAULT 0,
  leads integer NOT NULL DEFAULT 0,
  synced_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT unique_insight_per_day PRIMARY KEY (tenant_id, meta_campaign_id, date),
  FOREIGN KEY (tenant_id, meta_campaign_id) REFERENCES meta_ads_campaigns (tenant_id, meta_campaign_id) ON DELETE CASCADE
) PARTITION BY RANGE (date);
CREATE INDEX meta_ads_insights_account_day ON meta_ads_insights (tenant_id, meta_account_id, date);

-- Meta keeps 37 months. Rights go to the parent only: a partition read directly does not ask the parent's policy.
CREATE TABLE meta_ads_insights_default PARTITION OF meta_ads_insights DEFAULT;
DO $$
DECLARE month date := date_trunc('month', now() - interval '38 months');
BEGIN
  WHILE month < now() + interval '14 months' LOOP
    EXECUTE format('CREATE TABLE meta_ads_insights_%s PARTITION OF meta_ads_insights FOR VALUES FROM (%L) TO (%L)',
      to_char(month, 'YYYY_MM'), month, month + interval '1 month');
    month := month + interval '1 month';
  END LOOP;
END $$;

CREATE TABLE sync_runs (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('first', 'scheduled', 'manual')),
  workflow_run_id text NOT NULL,
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed')),
  error_code text,
  accounts_total integer NOT NULL DEFAULT 0,
  accounts_done integer NOT NULL DEFAULT 0,
  campaigns integer NOT NULL DEFAULT 0,
  insight_rows integer NOT NULL DEFAULT 0,
  calls integer NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  UNIQUE (tenant_id, workflow_run_id)
);
CREATE INDEX sync_runs_recent ON sync_runs (tenant_id, started_at DESC);

-- The Meta connection of a tenant: its state for the screens, its token, its attempts to sign in, and what it reaches.
CREATE TABLE connections (
  tenant_id integer PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  status text NOT NULL CHECK (status IN ('not_connected', 'connecting', 'connected', 'refreshing', 'reconnect_needed', 'disconnected')),
  reason text,
  attempt_id uuid,
  meta_user_id text,
  business_id text,
  business_name text,
  scopes text[] NOT NULL DEFAULT '{}',
  connected_at timestamptz,
  last_call_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE meta_tokens (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id integer NOT NULL UNIQUE REFERENCES tenants (id) ON DELETE CASCADE,
  access_token text NOT NULL,
  token_type varchar(50),
  expires_at timestamptz,
  data_access_expires_at timestamptz,
  meta_user_id varchar(100),
  business_manager_id varchar(100),
  page_id varchar(255),
  encrypted_data bytea,
  refreshed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_meta_tokens_page_id ON meta_tokens (page_id);
CREATE INDEX meta_tokens_meta_user_id ON meta_tokens (meta_user_id);

-- One row a press of "Connect". Code and candidate token are Fernet text and erased when the attempt ends.
CREATE TABLE oauth_attempts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  user_id uuid,
  state_hash bytea NOT NULL,
  status text NOT NULL DEFAULT 'started'
    CHECK (status IN ('started', 'returned', 'exchanged', 'business_selected', 'assets_selected', 'confirmed', 'failed', 'superseded')),
  error text,
  code text,
  code_verifier text,
  access_token text,
  token_expires_at timestamptz,
  data_access_expires_at timestamptz,
  meta_user_id text,
  scopes text[] NOT NULL DEFAULT '{}',
  missing_scopes text[] NOT NULL DEFAULT '{}',
  businesses jsonb NOT NULL DEFAULT '[]',
  business_id text,
  assets jsonb NOT NULL DEFAULT '{"adAccounts": [], "pages": []}',
  ad_account_ids text[] NOT NULL DEFAULT '{}',
  page_ids text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  returned_at timestamptz,
  delivered_at timestamptz,
  UNIQUE (tenant_id, id)
);
CREATE INDEX oauth_attempts_undelivered ON oauth_attempts (returned_at) WHERE returned_at IS NOT NULL AND delivered_at IS NULL;

CREATE TABLE ad_accounts (
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  ad_account_id text NOT NULL CHECK (ad_account_id ~ '^[0-9]+$'),
  name text NOT NULL,
  currency char(3) NOT NULL,
  time_zone text NOT NULL,
  account_status integer NOT NULL,
  business_id text,
  lead_action_type text NOT NULL DEFAULT 'onsite_conversion.lead_grouped',
  is_selected boolean NOT NULL DEFAULT true,
  last_synced_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, ad_account_id)
);

CREATE TABLE pages (
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  page_id text NOT NULL CHECK (page_id ~ '^[0-9]+$'),
  name text NOT NULL,
  tasks text[] NOT NULL DEFAULT '{}',
  access_token text,
  subscribed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, page_id)
);
CREATE INDEX pages_page_id ON pages (page_id);

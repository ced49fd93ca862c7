-- People who answered an ad, where they came from, and what they bought.
CREATE TABLE leads (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  meta_leadgen_id text,
  source text NOT NULL DEFAULT 'meta' CHECK (source IN ('meta', 'manual', 'whatsapp')),
  -- waiting_for_connection: Meta told us of the lead, but no living token could read it yet.
  capture_state text NOT NULL DEFAULT 'captured' CHECK (capture_state IN ('captured', 'waiting_for_connection', 'failed')),
  capture_error text,
  full_name text,
  email text,
  phone text,
  status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'contacted', 'opportunity', 'customer', 'not_interested')),
  seller_id uuid,
  is_test boolean NOT NULL DEFAULT false,
  is_organic boolean NOT NULL DEFAULT false,
  page_id text,
  form_id text,
  platform text,
  answers jsonb NOT NULL DEFAULT '[]',
  submitted_at timestamptz,
  first_message_at timestamptz,
  first_reply_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, meta_leadgen_id),
  FOREIGN KEY (tenant_id, seller_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX leads_recent ON leads (tenant_id, created_at DESC, id);
CREATE INDEX leads_phone ON leads (tenant_id, phone) WHERE phone IS NOT NULL;
CREATE INDEX leads_status ON leads (tenant_id, status, created_at DESC);
CREATE INDEX leads_waiting ON leads (tenant_id) WHERE capture_state = 'waiting_for_connection';

CREATE TABLE lead_touches (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL,
  lead_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('form', 'click_to_whatsapp', 'manual')),
  leadgen_id text,
  touched_at timestamptz NOT NULL,
  ad_account_id text,
  meta_campaign_id text,
  adset_id text,
  ad_id text,
  form_id text,
  platform text,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, leadgen_id),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX lead_touches_lead ON lead_touches (tenant_id, lead_id, touched_at);
CREATE INDEX lead_touches_campaign ON lead_touches (tenant_id, meta_campaign_id, touched_at);
CREATE INDEX lead_touches_time ON lead_touches (tenant_id, touched_at);

CREATE TABLE opportunities (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  lead_id uuid NOT NULL,
  seller_id uuid,
  name text NOT NULL,
  value numeric(18, 2) NOT NULL CHECK (value >= 0),
  currency char(3) NOT NULL,
  stage text NOT NULL DEFAULT 'open' CHECK (stage IN ('open', 'won', 'lost')),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, seller_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX opportunities_lead ON opportunities (tenant_id, lead_id);
CREATE INDEX opportunities_time ON opportunities (tenant_id, created_at);

-- Refunds are negative amounts. attribution_source and meta_campaign_id hold the last touch at the time of the sale.
CREATE TABLE sales_transactions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  opportunity_id uuid,
  lead_id uuid,
  amount numeric(18, 2) NOT NULL CHECK (amount <> 0),
  currency char(3) NOT NULL,
  attribution_source text,
  meta_campaign_id varchar(255),
  sold_at timestamptz NOT NULL DEFAULT now(),
  voided_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, opportunity_id) REFERENCES opportunities (tenant_id, id),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id)
);
CREATE INDEX sales_transactions_time ON sales_transactions (tenant_id, sold_at);
CREATE INDEX sales_transactions_lead ON sales_transactions (tenant_id, lead_id);

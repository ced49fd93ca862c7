-- WhatsApp: senders, templates, rules, what was sent, what came back, and who must not be written to.
CREATE TABLE whatsapp_senders (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  waba_id text NOT NULL,
  phone text NOT NULL,
  quality text,
  messaging_limit text,
  status text NOT NULL DEFAULT 'CONNECTED',
  is_default boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, phone)
);
CREATE UNIQUE INDEX whatsapp_senders_default ON whatsapp_senders (tenant_id) WHERE is_default;
CREATE INDEX whatsapp_senders_waba ON whatsapp_senders (waba_id);
CREATE INDEX whatsapp_senders_phone ON whatsapp_senders (phone);

CREATE TABLE meta_templates (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  meta_template_id varchar(255) NOT NULL,
  waba_id text NOT NULL,
  name text NOT NULL,
  category text NOT NULL,
  language text NOT NULL DEFAULT 'es',
  status text,
  quality text,
  components jsonb NOT NULL,
  synced_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT unique_meta_template_per_tenant UNIQUE (tenant_id, meta_template_id),
  UNIQUE (tenant_id, waba_id, name, language)
);

CREATE TABLE automation_rules (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  name text NOT NULL,
  trigger_type text NOT NULL,
  trigger_conditions jsonb NOT NULL,
  action_type text NOT NULL,
  action_config jsonb NOT NULL,
  is_active boolean NOT NULL DEFAULT true,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id)
);
CREATE INDEX automation_rules_active ON automation_rules (tenant_id, trigger_type) WHERE is_active;

-- Read by dispatch, so that a lost signal can never cause a send.
CREATE TABLE automation_runs (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  rule_id uuid NOT NULL,
  rule_version integer NOT NULL,
  lead_id uuid NOT NULL,
  occurrence text NOT NULL,
  workflow_id text NOT NULL,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'waiting', 'done', 'stopped')),
  reason text,
  due_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, rule_id, lead_id, occurrence),
  FOREIGN KEY (tenant_id, rule_id) REFERENCES automation_rules (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX automation_runs_lead ON automation_runs (tenant_id, lead_id);

CREATE TABLE outbound_messages (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  lead_id uuid NOT NULL,
  rule_id uuid,
  run_id uuid,
  step integer NOT NULL DEFAULT 0,
  occurrence text NOT NULL,
  attempt integer NOT NULL DEFAULT 1,
  external_id text NOT NULL UNIQUE,
  provider_id text,
  wamid text,
  sender_phone text NOT NULL,
  phone text NOT NULL,
  template_name text NOT NULL,
  template_language text NOT NULL,
  template_category text NOT NULL,
  state text NOT NULL CHECK (state IN ('claimed', 'sending', 'accepted', 'sent', 'delivered', 'read', 'rejected', 'failed', 'unconfirmed', 'cancelled')),
  error_code text,
  price numeric(12, 6),
  price_currency char(3),
  sending_at timestamptz,
  accepted_at timestamptz,
  sent_at timestamptz,
  delivered_at timestamptz,
  read_at timestamptz,
  ended_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  CONSTRAINT outbound_messages_once UNIQUE NULLS NOT DISTINCT (tenant_id, lead_id, rule_id, step, occurrence, attempt),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, run_id) REFERENCES automation_runs (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX outbound_messages_phone ON outbound_messages (tenant_id, phone, created_at DESC);
CREATE INDEX outbound_messages_lead ON outbound_messages (tenant_id, lead_id, created_at);
CREATE INDEX outbound_messages_provider ON outbound_messages (tenant_id, provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX outbound_messages_wamid ON outbound_messages (tenant_id, wamid) WHERE wamid IS NOT NULL;
CREATE INDEX outbound_messages_sending ON outbound_messages (sending_at) WHERE state = 'sending';
CREATE INDEX outbound_messages_unconfirmed ON outbound_messages (tenant_id, created_at DESC) WHERE state = 'unconfirmed';

-- One thread per person: automation, team and the person's own words.
CREATE TABLE chat_messages (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  lead_id uuid,
  phone text,
  direction text NOT NULL CHECK (direction IN ('in', 'out')),
  author text NOT NULL CHECK (author IN ('automation', 'human', 'contact')),
  user_id uuid,
  outbound_message_id uuid,
  provider_message_id text,
  kind text NOT NULL DEFAULT 'text',
  body text,
  sent_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, provider_message_id),
  UNIQUE (tenant_id, outbound_message_id),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, outbound_message_id) REFERENCES outbound_messages (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX chat_messages_lead ON chat_messages (tenant_id, lead_id, sent_at);
CREATE INDEX chat_messages_inbound ON chat_messages (tenant_id, phone, sent_at DESC) WHERE direction = 'in';

CREATE TABLE automation_logs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  rule_id uuid,
  run_id uuid,
  lead_id uuid,
  outbound_message_id uuid,
  trigger_type text NOT NULL,
  status text NOT NULL,
  reason text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, outbound_message_id) REFERENCES outbound_messages (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX automation_logs_recent ON automation_logs (tenant_id, id DESC);
CREATE INDEX automation_logs_lead ON automation_logs (tenant_id, lead_id, id DESC);
CREATE INDEX automation_logs_message ON automation_logs (tenant_id, outbound_message_id);

CREATE TABLE suppressions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  phone text NOT NULL,
  source text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  lifted_at timestamptz
);
CREATE UNIQUE INDEX suppressions_active ON suppressions (tenant_id, phone) WHERE lifted_at IS NULL;

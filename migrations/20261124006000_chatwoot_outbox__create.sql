-- The mirror in Chatwoot has an outbox of its own: it can neither delay nor repeat a send.
ALTER TABLE chat_messages ADD UNIQUE (tenant_id, id);

CREATE TABLE chatwoot_outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  chat_message_id uuid NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'failed')),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, chat_message_id),
  FOREIGN KEY (tenant_id, chat_message_id) REFERENCES chat_messages (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX chatwoot_outbox_due ON chatwoot_outbox (next_attempt_at) WHERE state = 'pending';

-- Which conversation over there is a lead's.
CREATE TABLE chatwoot_conversations (
  tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  lead_id uuid NOT NULL,
  conversation_id text NOT NULL CHECK (conversation_id ~ '^[0-9]+$'),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, lead_id),
  UNIQUE (tenant_id, conversation_id),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id) ON DELETE CASCADE
);

DO $$
DECLARE name text;
DECLARE mine constant text := 'nullif(current_setting(''hub.tenant_id'', true), '''')::int';
BEGIN
  FOREACH name IN ARRAY ARRAY['chatwoot_outbox', 'chatwoot_conversations'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant_only ON %I USING (tenant_id = %s) WITH CHECK (tenant_id = %s)', name, mine, mine);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO hub_app', name);
  END LOOP;
END $$;

-- A row for each message of a tenant that has a Chatwoot, in the message's own transaction and as its own role.
CREATE FUNCTION mirror_to_chatwoot() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO public.chatwoot_outbox (tenant_id, chat_message_id)
  SELECT NEW.tenant_id, NEW.id
  WHERE NEW.lead_id IS NOT NULL AND EXISTS (
    SELECT FROM public.credentials c WHERE c.tenant_id = NEW.tenant_id AND c.provider = 'chatwoot' AND c.category = 'api_key')
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$;
CREATE TRIGGER chat_messages_mirrored AFTER INSERT ON chat_messages FOR EACH ROW EXECUTE FUNCTION mirror_to_chatwoot();

-- What no webhook will start: sends whose process died, sign-ins that came back, leads whose connection is alive again, messages that a person asked
-- for, runs to begin or whose time is over, templates to read again, copies for Chatwoot.
GRANT SELECT ON chatwoot_outbox TO hub_lookup;
CREATE OR REPLACE FUNCTION due_work()
RETURNS TABLE (work text, tenant_id integer, object_id text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  (SELECT 'stale_send', m.tenant_id, m.id::text FROM public.outbound_messages m
    WHERE m.state = 'sending' AND m.sending_at < now() - interval '2 minutes' LIMIT 100)
  UNION ALL
  (SELECT 'oauth_returned', a.tenant_id, a.id::text FROM public.oauth_attempts a
    WHERE a.returned_at IS NOT NULL AND a.delivered_at IS NULL LIMIT 100)
  UNION ALL
  (SELECT 'waiting_lead', l.tenant_id, l.meta_leadgen_id FROM public.leads l
    JOIN public.connections c ON c.tenant_id = l.tenant_id AND c.status IN ('connected', 'refreshing')
    WHERE l.capture_state <> 'captured' AND l.meta_leadgen_id IS NOT NULL AND l.created_at > now() - interval '90 days'
      AND (l.capture_tried_at IS NULL OR l.capture_tried_at < c.connected_at
        OR l.capture_tried_at < now() - CASE l.capture_state WHEN 'waiting_for_connection' THEN interval '1 minute' ELSE interval '1 hour' END)
    ORDER BY l.capture_tried_at NULLS FIRST LIMIT 100)
  UNION ALL
  (SELECT 'message_by_hand', m.tenant_id, m.id::text FROM public.outbound_messages m
    WHERE m.state = 'claimed' AND m.origin <> 'rule' AND m.due_at < now() ORDER BY m.due_at LIMIT 100)
  UNION ALL
  (SELECT 'run_to_start', r.tenant_id, r.id::text FROM public.automation_runs r
    WHERE r.needs_start AND r.state = 'active' ORDER BY r.created_at LIMIT 100)
  UNION ALL
  (SELECT 'run_over', r.tenant_id, r.id::text FROM public.automation_runs r
    WHERE r.state = 'waiting' AND r.due_at < now() ORDER BY r.due_at LIMIT 100)
  UNION ALL
  (SELECT 'templates', s.tenant_id, s.id::text FROM public.whatsapp_senders s
    WHERE s.is_default AND (s.templates_asked_at IS NULL OR s.templates_asked_at < now() - interval '6 hours')
    ORDER BY s.templates_asked_at NULLS FIRST LIMIT 5)
  UNION ALL
  (SELECT 'chatwoot_copy', o.tenant_id, o.id::text FROM public.chatwoot_outbox o
    WHERE o.state = 'pending' AND o.next_attempt_at <= now() ORDER BY o.next_attempt_at, o.id LIMIT 100)
$$;

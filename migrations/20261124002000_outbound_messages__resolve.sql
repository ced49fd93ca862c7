-- Messages that a person starts (another try of one in doubt, an answer in the conversation), and what a person found out about one in doubt.
ALTER TABLE outbound_messages
  ALTER COLUMN template_name DROP NOT NULL,
  ALTER COLUMN template_language DROP NOT NULL,
  ALTER COLUMN template_category DROP NOT NULL,
  ADD COLUMN origin text NOT NULL DEFAULT 'rule' CHECK (origin IN ('rule', 'again', 'reply')),
  ADD COLUMN user_id uuid,
  ADD COLUMN again_of uuid,
  -- When the dispatcher may start its workflow once more.
  ADD COLUMN due_at timestamptz,
  -- When it became unconfirmed; stays when a report resolves it.
  ADD COLUMN doubted_at timestamptz,
  ADD COLUMN resolution text CHECK (resolution IN ('arrived', 'lost', 'again')),
  ADD COLUMN resolved_at timestamptz,
  ADD COLUMN resolved_by uuid,
  ADD CONSTRAINT outbound_messages_resolved CHECK ((resolution IS NULL) = (resolved_at IS NULL)),
  ADD CONSTRAINT outbound_messages_template CHECK (template_name IS NOT NULL OR origin <> 'rule'),
  ADD FOREIGN KEY (tenant_id, again_of) REFERENCES outbound_messages (tenant_id, id) ON DELETE CASCADE,
  ADD FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE SET NULL (user_id),
  ADD FOREIGN KEY (tenant_id, resolved_by) REFERENCES users (tenant_id, id) ON DELETE SET NULL (resolved_by);
UPDATE outbound_messages SET doubted_at = updated_at WHERE state = 'unconfirmed';
-- One in doubt is sent again once; that attempt, when it ends in doubt too, has an attempt of its own.
CREATE UNIQUE INDEX outbound_messages_again ON outbound_messages (tenant_id, again_of) WHERE again_of IS NOT NULL;
CREATE INDEX outbound_messages_doubted ON outbound_messages (tenant_id, doubted_at DESC) WHERE doubted_at IS NOT NULL;
CREATE INDEX outbound_messages_by_hand ON outbound_messages (due_at) WHERE state = 'claimed' AND origin <> 'rule';

-- A run that waits for an answer has a last moment; then it is over.
UPDATE automation_runs SET due_at = updated_at + interval '24 hours' WHERE state = 'waiting';
CREATE INDEX automation_runs_waiting ON automation_runs (due_at) WHERE state = 'waiting';

-- Each source says stop for itself, so that each can be taken back for itself.
DROP INDEX suppressions_active;
CREATE UNIQUE INDEX suppressions_active ON suppressions (tenant_id, phone, source) WHERE lifted_at IS NULL;

-- What no webhook will start of messages and runs: messages of people whose workflow did not start, and runs that nobody answered in time.
GRANT SELECT ON automation_runs TO hub_lookup;
GRANT CREATE ON SCHEMA public TO hub_lookup;
CREATE FUNCTION due_messages()
RETURNS TABLE (work text, tenant_id integer, object_id text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  (SELECT 'message_by_hand', m.tenant_id, m.id::text FROM public.outbound_messages m
    WHERE m.state = 'claimed' AND m.origin <> 'rule' AND m.due_at < now() ORDER BY m.due_at LIMIT 100)
  UNION ALL
  (SELECT 'run_over', r.tenant_id, r.id::text FROM public.automation_runs r
    WHERE r.state = 'waiting' AND r.due_at < now() ORDER BY r.due_at LIMIT 100)
$$;
REVOKE ALL ON FUNCTION due_messages() FROM public;
GRANT EXECUTE ON FUNCTION due_messages() TO hub_app;
ALTER FUNCTION due_messages() OWNER TO hub_lookup;
REVOKE CREATE ON SCHEMA public FROM hub_lookup;

-- What messages cost is added up by the days they left on.
CREATE INDEX outbound_messages_priced ON outbound_messages (tenant_id, sending_at) WHERE price IS NOT NULL;

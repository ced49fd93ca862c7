-- Another attempt by rule of what Meta never took; why a code of YCloud or Meta stopped all sending of a tenant.
ALTER TABLE outbound_messages
  DROP CONSTRAINT outbound_messages_origin_check,
  ADD CONSTRAINT outbound_messages_origin_check CHECK (origin IN ('rule', 'again', 'reply', 'retry'));
ALTER TABLE tenants ADD COLUMN sending_stopped_by text;

-- What is left at YCloud to send with, as it was when the templates were last read; of the key, so the same for its numbers.
ALTER TABLE whatsapp_senders
  ADD COLUMN balance numeric,
  ADD COLUMN balance_currency char(3),
  ADD COLUMN balance_at timestamptz,
  ADD CHECK ((balance IS NULL) = (balance_currency IS NULL) AND (balance IS NULL) = (balance_at IS NULL));

-- What belongs to a secret and is none (Chatwoot's address and account), and how its last test ended.
ALTER TABLE credentials
  ADD COLUMN settings jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN tested_at timestamptz,
  ADD COLUMN test_outcome text CHECK (test_outcome IN ('works', 'rejected', 'no_answer'));

-- When the last reading that left all campaigns, ad sets and ads of an account as Meta has them began: a later one needs only what changed since.
-- Empty while that is not so: before the first, and from a status that moved until what hangs below it was read again.
ALTER TABLE ad_accounts ADD COLUMN objects_read_at timestamptz;

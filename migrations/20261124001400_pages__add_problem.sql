-- Why a connected page gives no leads now, as the last call to it found; null = nothing is known to be wrong.
ALTER TABLE pages ADD COLUMN problem text CHECK (problem IN ('page_role_lost', 'leads_access_missing', 'token_missing', 'app_removed'));

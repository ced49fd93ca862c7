-- Reads across tenants stay with the eight functions that docs/security.md lists: what is due is one of them, and a password link names its tenant.
DROP FUNCTION password_link_by_hash(bytea);
REVOKE SELECT ON password_links FROM hub_lookup;
DROP FUNCTION due_messages();

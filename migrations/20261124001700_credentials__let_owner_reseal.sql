-- Rotating keys writes the installation's own credentials too: as the owner, never as the programs' role.
CREATE POLICY owner_writes_global ON credentials FOR UPDATE TO CURRENT_USER USING (tenant_id IS NULL) WITH CHECK (tenant_id IS NULL);

-- The global category is kept by the owner's command (npm run vault); the application reads it.
CREATE POLICY owner_adds_global ON credentials FOR INSERT TO CURRENT_USER WITH CHECK (tenant_id IS NULL);
CREATE POLICY owner_removes_global ON credentials FOR DELETE TO CURRENT_USER USING (tenant_id IS NULL);

-- Nobody who left a form's WhatsApp box unticked gets marketing templates, unless a tenant decides otherwise.
ALTER TABLE tenants ADD COLUMN heed_consent boolean NOT NULL DEFAULT true;

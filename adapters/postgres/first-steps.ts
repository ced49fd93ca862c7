import { sql } from 'slonik';
import { z } from 'zod';

export const stepsRow = z.object({
  has_own_webhook: z.boolean(),
  has_own_key: z.boolean(),
  has_events: z.boolean(),
  has_sender: z.boolean(),
  has_template: z.boolean(),
  has_rule: z.boolean(),
  has_lead: z.boolean(),
});
export type FirstSteps = z.output<typeof stepsRow>;

/** How far a tenant is with setting up. */
export const firstStepsQuery = (tenantId: number) => sql.fragment`
    SELECT
      EXISTS (SELECT FROM credentials WHERE tenant_id = ${tenantId} AND provider = 'ycloud' AND category = 'webhook_secret') AS has_own_webhook,
      EXISTS (SELECT FROM credentials WHERE tenant_id = ${tenantId} AND provider = 'ycloud' AND category = 'api_key') AS has_own_key,
      EXISTS (SELECT FROM webhook_events WHERE tenant_id = ${tenantId} AND provider = 'ycloud') AS has_events,
      EXISTS (SELECT FROM whatsapp_senders WHERE tenant_id = ${tenantId} AND is_default) AS has_sender,
      EXISTS (SELECT FROM meta_templates WHERE tenant_id = ${tenantId} AND status = 'APPROVED') AS has_template,
      EXISTS (SELECT FROM automation_rules WHERE tenant_id = ${tenantId} AND is_active) AS has_rule,
      EXISTS (SELECT FROM leads WHERE tenant_id = ${tenantId}) AS has_lead`;

import { z } from 'zod';
import { templateBody } from './automation-api.ts';
import { jsonBody, operation, queryOf, replyOf } from './openapi-parts.ts';
import { statsQuery } from './stats.ts';

const decimal = z.string().describe('Decimal text in major units');
const maybe = decimal.nullable().describe('Decimal text; null when undefined, for the want of a divisor or of a rate');
const day = z.iso.date();
const period = z.object({ since: day, until: day });
const volume = { impressions: z.int(), clicks: z.int(), leads: z.int(), meta_leads: z.int() };
const missingRate = z
  .record(z.string(), z.unknown())
  .optional()
  .describe('The exchange rate for want of which figures are null');

const campaignReply = z.object({
  meta_campaign_id: z.string(),
  ad_account_id: z.string(),
  name: z.string(),
  status: z.string(),
  currency: z.string(),
  spend: maybe,
  ...volume,
  revenue: maybe,
  roi_percentage: maybe,
  roas: maybe,
  missing_rate: missingRate,
});
const accountReply = z.object({
  ad_account_id: z.string(),
  name: z.string(),
  currency: z.string(),
  time_zone: z.string(),
  since: day,
  until: day,
  spend: maybe,
  ...volume,
});
const totalReply = z.object({
  currency: z.string(),
  spend: maybe,
  leads: z.int(),
  meta_leads: z.int(),
  cost_per_lead: maybe,
  opportunities: z.int(),
  sales: z.int(),
  revenue: maybe,
  roi_percentage: maybe,
  roas: maybe,
  missing_rate: missingRate,
});
const ruleReply = z.object({
  id: z.uuid(),
  name: z.string(),
  trigger_type: z.string(),
  trigger_conditions: z.record(z.string(), z.unknown()),
  action_type: z.string(),
  action_config: z.record(z.string(), z.unknown()),
  is_active: z.boolean(),
  created_at: z.iso.datetime(),
});
export const marketingReplies = {
  '/crm/marketing/stats': z.object({
    tenant_id: z.int(),
    period,
    previous_period: period,
    as_of: z.iso.datetime().nullable(),
    accounts: z.array(accountReply),
    totals: z.array(totalReply),
    campaigns: z.array(campaignReply),
    unattributed: z.object({ leads: z.int(), sales: z.int(), revenue: maybe }),
  }),
  '/crm/marketing/campaigns': z.array(campaignReply),
  '/crm/marketing/campaigns/{id}/insights': z.array(
    z.object({
      date: day,
      spend: decimal,
      impressions: z.int(),
      clicks: z.int(),
      leads: z.int(),
      currency: z.string(),
    }),
  ),
  '/crm/marketing/token-status': z.object({
    tenant_id: z.int(),
    connected: z.boolean(),
    status: z.string(),
    reason: z.string().nullable(),
    needs_attention: z.boolean(),
    expires_at: z.iso.datetime().nullable(),
    data_access_expires_at: z.iso.datetime().nullable(),
    ends_at: z.iso.datetime().nullable(),
    days_left: z.int().nullable(),
    business: z.object({ id: z.string(), name: z.string().nullable() }).nullable(),
    scopes: z.array(z.string()),
    missing_scopes: z.array(z.string()),
    last_call_at: z.iso.datetime().nullable(),
  }),
  '/crm/marketing/templates': z.array(
    z.object({
      id: z.uuid(),
      meta_template_id: z.string(),
      name: z.string(),
      category: z.string(),
      language: z.string(),
      status: z.string().nullable(),
      components: z.array(z.record(z.string(), z.unknown())),
    }),
  ),
  '/crm/marketing/automation-rules': z.array(ruleReply),
  '/admin/config/deployment': z.object({
    webhook_ycloud_url: z.url(),
    webhook_meta_url: z.url(),
    orchestrator_url: z.url(),
    environment: z.string(),
  }),
};
const status = z.object({ status: z.string().max(40).optional() });
const campaignId = [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }];
const reads = (path: keyof typeof marketingReplies, summary: string, parameters: object[] = []): object =>
  operation(summary, { parameters, responses: { 200: replyOf('As of the last sync', marketingReplies[path]) } });

/** The mission's addresses that answer JSON. Where a page stands at the same address, `Accept: application/json` asks for this. */
export const marketingPaths = (ruleBody: z.ZodType) => ({
  '/crm/marketing/stats': {
    get: reads('/crm/marketing/stats', 'Figures of a window of whole days', queryOf(statsQuery)),
  },
  '/crm/marketing/campaigns': {
    get: reads('/crm/marketing/campaigns', 'Campaigns with their figures', queryOf(statsQuery.extend(status.shape))),
  },
  '/crm/marketing/campaigns/{id}/insights': {
    get: reads('/crm/marketing/campaigns/{id}/insights', 'A campaign’s days, newest first', campaignId),
  },
  '/crm/marketing/token-status': { get: reads('/crm/marketing/token-status', 'How the Meta connection stands') },
  '/crm/marketing/templates': {
    get: reads('/crm/marketing/templates', 'WhatsApp templates', queryOf(status)),
    post: operation('Create a template at YCloud; Meta reviews it', {
      requestBody: jsonBody(templateBody),
      responses: { 201: { description: 'Sent for review: what was sent, with its status' } },
    }),
  },
  '/crm/marketing/automation-rules': {
    get: reads('/crm/marketing/automation-rules', 'Automation rules'),
    post: operation('Create a rule, active at once unless it says otherwise', {
      requestBody: jsonBody(ruleBody),
      responses: { 201: replyOf('The rule', ruleReply) },
    }),
  },
  '/admin/config/deployment': { get: reads('/admin/config/deployment', 'The addresses to give to Meta and YCloud') },
});

import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import type { NewLeadConditions, SendTemplate } from '../../domain/automation.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

export const newLeadConditions = z.object({
  formIds: z.array(z.string()).optional(),
  campaignIds: z.array(z.string()).optional(),
});
export const sendTemplateConfig = z.object({
  templateName: z.string().regex(/^[a-z0-9_]{1,512}$/),
  language: z.string().regex(/^[a-z]{2,3}(_[A-Z]{2})?$/),
  variables: z
    .array(
      z.union([
        z.enum(['first_name', 'full_name', 'campaign_name']),
        z.object({ text: z.string().trim().min(1).max(1024) }),
      ]),
    )
    .max(20),
});

/** A rule as the API takes it: the mission's columns. */
export const ruleBody = z
  .object({
    name: z.string().trim().min(1).max(200),
    trigger_type: z.literal('new_lead'),
    trigger_conditions: newLeadConditions.default({}),
    action_type: z.literal('send_template'),
    action_config: sendTemplateConfig,
  })
  .transform(({ name, trigger_conditions, action_config }) => ({
    name,
    conditions: trigger_conditions,
    action: action_config,
  }));

const ruleRow = z.object({
  id: z.string(),
  name: z.string(),
  trigger_type: z.literal('new_lead'),
  trigger_conditions: newLeadConditions,
  action_type: z.literal('send_template'),
  action_config: sendTemplateConfig,
  is_active: z.boolean(),
  version: z.number(),
  created_at: z.date(),
});
export type Rule = z.output<typeof ruleRow>;

export interface NewRule {
  name: string;
  conditions: NewLeadConditions;
  action: SendTemplate;
}

const columns = sql.fragment`id, name, trigger_type, trigger_conditions, action_type, action_config, is_active, version, created_at`;

/** Automation rules: what happens when a lead arrives. */
export function createRules({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    activeForNewLead: (tenantId: number): Promise<readonly Rule[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(
          sql.type(
            ruleRow,
          )`SELECT ${columns} FROM automation_rules WHERE tenant_id = ${tenantId} AND trigger_type = 'new_lead' AND is_active ORDER BY created_at LIMIT 100`,
        ),
      ),
    listForTenant: (tenantId: number): Promise<readonly Rule[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(
          sql.type(
            ruleRow,
          )`SELECT ${columns} FROM automation_rules WHERE tenant_id = ${tenantId} ORDER BY created_at LIMIT 500`,
        ),
      ),

    create: (tenantId: number, { name, conditions, action }: NewRule, actor: Actor): Promise<Rule> =>
      inTenant(tenantId, async (tx) => {
        const rule = await tx.one(sql.type(ruleRow)`
          INSERT INTO automation_rules (tenant_id, name, trigger_type, trigger_conditions, action_type, action_config)
          VALUES (${tenantId}, ${name}, 'new_lead', ${sql.jsonb(conditions as never)}, 'send_template', ${sql.jsonb(action as never)})
          RETURNING ${columns}`);
        await audited(tx, {
          tenantId,
          name: 'automation_rule.created',
          actor,
          object: { type: 'automation_rule', id: rule.id },
        });
        return rule;
      }),
  };
}
export type Rules = ReturnType<typeof createRules>;

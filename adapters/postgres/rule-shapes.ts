import { sql } from 'slonik';
import { z } from 'zod';
import {
  type ActionConfig,
  audiences,
  isPossible,
  MOST_STEPS,
  type RuleConditions,
  type RuleStep,
  reminderDates,
  reminderSides,
  stepsOf,
  triggers,
  variableNames,
} from '../../domain/automation.ts';
import { leadStatuses } from '../../domain/lead.ts';

/** The shapes of rules in the table and in the API. */

export const ruleConditions = z.object({
  formIds: z.array(z.string()).optional(),
  campaignIds: z.array(z.string()).optional(),
  toStatuses: z.array(z.string()).optional(),
  afterHours: z.number().positive().max(720).optional(),
  words: z.array(z.string().trim().min(1).max(60)).max(20).optional(),
  remind: z
    .object({ date: z.enum(reminderDates), side: z.enum(reminderSides), hours: z.number().min(0).max(8760) })
    .refine(isPossible, 'nobody is reminded before they arrived')
    .optional(),
});

const MOST_MINUTES = 60 * 24 * 60;
export const sendTemplateConfig = z.object({
  templateName: z.string().regex(/^[a-z0-9_]{1,512}$/),
  language: z.string().regex(/^[a-z]{2,3}(_[A-Z]{2})?$/),
  variables: z.array(z.union([z.enum(variableNames), z.object({ text: z.string().trim().min(1).max(1024) })])).max(20),
});
const waitMinutes = z.number().int().min(0).max(MOST_MINUTES);
const messageStep = sendTemplateConfig.extend({ waitMinutes });
const statusStep = z.object({ waitMinutes, setStatus: z.enum(leadStatuses) });
const notifyStep = z.object({ waitMinutes, notify: z.enum(audiences) });
const sequenceOf = <T extends z.ZodType>(step: T) => z.object({ steps: z.array(step).min(1).max(MOST_STEPS) });
const oneTemplate = sendTemplateConfig.extend({ waitMinutes: waitMinutes.optional() });
export const actionConfig: z.ZodType<ActionConfig> = z.union([
  sequenceOf(z.union([messageStep, statusStep, notifyStep])),
  oneTemplate,
]);

// What a program writes: a condition or a wait with a slip in its name would go unheeded, and people would be messaged.
const idList = z
  .array(z.string().regex(/^\d{1,40}$/))
  .min(1)
  .max(100);
const writtenConditions = ruleConditions
  .extend({
    formIds: idList.optional(),
    campaignIds: idList.optional(),
    toStatuses: z.array(z.enum(leadStatuses)).optional(),
  })
  .strict();
const writtenAction: z.ZodType<ActionConfig> = z.union([
  sequenceOf(z.union([messageStep.strict(), statusStep.strict(), notifyStep.strict()])).strict(),
  oneTemplate.strict(),
]);

export interface NewRule {
  name: string;
  trigger: (typeof triggers)[number];
  conditions: RuleConditions;
  steps: readonly RuleStep[];
  /** Its own messages a day; null for no cap of its own. */
  dailyCap: number | null;
  /** False begins paused. */
  isActive?: boolean;
}

/** A rule as the API takes it: the mission's columns. */
export const ruleBody: z.ZodType<NewRule> = z
  .object({
    name: z.string().trim().min(1).max(200),
    trigger_type: z.enum(triggers),
    trigger_conditions: writtenConditions.default({}),
    action_type: z.enum(['send_template', 'sequence']),
    action_config: writtenAction,
    is_active: z.boolean().default(true),
  })
  .strict()
  .refine(
    (rule) => (rule.action_type === 'sequence') === 'steps' in rule.action_config,
    'action_type and action_config differ',
  )
  .refine((rule) => lacksNothing(rule.trigger_type, rule.trigger_conditions), 'the trigger lacks its condition')
  .transform(({ name, trigger_type, trigger_conditions, action_config, is_active }) => ({
    name,
    trigger: trigger_type,
    conditions: trigger_conditions,
    steps: stepsOf(action_config),
    dailyCap: null,
    isActive: is_active,
  }));

/** A status, a time or a word without which its trigger means nothing. */
function lacksNothing(trigger: NewRule['trigger'], conditions: RuleConditions): boolean {
  if (trigger === 'status_change') return (conditions.toStatuses ?? []).length > 0;
  if (trigger === 'no_reply') return conditions.afterHours !== undefined;
  if (trigger === 'reminder') return conditions.remind !== undefined;
  return trigger !== 'keyword' || (conditions.words ?? []).length > 0;
}

export const ruleRow = z.object({
  id: z.string(),
  name: z.string(),
  trigger_type: z.enum(triggers),
  trigger_conditions: ruleConditions,
  action_type: z.enum(['send_template', 'sequence']),
  action_config: actionConfig,
  is_active: z.boolean(),
  stopped_reason: z.string().nullable(),
  daily_cap: z.number().nullable(),
  version: z.number(),
  created_at: z.date(),
  updated_at: z.date(),
});
export type Rule = z.output<typeof ruleRow>;

export const ruleColumns = sql.fragment`u.id, u.name, u.trigger_type, u.trigger_conditions, u.action_type, u.action_config, u.is_active, u.stopped_reason, u.daily_cap,
  u.version, u.created_at, u.updated_at`;

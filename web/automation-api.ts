import type { Request, Response } from 'express';
import { z } from 'zod';
import type { NewRule, Rule, Rules } from '../adapters/postgres/rules.ts';
import { wantsJson } from './errors.ts';
import { bodyOf, queryOf } from './request-problems.ts';
import { callerOf, type Route } from './route.ts';
import { createFromForm as createRuleFromForm, type RuleDeps, showRules } from './rules.ts';
import { createFromForm as createTemplateFromForm, showTemplates, type TemplatePageDeps } from './templates.ts';

export interface AutomationApiDeps extends RuleDeps, TemplatePageDeps {
  rules: Rules;
  /** Checks a rule's shape; the stores keep the schema beside the column. */
  ruleBody: z.ZodType<NewRule>;
}

/** Rules and templates as JSON: bare arrays and objects; who asks for HTML first gets the pages. */
export const automationApiRoutes = (deps: AutomationApiDeps): Route[] => [
  {
    method: 'get',
    path: '/crm/marketing/automation-rules',
    access: 'tenant',
    accessName: 'get_automation_rules',
    limited: true,
    handler: (req, res) => (wantsJson(req) ? listRules(req, res, deps) : showRules(req, res, deps)),
  },
  {
    method: 'post',
    path: '/crm/marketing/automation-rules',
    access: 'tenant',
    body: 'form',
    accessName: 'create_automation_rule',
    limited: true,
    handler: (req, res) => (req.is('urlencoded') ? createRuleFromForm(req, res, deps) : createRule(req, res, deps)),
  },
  {
    method: 'get',
    path: '/crm/marketing/templates',
    access: 'tenant',
    accessName: 'get_hsm_templates',
    limited: true,
    handler: (req, res) => (wantsJson(req) ? listTemplates(req, res, deps) : showTemplates(req, res, deps)),
  },
  {
    method: 'post',
    path: '/crm/marketing/templates',
    access: 'tenant',
    body: 'form',
    accessName: 'create_hsm_template',
    limited: true,
    handler: (req, res) =>
      req.is('urlencoded') ? createTemplateFromForm(req, res, deps) : createTemplate(req, res, deps),
  },
];

async function listRules(req: Request, res: Response, { rules }: AutomationApiDeps): Promise<void> {
  res.json((await rules.listForTenant(callerOf(req).tenantId)).map(ruleJson));
}

async function createRule(req: Request, res: Response, { rules, ruleBody }: AutomationApiDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  res.status(201).json(ruleJson(await rules.create(tenantId, bodyOf(req, ruleBody), actor)));
}

const templatesQuery = z.object({ status: z.string().max(40).optional() });

async function listTemplates(req: Request, res: Response, { templates }: AutomationApiDeps): Promise<void> {
  const { status: wanted } = queryOf(req, templatesQuery);
  const rows = await templates.listForTenant(callerOf(req).tenantId, wanted?.toUpperCase());
  res.json(
    rows.map(({ id, meta_template_id, name, category, language, status: state, components }) => ({
      id,
      meta_template_id,
      name,
      category,
      language,
      status: state,
      components,
    })),
  );
}

export const templateBody = z.object({
  name: z.string().regex(/^[a-z0-9_]{1,512}$/),
  language: z.string().regex(/^[a-z]{2,3}(_[A-Z]{2})?$/),
  category: z.enum(['MARKETING', 'UTILITY', 'AUTHENTICATION']),
  components: z.array(z.record(z.string(), z.unknown())).min(1).max(10),
});

/** Programs send the definition as Meta takes it. */
async function createTemplate(req: Request, res: Response, deps: AutomationApiDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const template = bodyOf(req, templateBody);
  await deps.createTemplate(tenantId, template, actor);
  res.status(201).json({ ...template, status: 'PENDING' });
}

const ruleJson = ({
  id,
  name,
  trigger_type,
  trigger_conditions,
  action_type,
  action_config,
  is_active,
  created_at,
}: Rule) => ({
  id,
  name,
  trigger_type,
  trigger_conditions,
  action_type,
  action_config,
  is_active,
  created_at: created_at.toISOString(),
});

import type { Request, Response } from 'express';
import { z } from 'zod';
import type { RuleTrials } from '../adapters/postgres/rule-trials.ts';
import type { Rule, Rules } from '../adapters/postgres/rules.ts';
import { stepsOf } from '../domain/automation.ts';
import { AppError } from '../domain/error.ts';
import { agesWith, resumptionOf } from './held-form.ts';
import { translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import { frameOf, renderFragment, renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';
import { type EditorState, editorProps } from './rule-editor.ts';
import { draftOf, stepCount, valuesOf } from './rule-form.ts';
import { sentenceOf } from './rule-sentence.ts';

export interface RuleDeps {
  rules: Rules;
  ruleTrials: RuleTrials;
  /** Lets runs look again. Never throws: their own timers do it too. */
  wake: (workflowIds: readonly string[]) => Promise<void>;
}

const PAGE = '/crm/marketing/automation-rules';

/** The pages of automation rules. The list and "create" share their addresses with the JSON API, in web/automation-api.ts. */
export const ruleRoutes = (deps: RuleDeps): Route[] => {
  const write = (path: string, handler: (req: Request, res: Response, deps: RuleDeps) => Promise<void>): Route => ({
    method: 'post',
    path: PAGE + path,
    access: 'person',
    body: 'form',
    handler: (req, res) => handler(req, res, deps),
  });
  return [
    { method: 'get', path: `${PAGE}/new`, access: 'person', handler: (req, res) => showNew(req, res, deps) },
    write('/draft', (req, res) => draft(req, res, deps, null)),
    write('/sentence', sentence),
    {
      method: 'get',
      path: `${PAGE}/:id`,
      access: 'person',
      accessName: 'get_automation_rule',
      handler: (req, res) => showRule(req, res, deps),
    },
    write('/:id', edit),
    write('/:id/draft', async (req, res) =>
      draft(req, res, deps, (await deps.rules.byId(callerOf(req).tenantId, ruleIdOf(req))).rule),
    ),
    write('/:id/pause', async (req, res) => {
      const { tenantId, actor } = callerOf(req);
      await deps.rules.pause(tenantId, ruleIdOf(req), actor);
      res.redirect(303, `${PAGE}/${ruleIdOf(req)}`);
    }),
    write('/:id/activation', activate),
  ];
};

/** The list as a page. */
export async function showRules(req: Request, res: Response, { rules, ruleTrials }: RuleDeps): Promise<void> {
  frameOf(req); // a page is a person's; programs take JSON
  const { tenantId } = callerOf(req);
  const t = translator(req);
  const [all, options] = [await rules.overview(tenantId), await ruleTrials.options(tenantId)];
  renderPage(req, res, 'rules/index', {
    title: t('rules:title'),
    section: 'rules',
    rows: all.map((rule) => ({ ...rule, sentence: sentenceOf(plain(rule), options, t) })),
  });
}

const plain = (rule: Rule) => ({
  trigger: rule.trigger_type,
  conditions: rule.trigger_conditions,
  steps: stepsOf(rule.action_config),
  dailyCap: rule.daily_cap,
});

/** "Create", from the page's form. */
export async function createFromForm(req: Request, res: Response, deps: RuleDeps): Promise<void> {
  frameOf(req); // a form is a person's; programs send JSON
  const { tenantId, actor } = callerOf(req);
  const values = fields(req);
  const { templates } = await deps.ruleTrials.options(tenantId);
  const { rule, errors } = draftOf(values, templates);
  if (!rule) return showEditor(req, res, deps, { values, errors }, null);
  const made = await deps.rules.create(tenantId, rule, actor);
  res.redirect(303, `${PAGE}/${made.id}`);
}

const showNew = (req: Request, res: Response, deps: RuleDeps): Promise<void> =>
  showEditor(
    req,
    res,
    deps,
    { values: { trigger: 'new_lead', steps: '1', s0_wait: '0', s0_unit: 'm' }, errors: {} },
    null,
  );

async function showRule(req: Request, res: Response, deps: RuleDeps): Promise<void> {
  const { rule } = await deps.rules.byId(callerOf(req).tenantId, ruleIdOf(req));
  await showEditor(req, res, deps, { values: valuesOf(rule), errors: {} }, rule);
}

async function edit(req: Request, res: Response, deps: RuleDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const values = fields(req);
  const { rule: stored } = await deps.rules.byId(tenantId, ruleIdOf(req));
  const { templates } = await deps.ruleTrials.options(tenantId);
  const { rule, errors } = draftOf(values, templates);
  if (!rule) return showEditor(req, res, deps, { values, errors }, stored);
  const running = values['running'] === 'stop' ? 'stop' : 'finish';
  try {
    const which = { ruleId: stored.id, version: Number(values['version']), running } as const;
    await deps.rules.edit(tenantId, which, rule, actor);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'conflict')) throw error;
    return showEditor(req, res, deps, { values, errors: { version: 'version' } }, stored);
  }
  res.redirect(303, `${PAGE}/${stored.id}`);
}

/** Nothing is saved: another step, one less, or the form with its preview and dry run. */
async function draft(req: Request, res: Response, deps: RuleDeps, rule: Rule | null): Promise<void> {
  const given = fields(req);
  const by = given['do'] === 'add' ? 1 : given['do'] === 'remove' ? -1 : 0;
  const values = { ...given, steps: String(stepCount({ steps: String(stepCount(given) + by) })) };
  const { templates } = await deps.ruleTrials.options(callerOf(req).tenantId);
  const isTry = by === 0;
  const errors = isTry ? draftOf(values, templates).errors : {};
  await showEditor(req, res, deps, { values, errors, isTry, status: 200 }, rule);
}

async function sentence(req: Request, res: Response, { ruleTrials }: RuleDeps): Promise<void> {
  const options = await ruleTrials.options(callerOf(req).tenantId);
  const { said } = await editorProps({ options, state: { values: fields(req), errors: {} }, t: translator(req) });
  renderFragment(req, res, 'rules/_sentence', { said });
}

async function activate(req: Request, res: Response, deps: RuleDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const resumption = resumptionOf(fields(req));
  if (resumption === null) {
    const { rule } = await deps.rules.byId(tenantId, ruleIdOf(req));
    return showEditor(req, res, deps, { values: valuesOf(rule), errors: { held: 'held' } }, rule);
  }
  const { workflowIds } = await deps.rules.activate(tenantId, ruleIdOf(req), actor, resumption);
  void deps.wake(workflowIds);
  res.redirect(303, `${PAGE}/${ruleIdOf(req)}`);
}

async function showEditor(
  req: Request,
  res: Response,
  deps: RuleDeps,
  state: EditorState,
  rule: Rule | null,
): Promise<void> {
  const { tenantId } = callerOf(req);
  const t = translator(req);
  const options = await deps.ruleTrials.options(tenantId);
  const held = rule === null || rule.is_active ? null : (await deps.rules.byId(tenantId, rule.id)).held;
  const trial = state.isTry ? { ruleTrials: deps.ruleTrials, tenantId } : {};
  const props = {
    title: rule?.name ?? t('rules:new'),
    section: 'rules',
    rule,
    action: rule === null ? PAGE : `${PAGE}/${rule.id}`,
    draftAction: rule === null ? `${PAGE}/draft` : `${PAGE}/${rule.id}/draft`,
    held: held === null ? null : { ...held, ages: agesWith(held.counts) },
    heldValues: { hours: '2', ...(state.errors['held'] ? fields(req) : {}) },
    ...(await editorProps({ options, state, t, ...trial })),
  };
  renderPage(req, res, 'rules/editor', props, {
    status: state.status ?? (Object.keys(state.errors).length > 0 ? 422 : 200),
  });
}

function ruleIdOf(req: Request): string {
  const id = z.uuid().safeParse(req.params['id']);
  if (!id.success) throw new AppError('not_found', 'no such rule');
  return id.data;
}

import type { Request, Response } from 'express';
import { z } from 'zod';
import type { FormMappings, ReadPerson } from '../adapters/postgres/form-mappings.ts';
import type { Actor } from '../domain/actor.ts';
import { AppError } from '../domain/error.ts';
import { inWords, type MappingTarget, mappingTargets, targetsOf } from '../domain/form-mapping.ts';
import { type Answer, personOf } from '../domain/lead.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import { renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface FormMappingDeps {
  formMappings: FormMappings;
  normalizePhone: (typed: string, country: string) => string | null;
  live: LiveUpdates;
  /** Whose touches they are may turn out anew. */
  invalidateFigures: (tenantId: number) => Promise<void>;
}

type Form = Awaited<ReturnType<FormMappings['byId']>>;

/** What each form's questions mean, tried on its last lead. */
export const formMappingRoutes = (deps: FormMappingDeps): Route[] => [
  {
    method: 'get',
    path: '/crm/forms',
    access: 'person',
    accessName: 'list_forms',
    handler: (req, res) => list(req, res, deps),
  },
  {
    method: 'get',
    path: '/crm/forms/:formId',
    access: 'person',
    accessName: 'get_form_mapping',
    handler: async (req, res) => {
      const form = await formOf(req, deps);
      show(req, res, deps, form, targetsOf(form));
    },
  },
  {
    method: 'post',
    path: '/crm/forms/:formId/preview',
    access: 'person',
    body: 'form',
    handler: (req, res) => preview(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/forms/:formId/mapping',
    access: 'person',
    body: 'form',
    handler: (req, res) => save(req, res, deps),
  },
];

async function list(req: Request, res: Response, { formMappings }: FormMappingDeps): Promise<void> {
  const forms = await formMappings.list(callerOf(req).tenantId);
  renderPage(req, res, 'forms/index', {
    title: translator(req)('forms:title'),
    section: 'forms',
    forms: forms.map((form) => {
      const targets = form.questions.map(({ key }) => targetsOf(form)(key));
      return {
        ...form,
        known: targets.filter((target) => target !== 'answer').length,
        hasPhone: targets.includes('phone'),
      };
    }),
  });
}

/** The form in this tenant; the page's own id in the address is bounded before it is looked up. */
function formOf(req: Request, { formMappings }: FormMappingDeps): Promise<Form> {
  const formId = z
    .string()
    .regex(/^\d{1,40}$/)
    .safeParse(req.params['formId']);
  if (!formId.success) throw new AppError('not_found', 'no such form');
  return formMappings.byId(callerOf(req).tenantId, formId.data);
}

function show(
  req: Request,
  res: Response,
  deps: FormMappingDeps,
  form: Form,
  targetOf: (key: string) => MappingTarget,
  errors: ReadonlySet<string> = new Set(),
): void {
  const submission = form.last_submission;
  const said = new Map(
    inWords(submission ?? [], form.questions).map(({ values }, i) => [submission?.[i]?.name, values]),
  );
  const person = submission === null ? null : readWith(deps, form.country, targetOf)(submission);
  renderPage(
    req,
    res,
    'forms/mapping',
    {
      title: form.name || form.form_id,
      section: 'forms',
      form,
      targets: mappingTargets,
      questions: form.questions.map(({ key, label }) => ({
        key,
        label: label || key,
        target: targetOf(key),
        said: said.get(key)?.join(', ') ?? '',
        isWrong: errors.has(key),
      })),
      person: person && { ...person, answers: inWords(person.answers, form.questions) },
      hasPhone: form.questions.some(({ key }) => targetOf(key) === 'phone'),
    },
    { status: errors.size > 0 ? 422 : 200 },
  );
}

/** Reads a submission as the intake does. */
const readWith =
  ({ normalizePhone }: FormMappingDeps, country: string, targetOf: (key: string) => MappingTarget) =>
  (submission: readonly Answer[]): ReadPerson => {
    const { fullName, email, phone, answers } = personOf(submission, targetOf);
    return { fullName, email, phone: phone === null ? null : normalizePhone(phone, country), answers };
  };

/** What was picked for each question of the form; one that was not sent keeps its meaning. */
function picked(req: Request, form: Form): { targets: Map<string, MappingTarget>; errors: Set<string> } {
  const values = fields(req);
  const before = targetsOf(form);
  const targets = new Map<string, MappingTarget>();
  const errors = new Set<string>();
  for (const { key } of form.questions) {
    const target = z.enum(mappingTargets).safeParse(values[`target:${key}`] ?? before(key));
    if (target.success) targets.set(key, target.data);
    else errors.add(key);
  }
  return { targets, errors };
}

async function preview(req: Request, res: Response, deps: FormMappingDeps): Promise<void> {
  const form = await formOf(req, deps);
  const { targets, errors } = picked(req, form);
  show(req, res, deps, form, (key) => targets.get(key) ?? 'answer', errors);
}

async function save(req: Request, res: Response, deps: FormMappingDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const form = await formOf(req, deps);
  const { targets, errors } = picked(req, form);
  if (errors.size > 0) return show(req, res, deps, form, (key) => targets.get(key) ?? 'answer', errors);
  await deps.formMappings.save(tenantId, form.form_id, targets, actor);
  if (fields(req)['apply'] === 'on') await applyTo(deps, tenantId, form, targets, actor);
  res.redirect(303, `/crm/forms/${form.form_id}`);
}

async function applyTo(
  deps: FormMappingDeps,
  tenantId: number,
  form: Form,
  targets: ReadonlyMap<string, MappingTarget>,
  actor: Actor,
): Promise<void> {
  const read = readWith(deps, form.country, (key) => targets.get(key) ?? 'answer');
  if ((await deps.formMappings.apply(tenantId, form.form_id, read, actor)) === 0) return;
  await deps.invalidateFigures(tenantId);
  deps.live.publish(tenantId, 'leads');
}

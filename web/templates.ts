import type { Request, Response } from 'express';
import type { Templates } from '../adapters/postgres/templates.ts';
import type { Actor } from '../domain/actor.ts';
import { AppError } from '../domain/error.ts';
import { partsOf } from '../domain/template.ts';
import {
  componentsOf,
  draftCategories,
  draftErrors,
  LIMITS,
  samplesWanted,
  type TemplateDraft,
} from '../domain/template-draft.ts';
import { translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import { frameOf, renderFragment, renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface TemplatePageDeps {
  templates: Pick<Templates, 'listForTenant' | 'overview'>;
  /** Reads the templates from YCloud again. */
  copyTemplates: (tenantId: number) => Promise<void>;
  /** Sends one to review. Throws `conflict` when it exists, `misconfigured`, `invalid`, `unauthorized`, `rate_limited`, `unavailable`. */
  createTemplate: (
    tenantId: number,
    template: { name: string; language: string; category: string; components: Record<string, unknown>[] },
    actor: Actor,
  ) => Promise<void>;
}

const PAGE = '/crm/marketing/templates';
const languages = ['es', 'es_AR', 'es_MX', 'es_ES', 'en', 'en_US', 'pt_BR'] as const;

/** The pages of templates. The list and "create" share their addresses with the JSON API, in web/automation-api.ts. */
export const templateRoutes = (deps: TemplatePageDeps): Route[] => [
  { method: 'get', path: `${PAGE}/new`, access: 'person', handler: (req, res) => showForm(req, res, {}) },
  {
    method: 'post',
    path: `${PAGE}/draft`,
    access: 'person',
    body: 'form',
    handler: (req, res) => showForm(req, res, {}, 200),
  },
  {
    method: 'post',
    path: `${PAGE}/preview`,
    access: 'person',
    body: 'form',
    handler: (req, res) =>
      renderFragment(req, res, 'templates/_preview', previewOf(draftOf(fields(req)), frameOf(req).tenantName)),
  },
  {
    method: 'post',
    path: `${PAGE}/refreshes`,
    access: 'person',
    body: 'form',
    handler: async (req, res) => {
      await deps.copyTemplates(callerOf(req).tenantId);
      res.redirect(303, PAGE);
    },
  },
];

/** The list as a page. */
export async function showTemplates(req: Request, res: Response, { templates }: TemplatePageDeps): Promise<void> {
  frameOf(req);
  const overview = await templates.overview(callerOf(req).tenantId);
  renderPage(req, res, 'templates/index', {
    title: translator(req)('templates:title'),
    section: 'templates',
    rows: overview.templates.map((row) => ({ ...row, body: partsOf(row.components).body })),
    sends: overview.sends,
    syncedAt: overview.templates.reduce<Date | null>(
      (last, { synced_at: at }) => (last === null || at > last ? at : last),
      null,
    ),
  });
}

/** "Send to review", from the page's form. */
export async function createFromForm(req: Request, res: Response, deps: TemplatePageDeps): Promise<void> {
  frameOf(req); // a form is a person's
  const { tenantId, actor } = callerOf(req);
  const draft = draftOf(fields(req));
  const errors = draftErrors(draft);
  if (Object.keys(errors).length > 0) return showForm(req, res, errors);
  const { name, language, category } = draft;
  try {
    await deps.createTemplate(tenantId, { name, language, category, components: componentsOf(draft) }, actor);
  } catch (error) {
    const refused = refusalOf(error);
    if (refused === null) throw error;
    return showForm(req, res, refused);
  }
  res.redirect(303, PAGE);
}

/** What YCloud or Meta said no to, at its field or at the whole form. */
function refusalOf(error: unknown): Record<string, string> | null {
  if (!(error instanceof AppError)) return null;
  if (error.code === 'conflict') return { name: 'exists' };
  const known = ['misconfigured', 'invalid', 'unauthorized', 'rate_limited', 'unavailable'];
  return known.includes(error.code) ? { whole: error.code } : null;
}

function draftOf(values: Record<string, string>): TemplateDraft {
  const value = (name: string) => (values[name] ?? '').replace(/\r\n/g, '\n');
  const trimmed = (name: string) => value(name).trim();
  const pair = (text: string, rest: string) => trimmed(text) !== '' || trimmed(rest) !== '';
  return {
    name: trimmed('name'),
    language: trimmed('language'),
    category: trimmed('category') as TemplateDraft['category'],
    header: trimmed('header'),
    body: value('body').trim(),
    samples: Array.from({ length: samplesWanted(value('body')) }, (_, i) => trimmed(`sample${i + 1}`)),
    footer: trimmed('footer'),
    quickReplies: Array.from({ length: LIMITS.quickReplies }, (_, i) => trimmed(`quick${i + 1}`)),
    link: pair('linkText', 'linkUrl') ? { text: trimmed('linkText'), url: trimmed('linkUrl') } : null,
    phone: pair('phoneText', 'phoneNumber') ? { text: trimmed('phoneText'), number: trimmed('phoneNumber') } : null,
  };
}

/** The message as a phone shows it, cut at its variables: those are highlighted, filled with their samples. */
function previewOf(draft: TemplateDraft, tenantName: string) {
  const pieces = draft.body.split(/(\{\{\d+\}\})/).map((words) => {
    const n = Number(/^\{\{(\d+)\}\}$/.exec(words)?.[1] ?? Number.NaN);
    return Number.isNaN(n) ? { words, isVariable: false } : { words: draft.samples[n - 1] || words, isVariable: true };
  });
  const parts = partsOf(componentsOf(draft));
  return { tenantName, header: draft.header, pieces, footer: draft.footer, buttons: parts.buttons };
}

async function showForm(req: Request, res: Response, errors: Record<string, string>, status?: number): Promise<void> {
  const values = fields(req);
  const draft = draftOf(values);
  const props = {
    title: translator(req)('templates:new'),
    section: 'templates',
    values: { language: 'es', category: 'MARKETING', ...values },
    errors,
    languages,
    categories: draftCategories,
    limits: LIMITS,
    bodyLength: draft.body.length,
    samples: draft.samples.map((sample, i) => ({ n: i + 1, name: `sample${i + 1}`, sample })),
    quick: Array.from({ length: LIMITS.quickReplies }, (_, i) => `quick${i + 1}`),
    preview: previewOf(draft, frameOf(req).tenantName),
  };
  renderPage(req, res, 'templates/new', props, { status: status ?? (Object.keys(errors).length > 0 ? 422 : 200) });
}

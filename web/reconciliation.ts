import type { Request, Response } from 'express';
import type { LeadForms } from '../adapters/postgres/lead-forms.ts';
import type { LeadReconciliations } from '../adapters/temporal/lead-reconciliation.ts';
import { missingOf } from '../domain/lead-reconciliation.ts';
import { translator } from './i18n.ts';
import { renderFragment, renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface ReconciliationDeps {
  leadForms: Pick<LeadForms, 'overview'>;
  reconciliations: LeadReconciliations;
}

/** Meta's count of each form's leads beside ours: the proof that none is lost. */
export const reconciliationRoutes = (deps: ReconciliationDeps): Route[] => [
  {
    method: 'get',
    path: '/crm/reconciliation',
    access: 'person',
    accessName: 'compare_leads',
    handler: (req, res) => show(req, res, deps, false),
  },
  {
    method: 'get',
    path: '/crm/reconciliation/forms',
    access: 'person',
    handler: (req, res) => show(req, res, deps, true),
  },
  {
    method: 'post',
    path: '/crm/reconciliation-runs',
    access: 'person',
    body: 'form',
    handler: async (req, res) => {
      await deps.reconciliations.start(callerOf(req).tenantId);
      res.redirect(303, '/crm/reconciliation');
    },
  },
];

async function show(
  req: Request,
  res: Response,
  { leadForms }: ReconciliationDeps,
  isFragment: boolean,
): Promise<void> {
  const { pages, forms } = await leadForms.overview(callerOf(req).tenantId);
  const lines = forms.map((form) => ({
    formId: form.form_id,
    pageId: form.page_id,
    name: form.name || form.form_id,
    isActive: form.status === 'ACTIVE',
    meta: form.leads_count,
    here: form.here,
    missing: missingCount(form),
    unreachable: Math.max(0, form.unreachable_count),
    recovered: form.recovered,
    countedAt: form.counted_at,
  }));
  const props = {
    title: translator(req)('reconciliation:title'),
    section: 'reconciliation',
    pages: pages.map((page) => ({
      pageId: page.page_id,
      name: page.name,
      reconciledAt: page.reconciled_at,
      error: page.reconcile_error,
      forms: lines.filter(({ pageId }) => pageId === page.page_id),
    })),
    total: {
      meta: sum(lines.map(({ meta }) => meta)),
      here: sum(lines.map(({ here }) => here)),
      missing: sum(lines.map(({ missing }) => missing)),
      unreachable: sum(lines.map(({ unreachable }) => unreachable)),
    },
  };
  if (isFragment) return renderFragment(req, res, 'reconciliation/_forms', props);
  renderPage(req, res, 'reconciliation/page', props);
}

/** Leads that came since Meta was last asked make ours the larger number: then nothing is missing. */
const missingCount = (form: { leads_count: number; here: number; unreachable_count: number }): number =>
  Math.max(
    0,
    missingOf({ leadsCount: form.leads_count, here: form.here, unreachable: Math.max(0, form.unreachable_count) }),
  );

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

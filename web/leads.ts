import type { Request, Response } from 'express';
import { z } from 'zod';
import type { ErasureRequests } from '../adapters/postgres/erasure-requests.ts';
import type { LeadDossiers } from '../adapters/postgres/lead-dossiers.ts';
import type { LeadPages } from '../adapters/postgres/lead-pages.ts';
import type { Replies } from '../adapters/postgres/replies.ts';
import type { Sales } from '../adapters/postgres/sales.ts';
import type { ChangeRow } from '../adapters/postgres/system-events.ts';
import type { Users } from '../adapters/postgres/users.ts';
import type { Actor } from '../domain/actor.ts';
import { dayIn } from '../domain/days.ts';
import { AppError } from '../domain/error.ts';
import { inWords } from '../domain/form-mapping.ts';
import { LEADS_A_PAGE, type LeadStatus, leadStatuses } from '../domain/lead.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { localeOf, translator } from './i18n.ts';
import { fields, opportunityOf, saleOf } from './lead-forms.ts';
import { identityOf } from './lead-identity.ts';
import { timelineOf } from './lead-timeline.ts';
import { frameOf, renderFragment, renderPage } from './render.ts';
import { replyBox } from './replies.ts';
import { callerOf, type Route } from './route.ts';
import type { Searches } from './searches.ts';

export interface LeadDeps {
  leadPages: LeadPages;
  replies: Replies;
  searches: Searches;
  leadDossiers: Pick<LeadDossiers, 'byLead'>;
  erasureRequests: Pick<ErasureRequests, 'extentOf'>;
  users: Pick<Users, 'listForTenant'>;
  sales: Sales;
  changesOf: (tenantId: number, leadId: string) => Promise<readonly ChangeRow[]>;
  /** Moves the lead and leaves an audit row. */
  changeStatus: (tenantId: number, leadId: string, status: LeadStatus, actor: Actor) => Promise<void>;
  live: LiveUpdates;
  /** Figures change with an opportunity or a sale. */
  invalidateFigures: (tenantId: number) => Promise<void>;
}

const listQuery = z.object({
  status: z.enum(leadStatuses).optional(),
  seller: z.union([z.uuid(), z.literal('none')]).optional(),
  page: z.coerce.number().int().min(1).max(10_000).default(1),
});

export const leadRoutes = (deps: LeadDeps): Route[] => [
  {
    method: 'get',
    path: '/crm/leads',
    access: 'person',
    accessName: 'list_leads',
    handler: (req, res) => list(req, res, deps, false),
  },
  { method: 'get', path: '/crm/leads/list', access: 'person', handler: (req, res) => list(req, res, deps, true) },
  {
    method: 'get',
    path: '/crm/leads/:id',
    access: 'person',
    accessName: 'get_lead',
    handler: (req, res) => showLead(req, res, deps),
  },
  { method: 'get', path: '/crm/leads/:id/thread', access: 'person', handler: (req, res) => thread(req, res, deps) },
  {
    method: 'post',
    path: '/crm/leads/:id/status',
    access: 'person',
    body: 'form',
    handler: (req, res) => changeStatus(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/leads/:id/opportunities',
    access: 'person',
    body: 'form',
    handler: (req, res) => openOpportunity(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/leads/:id/sales',
    access: 'person',
    body: 'form',
    handler: (req, res) => recordSale(req, res, deps),
  },
];

async function list(
  req: Request,
  res: Response,
  { leadPages, users, searches }: LeadDeps,
  isFragment: boolean,
): Promise<void> {
  const { status: wanted, seller: whose, search: sealed, ...query } = req.query;
  const parsed = listQuery.safeParse({ ...query, status: wanted || undefined, seller: whose || undefined });
  if (!parsed.success) throw new AppError('invalid', 'bad search');
  const search = { ...parsed.data, q: searches.wordsOf(req) };
  const { tenantId } = callerOf(req);
  const { rows, counts } = await leadPages.list(tenantId, { ...search, status: search.status, seller: search.seller });
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const total = search.status === undefined ? all : (counts.get(search.status) ?? 0);
  const address = (given: { status?: string | undefined; page?: number }) => {
    const status = 'status' in given ? given.status : search.status;
    const query = new URLSearchParams({
      ...(search.q ? { search: String(sealed) } : {}),
      ...(status ? { status } : {}),
      ...(search.seller ? { seller: search.seller } : {}),
      ...(given.page ? { page: String(given.page) } : {}),
    });
    return `/crm/leads${query.size > 0 ? `?${query}` : ''}`;
  };
  if (rows.length === 0 && total > 0) {
    const last = address({ page: Math.ceil(total / LEADS_A_PAGE) });
    return res.redirect(303, isFragment ? last.replace('/crm/leads', '/crm/leads/list') : last);
  }
  const props = {
    title: translator(req)('leads:title'),
    section: 'leads',
    search,
    rows,
    all,
    chips: [
      { status: '', count: all, href: address({ status: undefined }) },
      ...leadStatuses.map((status) => ({ status, count: counts.get(status) ?? 0, href: address({ status }) })),
    ],
    from: total === 0 ? 0 : (search.page - 1) * LEADS_A_PAGE + 1,
    to: (search.page - 1) * LEADS_A_PAGE + rows.length,
    total,
    previous: search.page > 1 ? address({ page: search.page - 1 }) : undefined,
    following: search.page * LEADS_A_PAGE < total ? address({ page: search.page + 1 }) : undefined,
  };
  if (isFragment) return renderFragment(req, res, 'leads/_list', props);
  renderPage(req, res, 'leads/index', { ...props, sellers: await users.listForTenant(tenantId) });
}

interface FormState {
  erasure?: { error: 'unconfirmed' | 'leaving' };
  reply?: { text: string; error: string };
  opportunity?: { values: Record<string, string>; errors: Record<string, string> };
  sale?: { values: Record<string, string>; errors: Record<string, string> };
}

/** The lead's page; a refused form comes back with what was typed. */
export async function showLead(req: Request, res: Response, deps: LeadDeps, forms: FormState = {}): Promise<void> {
  const { tenantId } = callerOf(req);
  const frame = frameOf(req);
  const whole = await deps.leadPages.byId(tenantId, leadIdOf(req));
  if (whole.lead.merged_into !== null) return res.redirect(303, `/crm/leads/${whole.lead.merged_into}#identidad`);
  const changes = await deps.changesOf(tenantId, whole.lead.id);
  const sellers = await deps.users.listForTenant(tenantId);
  const dossier = await deps.leadDossiers.byLead(tenantId, whole.lead.id);
  const isInvalid = Object.keys(forms).length > 0;
  const props = {
    title: whole.lead.full_name ?? translator(req)('leads:noName'),
    section: 'leads',
    ...whole,
    answers: inWords(whole.lead.answers, dossier.form?.questions ?? []),
    consents: dossier.consents,
    ...identityOf(dossier),
    sellers,
    timeline: timelineOf(whole, changes, sellers),
    reply: await replyBox(deps, tenantId, whole.lead.id, forms.reply),
    erasure: await erasureOf(req, deps, whole.lead, forms.erasure),
    statuses: leadStatuses,
    currencies: [...new Set([frame.currency, 'USD', 'EUR', 'ARS', 'MXN', 'COP', 'CLP', 'BRL'])],
    today: dayIn(frame.timeZone, new Date()),
    opportunityForm: forms.opportunity ?? { values: { currency: frame.currency }, errors: {} },
    saleForm: forms.sale ?? {
      values: { currency: frame.currency, sold_on: dayIn(frame.timeZone, new Date()) },
      errors: {},
    },
  };
  renderPage(req, res, 'leads/lead', props, { status: isInvalid ? 422 : 200 });
}

/** The question before a person is erased; null where nobody asks, or there is nobody any more. */
async function erasureOf(
  req: Request,
  { erasureRequests }: Pick<LeadDeps, 'erasureRequests'>,
  lead: { id: string; erased_at: Date | null },
  refused: FormState['erasure'],
) {
  if (lead.erased_at !== null || (req.query['erase'] === undefined && refused === undefined)) return null;
  return { extent: await erasureRequests.extentOf(callerOf(req).tenantId, lead.id), error: refused?.error ?? null };
}

async function thread(req: Request, res: Response, { leadPages }: LeadDeps): Promise<void> {
  const { messages, lead } = await leadPages.byId(callerOf(req).tenantId, leadIdOf(req));
  renderFragment(req, res, 'leads/_thread', { messages, lead });
}

async function changeStatus(req: Request, res: Response, deps: LeadDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const status = z.enum(leadStatuses).safeParse(fields(req)['status']);
  if (!status.success) throw new AppError('invalid', 'no such status');
  await deps.changeStatus(tenantId, leadIdOf(req), status.data, actor);
  deps.live.publish(tenantId, 'leads');
  res.redirect(303, `/crm/leads/${leadIdOf(req)}`);
}

async function openOpportunity(req: Request, res: Response, deps: LeadDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const values = fields(req);
  const { opportunity, errors } = opportunityOf(values, localeOf(req), translator(req));
  if (!opportunity) return showLead(req, res, deps, { opportunity: { values, errors } });
  await deps.sales.openOpportunity(tenantId, leadIdOf(req), opportunity, actor);
  await changed(deps, tenantId);
  res.redirect(303, `/crm/leads/${leadIdOf(req)}#venta`);
}

async function recordSale(req: Request, res: Response, deps: LeadDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const values = fields(req);
  const today = dayIn(frameOf(req).timeZone, new Date());
  const { sale, errors } = saleOf(values, localeOf(req), today, translator(req));
  if (!sale) return showLead(req, res, deps, { sale: { values, errors } });
  await deps.sales.recordSale(tenantId, leadIdOf(req), sale, actor);
  await changed(deps, tenantId);
  res.redirect(303, `/crm/leads/${leadIdOf(req)}#venta`);
}

async function changed({ live, invalidateFigures }: LeadDeps, tenantId: number): Promise<void> {
  await invalidateFigures(tenantId);
  live.publish(tenantId, 'leads');
}

export function leadIdOf(req: Request): string {
  const id = z.uuid().safeParse(req.params['id']);
  if (!id.success) throw new AppError('not_found', 'no such lead');
  return id.data;
}

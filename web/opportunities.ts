import type { Request, Response } from 'express';
import { z } from 'zod';
import type { LeadPages } from '../adapters/postgres/lead-pages.ts';
import type { Opportunities, OpportunityRow } from '../adapters/postgres/opportunities.ts';
import type { Sales } from '../adapters/postgres/sales.ts';
import type { Users } from '../adapters/postgres/users.ts';
import { AppError } from '../domain/error.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { doneAt } from './flash.ts';
import { type Locale, localeOf, translator } from './i18n.ts';
import { fields, opportunityOf } from './lead-forms.ts';
import { frameOf, renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';
import type { Searches } from './searches.ts';

export interface OpportunityDeps {
  opportunities: Opportunities;
  sales: Pick<Sales, 'openOpportunity'>;
  users: Pick<Users, 'listForTenant'>;
  leadPages: Pick<LeadPages, 'list'>;
  invalidateFigures: (tenantId: number) => Promise<void>;
  live: LiveUpdates;
  searches: Searches;
}

const PATH = '/crm/opportunities';
const OPPORTUNITIES_A_PAGE = 25;
const LEADS_TO_CHOOSE = 5;
const stages = ['open', 'won', 'lost'] as const;
const blank = z.literal('').transform(() => undefined);
const listQuery = z.object({
  stage: z.union([blank, z.enum(stages)]).optional(),
  seller: z.union([blank, z.uuid()]).optional(),
  page: z.coerce.number().int().min(1).max(10_000).default(1),
});

/** What is being negotiated: list, create from a lead, change stage, amount and seller. */
export const opportunityRoutes = (deps: OpportunityDeps): Route[] => [
  {
    method: 'get',
    path: PATH,
    access: 'person',
    accessName: 'list_opportunities',
    handler: (req, res) => show(req, res, deps),
  },
  { method: 'post', path: PATH, access: 'person', body: 'form', handler: (req, res) => open(req, res, deps) },
  {
    method: 'post',
    path: `${PATH}/:id`,
    access: 'person',
    body: 'form',
    handler: (req, res) => change(req, res, deps),
  },
];

interface Form {
  id?: string;
  values: Record<string, string>;
  errors: Record<string, string>;
}

async function show(req: Request, res: Response, deps: OpportunityDeps, refused?: Form): Promise<void> {
  const { tenantId, userId } = callerOf(req);
  const parsed = listQuery.safeParse(refused ? {} : { ...req.query });
  if (!parsed.success) throw new AppError('invalid', 'bad filter');
  const { stage, seller, page } = parsed.data;
  const [list, people, form] = await Promise.all([
    deps.opportunities.list(tenantId, { stage, sellerId: seller, page }),
    deps.users.listForTenant(tenantId),
    refused ?? askedForm(req, deps),
  ]);
  const all = [...list.counts.values()].reduce((sum, count) => sum + count, 0);
  const total = stage === undefined ? all : (list.counts.get(stage) ?? 0);
  const address = addressFor(parsed.data);
  const { currency } = frameOf(req);
  const props = {
    title: translator(req)('opportunities:title'),
    section: 'opportunities',
    ...list,
    search: parsed.data,
    people,
    chips: [undefined, ...stages].map((each) => ({
      stage: each ?? '',
      count: each === undefined ? all : (list.counts.get(each) ?? 0),
      href: address({ stage: each, page: undefined }),
    })),
    form: form && { ...form, values: { currency, seller_id: userId ?? '', ...form.values } },
    chosen: form?.id === undefined ? null : await deps.opportunities.maybeById(tenantId, form.id),
    leads: form && form.id === undefined ? await leadsToChoose(req, deps, form.values) : [],
    q: deps.searches.wordsOf(req),
    currencies: [...new Set([currency, 'USD', 'EUR', 'ARS', 'MXN', 'COP', 'CLP', 'BRL'])],
    from: total === 0 ? 0 : (page - 1) * OPPORTUNITIES_A_PAGE + 1,
    to: (page - 1) * OPPORTUNITIES_A_PAGE + list.rows.length,
    total,
    previous: page > 1 ? address({ page: page - 1 }) : undefined,
    following: page * OPPORTUNITIES_A_PAGE < total ? address({ page: page + 1 }) : undefined,
  };
  renderPage(req, res, 'opportunities/page', props, { status: refused ? 422 : 200 });
}

const addressFor = (search: z.output<typeof listQuery>) => (given: object) => {
  const all = Object.entries({ ...search, page: undefined, ...given }).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(all.map(([name, value]) => [name, String(value)] as [string, string]));
  return query.size === 0 ? PATH : `${PATH}?${query}`;
};

async function askedForm(req: Request, { opportunities }: OpportunityDeps): Promise<Form | undefined> {
  if (req.query['add'] !== undefined) return { values: {}, errors: {} };
  const id = z.uuid().safeParse(req.query['change']);
  const chosen = id.success ? await opportunities.maybeById(callerOf(req).tenantId, id.data) : null;
  return chosen ? { id: chosen.id, values: valuesOf(chosen, localeOf(req)), errors: {} } : undefined;
}

const valuesOf = (
  { name, value, currency, seller_id: seller, stage, expected_local }: OpportunityRow,
  locale: Locale,
) => ({
  name,
  value: locale === 'es' ? value.replace('.', ',') : value,
  currency,
  seller_id: seller ?? '',
  expected_at: expected_local ?? '',
  stage,
});

/** The newest, or those that a search finds; one that was chosen stays. */
async function leadsToChoose(req: Request, { leadPages, searches }: OpportunityDeps, values: Record<string, string>) {
  const q = searches.wordsOf(req);
  const { rows } = await leadPages.list(callerOf(req).tenantId, { q, status: undefined, page: 1 });
  const chosen = rows.filter(({ id }) => id === values['lead_id']);
  return [...new Set([...chosen, ...rows])].slice(0, LEADS_TO_CHOOSE);
}

async function open(req: Request, res: Response, deps: OpportunityDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const values = fields(req);
  const t = translator(req);
  const { opportunity, errors } = opportunityOf(values, localeOf(req), t);
  const leadId = z.uuid().safeParse(values['lead_id']);
  const seller = await sellerOf(req, deps, values);
  const all = { ...errors, ...(leadId.success ? {} : { lead_id: t('opportunities:errors.lead') }), ...seller.errors };
  if (!opportunity || !leadId.success || seller.errors) return show(req, res, deps, { values, errors: all });
  await deps.sales.openOpportunity(tenantId, leadId.data, { ...opportunity, sellerId: seller.id }, actor);
  await changed(deps, tenantId);
  doneAt(res, PATH, 'opportunityOpened');
}

async function change(req: Request, res: Response, deps: OpportunityDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const id = z.uuid().safeParse(req.params['id']);
  if (!id.success) throw new AppError('not_found', 'no such opportunity');
  const values = fields(req);
  const { opportunity, errors } = opportunityOf(values, localeOf(req), translator(req));
  const seller = await sellerOf(req, deps, values);
  const stage = z.enum(['open', 'lost']).catch('open').parse(values['stage']);
  if (!opportunity || seller.errors)
    return show(req, res, deps, { id: id.data, values, errors: { ...errors, ...seller.errors } });
  await deps.opportunities.change(tenantId, id.data, { ...opportunity, sellerId: seller.id, stage }, actor);
  await changed(deps, tenantId);
  doneAt(res, PATH, 'opportunityChanged');
}

async function sellerOf(
  req: Request,
  { users }: OpportunityDeps,
  values: Record<string, string>,
): Promise<{ id: string | null; errors?: Record<string, string> }> {
  const id = values['seller_id'] ?? '';
  if (id === '') return { id: null };
  const people = await users.listForTenant(callerOf(req).tenantId);
  if (people.some((person) => person.id === id)) return { id };
  return { id: null, errors: { seller_id: translator(req)('opportunities:errors.seller') } };
}

async function changed({ live, invalidateFigures }: OpportunityDeps, tenantId: number): Promise<void> {
  await invalidateFigures(tenantId);
  live.publish(tenantId, 'leads');
}

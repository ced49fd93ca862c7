import type { Request, Response } from 'express';
import { z } from 'zod';
import type { InboxPages } from '../adapters/postgres/inbox-pages.ts';
import { compareBodies } from '../domain/body-comparison.ts';
import { AppError } from '../domain/error.ts';
import { INBOX_ROWS_A_PAGE, inboxStates } from '../domain/inbox.ts';
import { translator } from './i18n.ts';
import { renderFragment, renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface InboxDeps {
  inboxPages: InboxPages;
  /** Tells the dispatcher that there is work. */
  nudge: () => void;
}

const listQuery = z.object({
  state: z.enum(inboxStates).optional(),
  page: z.coerce.number().int().min(1).max(10_000).default(1),
});

/** What came in and is not simply done: what waits, what was given up, what contradicts itself. */
export const inboxRoutes = (deps: InboxDeps): Route[] => [
  {
    method: 'get',
    path: '/crm/inbox',
    access: 'person',
    accessName: 'list_inbox',
    handler: (req, res) => list(req, res, deps, false),
  },
  { method: 'get', path: '/crm/inbox/rows', access: 'person', handler: (req, res) => list(req, res, deps, true) },
  {
    method: 'get',
    path: '/crm/inbox/:id',
    access: 'person',
    accessName: 'get_inbox_event',
    handler: (req, res) => show(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/inbox/retries',
    access: 'person',
    body: 'form',
    handler: (req, res) => retry(req, res, deps, 'all'),
  },
  {
    method: 'post',
    path: '/crm/inbox/:id/retries',
    access: 'person',
    body: 'form',
    handler: (req, res) => retry(req, res, deps, idOf(req)),
  },
  {
    method: 'post',
    path: '/crm/inbox/:id/dismissal',
    access: 'person',
    body: 'form',
    handler: (req, res) => dismiss(req, res, deps),
  },
];

async function list(req: Request, res: Response, { inboxPages }: InboxDeps, isFragment: boolean): Promise<void> {
  const query = listQuery.safeParse(req.query);
  if (!query.success) throw new AppError('invalid', 'no such state');
  const { tenantId } = callerOf(req);
  const counts = new Map((await inboxPages.counts(tenantId)).map((row) => [row.state, row]));
  const state = query.data.state ?? inboxStates.find((each) => (counts.get(each)?.rows ?? 0) > 0) ?? 'parked';
  const { page } = query.data;
  const rows = await inboxPages.list(tenantId, state, page);
  const address = (of: string, at = 1) => `/crm/inbox?state=${of}${at > 1 ? `&page=${at}` : ''}`;
  const props = {
    title: translator(req)('inbox:title'),
    section: 'inbox',
    state,
    oldest: counts.get(state)?.oldest ?? null,
    chips: inboxStates.map((each) => ({ state: each, count: counts.get(each)?.rows ?? 0, href: address(each) })),
    rows: rows.slice(0, INBOX_ROWS_A_PAGE).map((row) => ({ ...row, what: kindIn(req, row.kind) })),
    reload: `/crm/inbox/rows?state=${state}&page=${page}`,
    previous: page > 1 ? address(state, page - 1) : undefined,
    following: rows.length > INBOX_ROWS_A_PAGE ? address(state, page + 1) : undefined,
  };
  if (isFragment) return renderFragment(req, res, 'inbox/_rows', props);
  renderPage(req, res, 'inbox/page', props);
}

async function show(req: Request, res: Response, { inboxPages }: InboxDeps): Promise<void> {
  const event = await inboxPages.byId(callerOf(req).tenantId, idOf(req));
  const { payload, first_payload, ...row } = event;
  renderPage(req, res, 'inbox/event', {
    title: translator(req)('inbox:event.title'),
    section: 'inbox',
    row: { ...row, what: kindIn(req, row.kind) },
    isConflict: first_payload !== null,
    fields: first_payload === null ? compareBodies(payload, null) : compareBodies(first_payload, payload),
  });
}

async function retry(req: Request, res: Response, { inboxPages, nudge }: InboxDeps, id: number | 'all'): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  if ((await inboxPages.retry(tenantId, id, actor)) > 0) nudge();
  res.redirect(303, '/crm/inbox?state=pending');
}

async function dismiss(req: Request, res: Response, { inboxPages }: InboxDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  await inboxPages.dismiss(tenantId, idOf(req), actor);
  res.redirect(303, '/crm/inbox?state=conflict');
}

const knownKinds: ReadonlySet<string> = new Set([
  'leadgen',
  'status',
  'inbound',
  'unsubscribe',
  'resubscribe',
  'preference',
  'template',
]);

/** What a row is, in words; a kind that the sender made up stands as it came. */
const kindIn = (req: Request, kind: string): string =>
  knownKinds.has(kind) ? translator(req)(`inbox:kind.${kind}`) : kind;

function idOf(req: Request): number {
  const id = z.coerce.number().int().positive().safe().safeParse(req.params['id']);
  if (!id.success) throw new AppError('not_found', 'no such inbox row');
  return id.data;
}

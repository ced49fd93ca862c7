import type { Request, Response } from 'express';
import { z } from 'zod';
import type { AuditEvent, AuditTrail } from '../adapters/postgres/audit-trail.ts';
import type { Users } from '../adapters/postgres/users.ts';
import { AppError } from '../domain/error.ts';
import { csvOf } from './csv.ts';
import { type Translate, translator } from './i18n.ts';
import { renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface AuditDeps {
  auditTrail: AuditTrail;
  users: Pick<Users, 'listForTenant'>;
}

const EVENTS_A_PAGE = 50;
/** What a person looks for, and the first parts of the names that belong to it. */
const topics = {
  connection: ['connection', 'page', 'ad_account', 'sync', 'backfill', 'archive'],
  credentials: ['credential', 'api_key'],
  people: ['user', 'session', 'tenant', 'sending'],
  leads: ['lead', 'opportunity', 'sale', 'consent', 'form', 'leads'],
  whatsapp: [
    'automation_rule',
    'automation_run',
    'message',
    'template',
    'templates',
    'suppression',
    'whatsapp_sender',
    'conversation',
  ],
} as const;

const blank = z.literal('').transform(() => undefined);
const auditQuery = z.object({
  kind: z.enum(['change', 'access']).default('change'),
  who: z.union([blank, z.uuid(), z.literal('programs')]).optional(),
  topic: z.union([blank, z.enum(['connection', 'credentials', 'people', 'leads', 'whatsapp'])]).optional(),
  from: z.union([blank, z.iso.date()]).optional(),
  until: z.union([blank, z.iso.date()]).optional(),
  before: z.coerce.number().int().positive().optional(),
});

/** Every change and every call, with who and from where. */
export const auditRoutes = (deps: AuditDeps): Route[] => [
  {
    method: 'get',
    path: '/crm/audit',
    access: 'person',
    accessName: 'read_audit_trail',
    handler: (req, res) => show(req, res, deps),
  },
  {
    method: 'get',
    path: '/crm/audit.csv',
    access: 'person',
    accessName: 'download_audit_trail',
    handler: (req, res) => download(req, res, deps),
  },
];

async function show(req: Request, res: Response, { auditTrail, users }: AuditDeps): Promise<void> {
  const { tenantId } = callerOf(req);
  const asked = queryOf(req);
  const { topic, ...search } = asked;
  const [found, people] = await Promise.all([
    auditTrail.page(tenantId, { ...search, nouns: topic && topics[topic] }),
    users.listForTenant(tenantId),
  ]);
  const t = translator(req);
  const events = found.slice(0, EVENTS_A_PAGE);
  const address = (given: object, path = '/crm/audit') => {
    const all = Object.entries({ ...asked, before: undefined, ...given });
    const query = new URLSearchParams(
      all.filter(([, value]) => value).map(([name, value]) => [name, String(value)] as [string, string]),
    );
    return `${path}?${query}`;
  };
  renderPage(req, res, 'audit/page', {
    title: t('audit:title'),
    section: 'audit',
    search: asked,
    csv: address({}, '/crm/audit.csv'),
    isFiltered:
      topic !== undefined || search.who !== undefined || search.from !== undefined || search.until !== undefined,
    topics: Object.keys(topics),
    people,
    events: events.map((event) => wordsOf(event, t)),
    kinds: (['change', 'access'] as const).map((kind) => ({ kind, href: address({ kind }) })),
    newest: search.before === undefined ? undefined : address({}),
    older: found.length > events.length ? address({ before: events.at(-1)?.id }) : undefined,
  });
}

function queryOf(req: Request): z.output<typeof auditQuery> {
  const parsed = auditQuery.safeParse({ ...req.query });
  if (!parsed.success) throw new AppError('invalid', 'bad filter');
  return parsed.data;
}

/** The page's rows as they are kept: ids, never a lead's name. */
async function download(req: Request, res: Response, { auditTrail }: AuditDeps): Promise<void> {
  const { topic, before: _before, ...search } = queryOf(req);
  const events = await auditTrail.newest(callerOf(req).tenantId, { ...search, nouns: topic && topics[topic] });
  res.attachment('audit.csv').type('text/csv');
  res.send(
    csvOf(
      ['at', 'event', 'actor_type', 'actor', 'object_type', 'object_id', 'status', 'address', 'details'],
      events.map((event) => [
        event.created_at.toISOString(),
        event.name,
        event.actor_type,
        event.actor_name ?? event.actor_id ?? '',
        event.object_type ?? '',
        event.object_id ?? '',
        String(event.status ?? ''),
        event.address ?? '',
        JSON.stringify(event.details),
      ]),
    ),
  );
}

function wordsOf(event: AuditEvent, t: Translate) {
  const { name, actor_type: type, actor_id: id } = event;
  return {
    ...event,
    what: t(`audit:${event.kind === 'change' ? 'event' : 'access'}.${name.replace('.', '_')}`, { defaultValue: name }),
    who: event.actor_name ?? t(`audit:actor.${type}`, { defaultValue: type, id: id ?? '' }),
    lead: event.object_type === 'lead' ? event.object_id : null,
    facts: Object.entries(event.details)
      .filter(([, value]) => value !== null && !isUuid(value))
      .map(([key, value]) => ({ key: t(`audit:detail.${key}`, { defaultValue: key }), value: valueIn(value, t) })),
  };
}

/** Ids of rows say nothing to a reader; the row they stand for is linked. */
const isUuid = (value: unknown): boolean => z.uuid().safeParse(value).success;

const valueIn = (value: unknown, t: Translate): string =>
  [value]
    .flat()
    .map((each) => (typeof each === 'string' ? t(`audit:value.${each}`, { defaultValue: each }) : String(each)))
    .join(', ');

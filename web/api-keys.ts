import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { ApiKeys } from '../adapters/postgres/api-keys.ts';
import { AppError } from '../domain/error.ts';
import { doneAt } from './flash.ts';
import { translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import { renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';
import { randomSecret, sha256 } from './secrets.ts';

export interface ApiKeyDeps {
  apiKeys: ApiKeys;
}

const PATH = '/crm/settings/api-keys';

/** Keys for other programs: created, shown once, revoked. */
export const apiKeyRoutes = (deps: ApiKeyDeps): Route[] => [
  {
    method: 'get',
    path: PATH,
    access: 'person',
    accessName: 'list_api_keys',
    handler: (req, res) => show(req, res, deps),
  },
  { method: 'post', path: PATH, access: 'person', body: 'form', handler: (req, res) => add(req, res, deps) },
  {
    method: 'post',
    path: `${PATH}/:id/revocation`,
    access: 'person',
    body: 'form',
    handler: (req, res) => revoke(req, res, deps),
  },
];

interface Shown {
  form?: { values: Record<string, string>; errors: Record<string, string> };
  /** In the clear, in the one answer that made it. */
  key?: { name: string; text: string };
}

async function show(req: Request, res: Response, { apiKeys }: ApiKeyDeps, { form, key }: Shown = {}): Promise<void> {
  const keys = await apiKeys.listForTenant(callerOf(req).tenantId);
  const props = {
    title: translator(req)('settings:keys.title'),
    section: 'settings',
    tab: 'api-keys',
    keys,
    key: key ?? null,
    form: form ?? (req.query['add'] === undefined ? null : { values: { id: randomUUID(), kind: 'api' }, errors: {} }),
    leaving: keys.find(({ id, revoked_at: revokedAt }) => id === req.query['revoke'] && revokedAt === null),
  };
  renderPage(req, res, 'settings/api-keys', props, { status: form ? 422 : 200 });
}

const keyForm = z.object({
  id: z.uuid().catch(() => randomUUID()),
  kind: z.enum(['api', 'admin']).catch('api'),
  name: z.string().trim().min(1).max(100),
});

async function add(req: Request, res: Response, deps: ApiKeyDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const values = fields(req);
  const form = keyForm.safeParse(values);
  if (!form.success)
    return show(req, res, deps, { form: { values, errors: { name: translator(req)('settings:keys.errors.name') } } });
  const text = `hub_${form.data.kind}_${randomSecret()}`;
  const isNew = await deps.apiKeys.add(
    tenantId,
    { ...form.data, keyHash: sha256(text), lastFour: text.slice(-4) },
    actor,
  );
  if (!isNew) return res.redirect(303, PATH);
  await show(req, res, deps, { key: { name: form.data.name, text } });
}

async function revoke(req: Request, res: Response, { apiKeys }: ApiKeyDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const id = z.uuid().safeParse(req.params['id']);
  if (!id.success) throw new AppError('not_found', 'no such key');
  await apiKeys.revoke(tenantId, id.data, actor);
  doneAt(res, PATH, 'keyRevoked');
}

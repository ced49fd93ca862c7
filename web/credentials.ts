import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Connections } from '../adapters/postgres/connections.ts';
import type { VaultEntries, VaultEntry } from '../adapters/postgres/vault-entries.ts';
import type { Config } from '../config.ts';
import { isLive } from '../domain/connection.ts';
import { type CredentialTest, credentialKinds, isAcceptable, type NewCredential } from '../domain/credential.ts';
import { AppError } from '../domain/error.ts';
import { doneAt } from './flash.ts';
import { type Translate, translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import { renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';
import { webhookAddresses } from './webhook-addresses.ts';

export interface CredentialDeps {
  config: Pick<Config, 'PUBLIC_URL'>;
  vaultEntries: VaultEntries;
  connections: Pick<Connections, 'byTenant'>;
  testCredential: CredentialTest;
}

const PATH = '/crm/settings/credentials';

/** The Vault's page: add, replace, test, remove; a secret is never shown again. */
export const credentialRoutes = (deps: CredentialDeps): Route[] => [
  { method: 'get', path: '/crm/settings', access: 'person', handler: (_req, res) => res.redirect(303, PATH) },
  {
    method: 'get',
    path: PATH,
    access: 'person',
    accessName: 'list_credentials',
    handler: (req, res) => show(req, res, deps),
  },
  { method: 'post', path: PATH, access: 'person', body: 'form', handler: (req, res) => save(req, res, deps) },
  {
    method: 'post',
    path: `${PATH}/:id/tests`,
    access: 'person',
    body: 'form',
    handler: (req, res) => test(req, res, deps),
  },
  {
    method: 'post',
    path: `${PATH}/:id/removal`,
    access: 'person',
    body: 'form',
    handler: (req, res) => remove(req, res, deps),
  },
];

interface Dialog {
  kind: 'save' | 'remove';
  id?: string;
  values?: Record<string, string>;
  errors?: Record<string, string>;
}

async function show(req: Request, res: Response, deps: CredentialDeps, refused?: Dialog): Promise<void> {
  const { tenantId } = callerOf(req);
  const [entries, connection] = await Promise.all([
    deps.vaultEntries.listForTenant(tenantId),
    deps.connections.byTenant(tenantId),
  ]);
  const dialog = refused ?? asked(req);
  const chosen = entries.find(({ id, is_global: isGlobal }) => id === dialog?.id && !isGlobal);
  const props = {
    title: translator(req)('settings:credentials.title'),
    section: 'settings',
    tab: 'credentials',
    entries,
    rejected: entries.find(({ test_outcome: outcome }) => outcome === 'rejected'),
    connection: { status: connection.status, isLive: isLive(connection.status), since: connection.connectedAt },
    webhooks: {
      ...webhookAddresses(deps.config.PUBLIC_URL, tenantId),
      chatwoot: `${deps.config.PUBLIC_URL}/webhook/chatwoot/${tenantId}`,
    },
    kinds: credentialKinds,
    dialog: dialog && (dialog.kind === 'save' || chosen) ? { values: valuesOf(chosen), errors: {}, ...dialog } : null,
    chosen,
  };
  renderPage(req, res, 'settings/credentials', props, { status: refused ? 422 : 200 });
}

/** A dialog is a place of its own: `?add` (`&kind=` chooses what) and `?replace=<id>` and `?remove=<id>` open it, with and without script. */
function asked({ query }: Request): Dialog | undefined {
  if (query['add'] !== undefined)
    return { kind: 'save', ...(typeof query['kind'] === 'string' ? { values: { kind: query['kind'] } } : {}) };
  if (typeof query['replace'] === 'string') return { kind: 'save', id: query['replace'] };
  if (typeof query['remove'] === 'string') return { kind: 'remove', id: query['remove'] };
  return undefined;
}

const valuesOf = (entry?: Pick<VaultEntry, 'provider' | 'category' | 'settings'>) =>
  entry === undefined
    ? {}
    : {
        kind: `${entry.provider}.${entry.category}`,
        url: entry.settings.url ?? '',
        account_id: entry.settings.accountId ?? '',
      };

async function save(req: Request, res: Response, deps: CredentialDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const { secret: _, ...typed } = fields(req);
  const t = translator(req);
  const { credential, errors } = credentialOf(fields(req), t);
  if (!credential) return show(req, res, deps, { kind: 'save', values: typed, errors });
  const outcome = await deps.testCredential(credential);
  if (!isAcceptable(outcome)) {
    const rejected = t(`settings:credentials.errors.rejected.${credential.provider}`);
    return show(req, res, deps, { kind: 'save', values: typed, errors: { secret: rejected } });
  }
  await deps.vaultEntries.save(tenantId, credential, outcome, actor);
  doneAt(res, PATH, 'credentialSaved');
}

const secretText = z.string().trim().min(8).max(500).regex(/^\S+$/);
const httpsUrl = z.url({ protocol: /^https$/ }).max(300);

/** The credential that was typed, or what is wrong, in words, by field. */
function credentialOf(
  values: Record<string, string>,
  t: Translate,
): { credential?: NewCredential; errors: Record<string, string> } {
  const kind = credentialKinds.find(({ provider, category }) => `${provider}.${category}` === values['kind']);
  const secret = secretText.safeParse(values['secret']);
  const needsAddress = kind?.provider === 'chatwoot' && kind.category === 'api_key';
  const url = httpsUrl.safeParse(values['url']?.trim());
  const accountId = z
    .string()
    .regex(/^\d{1,12}$/)
    .safeParse(values['account_id']?.trim());
  const errors = {
    ...(kind ? {} : { kind: t('settings:credentials.errors.kind') }),
    ...(secret.success ? {} : { secret: t('settings:credentials.errors.secret') }),
    ...(needsAddress && !url.success ? { url: t('settings:credentials.errors.url') } : {}),
    ...(needsAddress && !accountId.success ? { account_id: t('settings:credentials.errors.accountId') } : {}),
  };
  if (!kind || !secret.success || Object.keys(errors).length > 0) return { errors };
  const settings = needsAddress ? { url: url.data, accountId: accountId.data } : {};
  return { credential: { ...kind, secret: secret.data, settings } as NewCredential, errors };
}

async function test(req: Request, res: Response, { vaultEntries, testCredential }: CredentialDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const opened = await vaultEntries.openForTest(tenantId, idOf(req));
  const outcome = await testCredential(opened as NewCredential);
  if (outcome !== null) await vaultEntries.noteTest(tenantId, idOf(req), outcome, actor);
  doneAt(res, PATH, 'credentialTested');
}

async function remove(req: Request, res: Response, { vaultEntries }: CredentialDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  await vaultEntries.remove(tenantId, idOf(req), actor);
  doneAt(res, PATH, 'credentialRemoved');
}

function idOf(req: Request): string {
  const id = z.uuid().safeParse(req.params['id']);
  if (!id.success) throw new AppError('not_found', 'no such credential');
  return id.data;
}

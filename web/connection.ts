import type { Request, Response } from 'express';
import type { AdAccounts } from '../adapters/postgres/ad-accounts.ts';
import type { ConnectionChecks } from '../adapters/postgres/connection-checks.ts';
import type { Connections } from '../adapters/postgres/connections.ts';
import type { OauthAttempts } from '../adapters/postgres/oauth-attempts.ts';
import type { Pages } from '../adapters/postgres/pages.ts';
import type { createSystemEvents } from '../adapters/postgres/system-events.ts';
import type { ConnectionWorkflows } from '../adapters/temporal/connection.ts';
import type { Config } from '../config.ts';
import { AppError } from '../domain/error.ts';
import { attemptRoutes } from './connection-attempts.ts';
import { bannerProps, checkUpProps, healthProps, tokenStatus, versionProps } from './connection-props.ts';
import { wantsJson } from './errors.ts';
import { translator } from './i18n.ts';
import { renderFragment, renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';
import type { SyncRoutesDeps } from './sync.ts';

export interface ConnectionRoutesDeps {
  config: Pick<Config, 'JWT_SECRET' | 'PUBLIC_URL' | 'META_PKCE' | 'META_GRAPH_VERSION'>;
  connections: Connections;
  attempts: OauthAttempts;
  adAccounts: AdAccounts;
  pages: Pages;
  connectionChecks: Pick<ConnectionChecks, 'last'>;
  systemEvents: Pick<ReturnType<typeof createSystemEvents>, 'changesOf'>;
  workflows: ConnectionWorkflows;
  /** The address of Meta's sign-in dialog (adapters/meta/oauth.ts, bound to the configuration). */
  dialogUrl: (request: {
    state: string;
    scopes: readonly string[];
    codeChallenge?: string;
    rerequest?: boolean;
  }) => string;
  /** Tells the dispatcher that something is due. */
  nudge: () => void;
}

/** Connecting, watching and ending the Meta connection. */
export const connectionRoutes = (deps: ConnectionRoutesDeps): Route[] => [
  ...attemptRoutes(deps),
  { method: 'get', path: '/crm/connection', access: 'person', handler: (req, res) => health(req, res, deps) },
  { method: 'get', path: '/crm/connection/banner', access: 'person', handler: (req, res) => banner(req, res, deps) },
  {
    method: 'get',
    path: '/crm/marketing/token-status',
    access: 'tenant',
    accessName: 'get_token_status',
    limited: true,
    handler: (req, res) => status(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/auth/meta/test',
    access: 'tenant',
    body: 'form',
    accessName: 'test_meta_connection',
    limited: true,
    handler: (req, res) => test(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/connection/checks',
    access: 'person',
    body: 'form',
    handler: (req, res) => examine(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/connection/refresh',
    access: 'person',
    body: 'form',
    handler: (req, res) => refresh(req, res, deps),
  },
  { method: 'get', path: '/crm/connection/disconnect', access: 'person', handler: askDisconnect },
  {
    method: 'post',
    path: '/crm/connection/disconnect',
    access: 'person',
    body: 'form',
    handler: (req, res) => disconnect(req, res, deps),
  },
];

const bannerOf = async ({ connections }: Pick<SyncRoutesDeps, 'connections'>, tenantId: number) =>
  bannerProps(await connections.byTenant(tenantId), new Date());

async function health(req: Request, res: Response, deps: ConnectionRoutesDeps): Promise<void> {
  const { tenantId } = callerOf(req);
  const [connection, accounts, pages, checkUp, events] = await Promise.all([
    deps.connections.byTenant(tenantId),
    deps.adAccounts.listSelected(tenantId),
    deps.pages.listForTenant(tenantId),
    deps.connectionChecks.last(tenantId),
    deps.systemEvents.changesOf(tenantId, { type: 'connection', id: String(tenantId) }, 50),
  ]);
  const now = new Date();
  renderPage(req, res, 'connection/health', {
    title: translator(req)('connection:title'),
    section: 'connection',
    ...bannerProps(connection, now),
    ...healthProps(connection, accounts, pages, now),
    ...checkUpProps(checkUp, connection),
    ...versionProps(connection, deps.config.META_GRAPH_VERSION),
    events,
  });
}

async function banner(req: Request, res: Response, deps: ConnectionRoutesDeps): Promise<void> {
  renderFragment(req, res, 'connection/_banner', await bannerOf(deps, callerOf(req).tenantId));
}

/** JSON for programs, the banner for a page that asks for HTML. */
async function status(req: Request, res: Response, deps: ConnectionRoutesDeps): Promise<void> {
  const { tenantId } = callerOf(req);
  if (!wantsJson(req)) return banner(req, res, deps);
  res.json(tokenStatus(tenantId, await deps.connections.byTenant(tenantId), new Date()));
}

/** Asks Meta itself. A dead token is an answer, not a failure; without a connection `conflict`. */
async function test(req: Request, res: Response, { connections, workflows }: ConnectionRoutesDeps): Promise<void> {
  const { tenantId } = callerOf(req);
  const result = await workflows.test(tenantId).catch(asNotConnected);
  const connection = await connections.byTenant(tenantId);
  if (!wantsJson(req)) return res.redirect(303, '/crm/connection');
  res.json({
    ok: result.isValid && result.missingScopes.length === 0,
    ...tokenStatus(tenantId, connection, new Date()),
  });
}

async function examine(req: Request, res: Response, { workflows }: ConnectionRoutesDeps): Promise<void> {
  await workflows.examine(callerOf(req).tenantId).catch(asNotConnected);
  res.redirect(303, '/crm/connection');
}

async function refresh(req: Request, res: Response, { workflows }: ConnectionRoutesDeps): Promise<void> {
  await workflows.refreshNow(callerOf(req).tenantId);
  res.redirect(303, '/crm/connection');
}

function askDisconnect(req: Request, res: Response): void {
  const title = translator(req)('connection:disconnect.title');
  renderPage(req, res, 'connection/disconnect', { title, section: 'connection' });
}

async function disconnect(req: Request, res: Response, { workflows }: ConnectionRoutesDeps): Promise<void> {
  const { tenantId, userId } = callerOf(req);
  await workflows.disconnect(tenantId, userId);
  res.redirect(303, '/crm/connection');
}

function asNotConnected(error: unknown): never {
  const isGone = error instanceof AppError && (error.code === 'not_found' || error.code === 'reconnect_required');
  throw isGone
    ? new AppError('conflict', 'nothing is connected', { problems: ['no Meta account is connected'] })
    : error;
}

import type { Request, Response } from 'express';
import type { Logger } from '../adapters/log.ts';
import type { DeletionRequests } from '../adapters/postgres/deletion-requests.ts';
import type { MetaUsers } from '../adapters/postgres/meta-users.ts';
import type { Pages } from '../adapters/postgres/pages.ts';
import type { ConnectionWorkflows } from '../adapters/temporal/connection.ts';
import type { Config } from '../config.ts';
import { requestIdOf } from './errors.ts';
import { translator } from './i18n.ts';
import { renderPage } from './render.ts';
import type { Route } from './route.ts';
import { hmac } from './secrets.ts';
import { readSignedRequest, type SignedRequest } from './signatures.ts';

export interface MetaCallbackDeps {
  config: Pick<Config, 'META_APP_SECRET' | 'PUBLIC_URL'>;
  metaUsers: Pick<MetaUsers, 'tenantsLivingOn'>;
  pages: Pick<Pages, 'tenantsOf' | 'markProblem'>;
  deletionRequests: Pick<DeletionRequests, 'note' | 'maybeState'>;
  workflows: Pick<ConnectionWorkflows, 'tokenRejected'>;
  log: Logger;
  /** Tells the dispatcher that something is due. */
  nudge: () => void;
}

/** Subcode of error 190 that calls with the person's token are answered with from now on (reference/meta.md section 6). */
const APP_REMOVED = 458;

/** What Meta calls when a person removes the app or asks for the erasure of their data (reference/meta.md 1.8), and where they see how far that is. */
export const metaCallbackRoutes = (deps: MetaCallbackDeps): Route[] => [
  {
    method: 'post',
    path: '/crm/meta/deauthorize',
    access: 'provider',
    body: 'form',
    handler: (req, res) => deauthorize(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/meta/data-deletion',
    access: 'provider',
    body: 'form',
    handler: (req, res) => requestDeletion(req, res, deps),
  },
  {
    method: 'get',
    path: '/data-deletion/:code',
    access: 'public',
    handler: (req, res) => showDeletion(req, res, deps),
  },
];

/**
 * The person's tokens are dead: each tenant that lives on them needs a person to sign in again. Nothing is stored: while Temporal is down this
 * answers 503, and the next call with the token finds out the same.
 */
async function deauthorize(req: Request, res: Response, deps: MetaCallbackDeps): Promise<void> {
  const request = signedRequestOf(req, res, deps);
  if (request === null) return;
  const { userId, pageId, issuedAt } = request;
  if (userId !== null) {
    const rejection = { subcode: APP_REMOVED, tokenVersion: issuedAt * 1000 + 999 };
    const tenants = await deps.metaUsers.tenantsLivingOn(userId);
    for (const tenantId of tenants) await deps.workflows.tokenRejected(tenantId, rejection);
  } else if (pageId !== null) {
    for (const tenantId of await deps.pages.tenantsOf(pageId))
      await deps.pages.markProblem(tenantId, pageId, 'app_removed');
  }
  res.json({ success: true });
}

/** Stored, then answered; the erasure follows. The same request again gets the same code. */
async function requestDeletion(req: Request, res: Response, deps: MetaCallbackDeps): Promise<void> {
  const request = signedRequestOf(req, res, deps);
  if (request === null) return;
  const { userId, issuedAt } = request;
  if (userId === null) return void res.status(400).type('text').send('the request names no user');
  const { META_APP_SECRET, PUBLIC_URL } = deps.config;
  const code = hmac(META_APP_SECRET, `deletion:${userId}:${issuedAt}`).slice(0, 24);
  await deps.deletionRequests.note(code, userId);
  deps.nudge();
  res.json({ url: `${PUBLIC_URL}/data-deletion/${code}`, confirmation_code: code });
}

async function showDeletion(req: Request, res: Response, { deletionRequests }: MetaCallbackDeps): Promise<void> {
  const code = String(req.params['code']);
  const state = await deletionRequests.maybeState(code);
  const title = translator(req)('deletion:title');
  renderPage(
    req,
    res,
    'legal/deletion',
    { title, code, ...(state ?? { state: 'unknown' }) },
    { status: state ? 200 : 404 },
  );
}

/** What Meta signed, or null after the refusal of what it did not. */
function signedRequestOf(req: Request, res: Response, { config, log }: MetaCallbackDeps): SignedRequest | null {
  const { signed_request: text } = (req.body ?? {}) as { signed_request?: unknown };
  const request = typeof text === 'string' ? readSignedRequest(text, config.META_APP_SECRET) : null;
  if (request === null) {
    log.warn({ requestId: requestIdOf(req), path: req.path }, 'refused: not signed by Meta');
    res.status(401).type('text').send('wrong signature');
  }
  return request;
}

import { createHash, randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { REQUIRED_SCOPES, STATE_LIFE_MS } from '../domain/connection.ts';
import { AppError } from '../domain/error.ts';
import type { ConnectionRoutesDeps } from './connection.ts';
import { wizardProps, wizardStep } from './connection-props.ts';
import { statusOf } from './errors.ts';
import { translator } from './i18n.ts';
import { attemptOf, bindState, newState, ownerOf, type StateOwner, stateHash } from './oauth-state.ts';
import { renderFragment, renderPage } from './render.ts';
import { callerOf, maybeCallerOf, type Route } from './route.ts';
import { equalSecrets, randomSecret } from './secrets.ts';

type Deps = ConnectionRoutesDeps;

/** One sign-in at Meta, from the button to the last step: every step a page and a form. */
export const attemptRoutes = (deps: Deps): Route[] => [
  {
    method: 'post',
    path: '/crm/connection/attempts',
    access: 'person',
    body: 'form',
    handler: (req, res) => connect(req, res, deps),
  },
  {
    method: 'get',
    path: '/crm/auth/meta/url',
    access: 'tenant',
    accessName: 'get_meta_auth_url',
    limited: true,
    handler: async (req, res) => void res.json({ url: await startAttempt(req, res, deps, false) }),
  },
  {
    method: 'get',
    path: '/crm/auth/meta/callback',
    access: 'public',
    accessName: 'meta_auth_callback',
    handler: (req, res) => callback(req, res, deps),
  },
  {
    method: 'get',
    path: '/crm/connection/attempts/:id',
    access: 'person',
    handler: (req, res) => wizard(req, res, deps),
  },
  {
    method: 'get',
    path: '/crm/connection/attempts/:id/progress',
    access: 'person',
    handler: (req, res) => progress(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/connection/attempts/:id/business',
    access: 'person',
    body: 'form',
    handler: (req, res) => chooseBusiness(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/connection/attempts/:id/assets',
    access: 'person',
    body: 'form',
    handler: (req, res) => chooseAssets(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/connection/attempts/:id/confirmation',
    access: 'person',
    body: 'form',
    handler: (req, res) => confirm(req, res, deps),
  },
];

async function connect(req: Request, res: Response, deps: Deps): Promise<void> {
  const isRerequest = (req.body as { rerequest?: unknown } | undefined)?.rerequest === '1';
  res.redirect(303, await startAttempt(req, res, deps, isRerequest));
}

/** A new attempt: its row, its place in the workflow, the cookie that binds it to this browser; gives the dialog's address. */
async function startAttempt(req: Request, res: Response, deps: Deps, rerequest: boolean): Promise<string> {
  const { tenantId, userId, actor } = callerOf(req);
  const attemptId = randomUUID();
  const state = newState(attemptId);
  const codeVerifier = deps.config.META_PKCE ? randomSecret() : null;
  const expiresAt = new Date(Date.now() + STATE_LIFE_MS);
  const attempt = { id: attemptId, userId, stateHash: stateHash(state), codeVerifier, expiresAt };
  await deps.attempts.start(tenantId, attempt, actor);
  await deps.workflows.begin(tenantId, attemptId);
  bindState(res, deps.config, state, { tenantId, userId }, STATE_LIFE_MS);
  return deps.dialogUrl({
    state,
    scopes: REQUIRED_SCOPES,
    rerequest,
    ...(codeVerifier === null ? {} : { codeChallenge: createHash('sha256').update(codeVerifier).digest('base64url') }),
  });
}

const textParam = z.string().max(5000).optional().catch(undefined);
const callbackQuery = z.object({
  state: textParam,
  code: textParam,
  error: textParam,
  error_description: textParam,
  error_message: textParam,
});

/** Takes what Meta's dialog brought back and parks it. Needs the database only: the dispatcher tells the workflow. */
async function callback(req: Request, res: Response, deps: Deps): Promise<void> {
  const query = callbackQuery.parse({ ...req.query });
  const state = query.state ?? '';
  const attemptId = attemptOf(state);
  const owner = ownerOf(req, deps.config, state);
  if (attemptId === null || owner === null || !isSamePerson(req, owner)) return refuseForged(req, res);
  const expected = await deps.attempts.maybeStateHash(owner.tenantId, attemptId);
  if (expected === null || !equalSecrets(expected.toString('hex'), stateHash(state).toString('hex')))
    return refuseForged(req, res);
  const { code } = query;
  const returned = code === undefined || query.error !== undefined ? { error: dialogError(query) } : { code };
  const isTaken = await deps.attempts.park(owner.tenantId, attemptId, returned);
  // A repeat shows the same result; an attempt whose time was up ends, in words.
  if (isTaken) deps.nudge();
  else await endWhenLate(deps, owner.tenantId, attemptId);
  res.redirect(303, `/crm/connection/attempts/${attemptId}`);
}

async function endWhenLate({ attempts }: Deps, tenantId: number, attemptId: string): Promise<void> {
  const { status } = await attempts.byId(tenantId, attemptId);
  if (status === 'started') await attempts.fail(tenantId, attemptId, 'expired');
}

const isSamePerson = (req: Request, owner: StateOwner): boolean => {
  const caller = maybeCallerOf(req);
  if (caller === undefined) return true; // the session ended at Meta; the cookie still proves the browser
  const { tenantId, userId } = caller;
  return tenantId === owner.tenantId && (userId === null || owner.userId === null || userId === owner.userId);
};

function refuseForged(req: Request, res: Response): void {
  const title = translator(req)('connection:forged.what');
  renderPage(req, res, 'connection/forged', { title, section: 'connection' }, { status: 403 });
}

function dialogError(query: z.output<typeof callbackQuery>): string {
  if (query.error === 'access_denied') return 'access_denied';
  const words = `${query.error_message ?? ''} ${query.error_description ?? ''}`;
  if (/redirect/i.test(words)) return 'redirect_invalid';
  return /development mode|not active|not available|not approved/i.test(words) ? 'app_unavailable' : 'dialog_failed';
}

const idParam = z.object({ id: z.uuid() });

/** The attempt's id; a malformed one is simply not found. */
function attemptIdOf(req: Request): string {
  const parsed = idParam.safeParse(req.params);
  if (!parsed.success) throw new AppError('not_found', 'no such attempt');
  return parsed.data.id;
}

async function wizard(req: Request, res: Response, deps: Deps): Promise<void> {
  const attempt = await deps.attempts.byId(callerOf(req).tenantId, attemptIdOf(req));
  if (attempt.status === 'confirmed') return res.redirect(303, '/crm/connection');
  const wanted = typeof req.query['step'] === 'string' ? req.query['step'] : undefined;
  showStep(req, res, wizardProps(attempt, wizardStep(attempt, wanted)));
}

type StepProps = ReturnType<typeof wizardProps> & { problem?: string; problemPage?: string | undefined };

function showStep(req: Request, res: Response, props: StepProps, status = 200): void {
  const title = translator(req)(`connection:step.${props.step}.title`);
  renderPage(req, res, 'connection/wizard', { title, section: 'connection', ...props }, { status });
}

/** The waiting region: asks again until there is something to choose, then leads the whole page there. */
async function progress(req: Request, res: Response, deps: Deps): Promise<void> {
  const attempt = await deps.attempts.byId(callerOf(req).tenantId, attemptIdOf(req));
  const step = wizardStep(attempt, undefined);
  if (step !== 'waiting')
    return void res.set('hx-redirect', `/crm/connection/attempts/${attempt.id}`).status(204).end();
  renderFragment(req, res, 'connection/_waiting', wizardProps(attempt, step));
}

const businessForm = z.object({ business_id: z.string().regex(/^\d*$/) });

function chooseBusiness(req: Request, res: Response, deps: Deps): Promise<void> {
  return takeStep(req, res, deps, 'business', async (tenantId, attemptId) => {
    const form = businessForm.safeParse(req.body);
    if (!form.success) throw refusal('no_business');
    const businessId = form.data.business_id === '' ? null : form.data.business_id;
    await deps.workflows.selectBusiness(tenantId, { attemptId, businessId });
  });
}

const ids = z
  .union([z.string(), z.array(z.string())])
  .default([])
  .transform((value) => [value].flat())
  .pipe(z.array(z.string().regex(/^\d+$/)).max(500));
const assetsForm = z.object({ ad_account_id: ids, page_id: ids });

function chooseAssets(req: Request, res: Response, deps: Deps): Promise<void> {
  return takeStep(req, res, deps, 'assets', async (tenantId, attemptId) => {
    const form = assetsForm.safeParse(req.body);
    if (!form.success) throw refusal('ad_account_unknown');
    const { ad_account_id: adAccountIds, page_id: pageIds } = form.data;
    await deps.workflows.selectAssets(tenantId, { attemptId, adAccountIds, pageIds });
  });
}

async function confirm(req: Request, res: Response, deps: Deps): Promise<void> {
  const { status } = await deps.attempts.byId(callerOf(req).tenantId, attemptIdOf(req));
  if (status === 'confirmed') return res.redirect(303, '/crm/connection'); // pressed twice
  await takeStep(req, res, deps, 'confirm', (tenantId, attemptId) => deps.workflows.confirm(tenantId, attemptId));
}

const refusal = (reason: string) => new AppError('invalid', `refused: ${reason}`, { details: { reason } });

/** One update of the workflow: on success the wizard's next page, else the same step with what was wrong, in words. */
async function takeStep(
  req: Request,
  res: Response,
  { attempts }: Deps,
  step: 'business' | 'assets' | 'confirm',
  update: (tenantId: number, attemptId: string) => Promise<unknown>,
): Promise<void> {
  const { tenantId } = callerOf(req);
  const attemptId = attemptIdOf(req);
  try {
    await update(tenantId, attemptId);
    return res.redirect(303, `/crm/connection/attempts/${attemptId}`);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const attempt = await attempts.byId(tenantId, attemptId);
    const shown = wizardStep(attempt, step);
    const pageId = error.details['assetId'];
    const problemPage = attempt.pages.find((page) => page.pageId === pageId)?.name;
    showStep(
      req,
      res,
      { ...wizardProps(attempt, shown), problem: problemOf(error), problemPage },
      statusOf[error.code],
    );
  }
}

/** The key of the words for a refusal; a workflow that ended meanwhile is a sign-in that is over. */
function problemOf({ code, details }: AppError): string {
  if (code === 'not_found') return 'superseded';
  return typeof details['reason'] === 'string' ? details['reason'] : code;
}

import type { Request, RequestHandler, Response } from 'express';
import type { Tokens } from '../adapters/crypto/jwt.ts';
import type { ApiKeys } from '../adapters/postgres/api-keys.ts';
import type { Frames } from '../adapters/postgres/frames.ts';
import type { Gauges } from '../adapters/postgres/gauges.ts';
import type { Users } from '../adapters/postgres/users.ts';
import type { Config } from '../config.ts';
import type { Actor } from '../domain/actor.ts';
import { AppError } from '../domain/error.ts';
import { shortAddress } from './address.ts';
import { requestIdOf, wantsJson } from './errors.ts';
import { cookieOf, setLocale } from './i18n.ts';
import { setRequestView } from './render.ts';
import { invalid } from './request-problems.ts';
import { type Caller, callerOf, type RouteAccess, setCaller } from './route.ts';
import { equalSecrets, hmac, masked, sha256, unmasked } from './secrets.ts';

export interface AccessDeps {
  config: Pick<Config, 'PUBLIC_URL' | 'JWT_SECRET' | 'ADMIN_TOKEN'>;
  apiKeys: ApiKeys;
  tokens: Tokens;
  frames: Frames;
  gauges: Gauges;
  users: Pick<Users, 'isActive'>;
}

/** `__Host-` needs https, so a plain-http installation has the plain name. */
export const sessionCookieName = (publicUrl: string): string =>
  publicUrl.startsWith('https:') ? '__Host-hub_session' : 'hub_session';
export const csrfToken = (secret: string, sessionToken: string): string => hmac(secret, `csrf:${sessionToken}`);

/** The middleware that lets a request through to a route of this access, with its caller set, or refuses it. */
export function requireAccess(access: RouteAccess, deps: AccessDeps): RequestHandler {
  return async (req, res, next) => {
    if (access === 'provider') return next();
    if (access === 'public') {
      await greet(req, deps);
      if (isWrite(req)) checkOrigin(req, deps.config);
      return next();
    }
    const caller = access === 'person' ? await personOf(req, deps) : await tenantCallerOf(req, deps);
    if (!caller) return refuse(req, res, access);
    if (caller.via === 'session' && isWrite(req)) {
      checkOrigin(req, deps.config);
      checkCsrf(req, deps.config);
    }
    next();
  };
}

/** Public pages may greet a signed-in person; while the database is away they greet nobody. */
async function greet(req: Request, deps: AccessDeps): Promise<void> {
  await personOf(req, deps).catch(() => null);
}

function refuse(req: Request, res: Response, access: RouteAccess): void {
  const isProgram = wantsJson(req) || req.get('authorization') !== undefined || req.get('x-admin-token') !== undefined;
  if (access === 'tenant' && isProgram) throw new AppError('unauthorized', 'no valid credentials');
  if (req.get('hx-request'))
    return void res
      .set('hx-redirect', signInFor(openPage(req)))
      .status(204)
      .end();
  if (isWrite(req)) throw new AppError('unauthorized', 'signed out');
  res.redirect(303, signInFor(req.originalUrl));
}

const signInFor = (next: string): string => `/login?next=${encodeURIComponent(next)}`;

/** The page that a fragment was asked from: a fragment's own address shows no page. */
function openPage(req: Request): string {
  const current = req.get('hx-current-url') ?? '';
  if (!URL.canParse(current)) return '/crm/marketing';
  const { pathname, search } = new URL(current);
  return pathname + search;
}

async function personOf(req: Request, { config, frames }: AccessDeps): Promise<Caller | null> {
  const token = cookieOf(req, sessionCookieName(config.PUBLIC_URL));
  if (!token) return null;
  const session = await frames.maybeOfSession(sha256(token));
  if (!session) return null;
  const { frame, locale, userId } = session;
  if (locale) setLocale(req, locale);
  setRequestView(req, { csrf: masked(csrfToken(config.JWT_SECRET, token)), frame });
  return admit(req, {
    tenantId: frame.tenantId,
    userId,
    via: 'session',
    actor: actorOf(req, 'user', userId),
  });
}

/** X-Admin-Token names its tenant by itself; a Bearer beside it must name the same one. */
async function tenantCallerOf(req: Request, deps: AccessDeps): Promise<Caller | null> {
  const bearer = /^Bearer (.+)$/.exec(req.get('authorization') ?? '')?.[1];
  const adminToken = req.get('x-admin-token');
  const byBearer = bearer === undefined ? undefined : await bearerCaller(req, bearer, deps);
  const byAdmin = adminToken === undefined ? undefined : await adminCaller(req, adminToken, byBearer?.tenantId, deps);
  if (byBearer === null || byAdmin === null) return null;
  if (byBearer && byAdmin && byBearer.tenantId !== byAdmin.tenantId)
    throw new AppError('forbidden', 'the two credentials name different tenants');
  const caller = byBearer ?? byAdmin;
  return caller ? admit(req, caller) : personOf(req, deps);
}

async function bearerCaller(req: Request, bearer: string, deps: AccessDeps): Promise<Caller | null> {
  const { tokens, apiKeys, users } = deps;
  const subject = await tokens.read(bearer);
  // A token outlives the access of the person it was given to.
  if (subject && !(await users.isActive(subject.tenantId, subject.userId))) return null;
  if (subject) return { ...subject, via: 'bearer', actor: actorOf(req, 'user', subject.userId) };
  const key = await apiKeys.maybeByHash(sha256(bearer));
  return key
    ? { tenantId: key.tenant_id, userId: null, via: 'bearer', actor: actorOf(req, 'api_key', key.api_key_id) }
    : null;
}

async function adminCaller(
  req: Request,
  token: string,
  bearerTenant: number | undefined,
  deps: AccessDeps,
): Promise<Caller | null> {
  const key = await deps.apiKeys.maybeByHash(sha256(token));
  if (key?.kind === 'admin')
    return {
      tenantId: key.tenant_id,
      userId: null,
      via: 'admin_key',
      actor: actorOf(req, 'admin_key', key.api_key_id),
    };
  const { ADMIN_TOKEN } = deps.config;
  if (ADMIN_TOKEN === undefined || !equalSecrets(token, ADMIN_TOKEN)) return null;
  const tenantId = await operatorsTenant(req, bearerTenant, deps);
  return { tenantId, userId: null, via: 'operator', actor: actorOf(req, 'operator', null) };
}

async function operatorsTenant(
  req: Request,
  bearerTenant: number | undefined,
  { gauges }: AccessDeps,
): Promise<number> {
  const named = req.get('x-tenant-id');
  const tenants = await gauges.tenants(named === undefined ? 2 : 100_000);
  if (named !== undefined) {
    const tenantId = /^[1-9]\d{0,8}$/.test(named) ? Number(named) : Number.NaN;
    if (!tenants.some((tenant) => tenant.tenant_id === tenantId)) throw invalid(['X-Tenant-Id: names no tenant']);
    return tenantId;
  }
  if (bearerTenant !== undefined) return bearerTenant;
  const [only, another] = tenants;
  if (!only || another) throw invalid(['X-Tenant-Id: is needed, since there is not exactly one tenant']);
  return only.tenant_id;
}

function admit(req: Request, caller: Caller): Caller {
  setCaller(req, caller);
  return caller;
}

function actorOf(req: Request, type: Actor['type'], id: string | null): Actor {
  return { type, id, address: shortAddress(req.ip), requestId: requestIdOf(req) };
}

const isWrite = (req: Request): boolean => !['GET', 'HEAD'].includes(req.method);

/** Writes come from our own pages. Programs outside of browsers name no origin. */
function checkOrigin(req: Request, { PUBLIC_URL }: Pick<Config, 'PUBLIC_URL'>): void {
  const origin = req.get('origin');
  const ours = origin === undefined || origin === new URL(PUBLIC_URL).origin || hostOf(origin) === req.get('host');
  if (!ours || req.get('sec-fetch-site') === 'cross-site')
    throw new AppError('forbidden', 'the request comes from another site');
}

/** Writes by people carry the CSRF token of their session, as a field or a header. @throws {AppError} `forbidden` */
export function checkCsrf(req: Request, { PUBLIC_URL, JWT_SECRET }: Pick<Config, 'PUBLIC_URL' | 'JWT_SECRET'>): void {
  const token = cookieOf(req, sessionCookieName(PUBLIC_URL)) ?? '';
  const given = req.get('x-csrf-token') ?? (req.body as { _csrf?: unknown } | undefined)?._csrf;
  if (typeof given !== 'string' || !equalSecrets(unmasked(given), csrfToken(JWT_SECRET, token)))
    throw new AppError('forbidden', 'the form is out of date');
}

const hostOf = (origin: string): string => (URL.canParse(origin) ? new URL(origin).host : '');

/** Who counts for limits: a person, a key, the operator. */
export const limitKey = (req: Request): string => {
  const { tenantId, userId, actor } = callerOf(req);
  return `${tenantId}:${userId ?? actor.id ?? actor.type}`;
};

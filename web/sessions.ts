import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Sessions } from '../adapters/postgres/sessions.ts';
import type { Users } from '../adapters/postgres/users.ts';
import type { RateLimit } from '../adapters/redis/limits.ts';
import type { Config } from '../config.ts';
import { checkCsrf, sessionCookieName } from './access.ts';
import { shortAddress } from './address.ts';
import { requestIdOf } from './errors.ts';
import { cookieOf, LOCALE_COOKIE, translator } from './i18n.ts';
import { renderPage } from './render.ts';
import { callerOf, maybeCallerOf, type Route } from './route.ts';
import { randomSecret, sha256 } from './secrets.ts';

export interface SessionDeps {
  config: Pick<Config, 'PUBLIC_URL' | 'JWT_SECRET'>;
  users: Users;
  sessions: Sessions;
  /** Sign-ins from one address. */
  signInLimit: RateLimit;
  passwordMatches: (password: string, hash: string) => Promise<boolean>;
  /** The hash of a password nobody has: an unknown address costs as much time as a known one. */
  decoyHash: string;
}

const signInForm = z.object({ email: z.string().trim().max(320), password: z.string().max(1000) });
const MONTH_MS = 30 * 24 * 60 * 60_000;

export const sessionRoutes = (deps: SessionDeps): Route[] => [
  { method: 'get', path: '/login', access: 'public', handler: showSignIn },
  { method: 'post', path: '/login', access: 'public', body: 'form', handler: (req, res) => signIn(req, res, deps) },
  { method: 'post', path: '/logout', access: 'person', body: 'form', handler: (req, res) => signOut(req, res, deps) },
  {
    method: 'post',
    path: '/language',
    access: 'public',
    body: 'form',
    handler: (req, res) => pickLanguage(req, res, deps),
  },
];

function showSignIn(req: Request, res: Response): void {
  if (maybeCallerOf(req)) return void res.redirect(303, '/crm/marketing');
  renderPage(req, res, 'auth/sign-in', signInProps(req, '', false));
}

async function signIn(req: Request, res: Response, deps: SessionDeps): Promise<void> {
  await deps.signInLimit.count(req.ip ?? 'unknown');
  const form = signInForm.safeParse(req.body);
  const email = form.success ? form.data.email.toLowerCase() : '';
  const user = form.success ? await deps.users.maybeForSignIn(email) : null;
  const matches = await deps.passwordMatches(
    form.success ? form.data.password : '',
    user?.password_hash ?? deps.decoyHash,
  );
  if (!user || !matches) return renderPage(req, res, 'auth/sign-in', signInProps(req, email, true), { status: 422 });

  const token = randomSecret();
  const actor = { type: 'user', id: user.user_id, address: shortAddress(req.ip), requestId: requestIdOf(req) } as const;
  await deps.sessions.open(user.tenant_id, user.user_id, sha256(token), actor);
  res.cookie(sessionCookieName(deps.config.PUBLIC_URL), token, sessionCookie(deps.config.PUBLIC_URL));
  res.redirect(303, nextPath(req));
}

async function signOut(req: Request, res: Response, { config, sessions }: SessionDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const name = sessionCookieName(config.PUBLIC_URL);
  await sessions.close(tenantId, sha256(cookieOf(req, name) ?? ''), actor);
  const { maxAge: _, ...options } = sessionCookie(config.PUBLIC_URL);
  res.clearCookie(name, options).redirect(303, '/login');
}

async function pickLanguage(req: Request, res: Response, { config, users }: SessionDeps): Promise<void> {
  const locale = (req.body as { locale?: unknown } | undefined)?.locale === 'en' ? 'en' : 'es';
  const caller = maybeCallerOf(req);
  if (caller) checkCsrf(req, config);
  if (caller?.userId) await users.saveLocale(caller.tenantId, caller.userId, locale, caller.actor);
  res
    .cookie(LOCALE_COOKIE, locale, { ...sessionCookie(config.PUBLIC_URL), maxAge: 12 * MONTH_MS })
    .redirect(303, nextPath(req));
}

/** Lax, because Strict does not come back from facebook.com. */
const sessionCookie = (publicUrl: string) =>
  ({ httpOnly: true, sameSite: 'lax', secure: publicUrl.startsWith('https:'), path: '/', maxAge: MONTH_MS }) as const;

const signInProps = (req: Request, email: string, failed: boolean) => ({
  title: translator(req)('auth:title'),
  email,
  failed,
  chosen: req.query['chosen'] !== undefined,
  next: nextPath(req),
});

/** Where to go after: a path of ours, never another site. */
function nextPath(req: Request): string {
  const next = (req.body as { next?: unknown } | undefined)?.next ?? req.query['next'];
  return typeof next === 'string' && /^\/(?![/\\])[^\s\\]*$/.test(next) ? next : '/crm/marketing';
}

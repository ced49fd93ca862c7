import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Logger } from '../adapters/log.ts';
import type { PasswordLinks } from '../adapters/postgres/password-links.ts';
import type { Users } from '../adapters/postgres/users.ts';
import type { RateLimit } from '../adapters/redis/limits.ts';
import { shortAddress } from './address.ts';
import { requestIdOf } from './errors.ts';
import { localeOf, translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import type { PasswordMails } from './password-mails.ts';
import { renderPage } from './render.ts';
import type { Route } from './route.ts';
import { sha256 } from './secrets.ts';

export interface PasswordDeps {
  users: Pick<Users, 'maybeForSignIn' | 'byId'>;
  passwordLinks: PasswordLinks;
  passwordMails: PasswordMails;
  hashPassword: (password: string) => Promise<string>;
  /** Requests from one address, with the sign-ins. */
  signInLimit: RateLimit;
  log: Logger;
}

export const LEAST_PASSWORD_LENGTH = 12;

/** Forgotten passwords and invitations: a one-time link by mail, then a new password. */
export const passwordRoutes = (deps: PasswordDeps): Route[] => [
  {
    method: 'get',
    path: '/password',
    access: 'public',
    handler: (req, res) => {
      renderPage(req, res, 'auth/forgotten', {
        title: translator(req)('auth:forgotten.title'),
        email: '',
        isAsked: req.query['asked'] !== undefined,
      });
    },
  },
  { method: 'post', path: '/password', access: 'public', body: 'form', handler: (req, res) => ask(req, res, deps) },
  { method: 'get', path: '/password/new', access: 'public', handler: (req, res) => show(req, res) },
  {
    method: 'post',
    path: '/password/new',
    access: 'public',
    body: 'form',
    handler: (req, res) => choose(req, res, deps),
  },
];

/** The answer is the same, and as quick, whether somebody has the address or nobody. */
async function ask(req: Request, res: Response, deps: PasswordDeps): Promise<void> {
  await deps.signInLimit.count(req.ip ?? 'unknown');
  const email = z.string().trim().max(320).safeParse(fields(req)['email']);
  const found = email.success ? await deps.users.maybeForSignIn(email.data.toLowerCase()) : null;
  res.redirect(303, '/password?asked');
  if (!found) return;
  await sendReset(req, deps, found.tenant_id, found.user_id).catch((error: unknown) =>
    deps.log.error({ err: error, requestId: requestIdOf(req), tenantId: found.tenant_id }, 'no reset link was sent'),
  );
}

async function sendReset(
  req: Request,
  { users, passwordMails }: PasswordDeps,
  tenantId: number,
  userId: string,
): Promise<void> {
  const user = await users.byId(tenantId, userId);
  await passwordMails.send({ tenantId, ...user, locale: user.locale ?? localeOf(req) }, 'reset', actorOf(req, userId));
}

const show = (req: Request, res: Response, code = '', errors: Record<string, string> = {}): void =>
  renderPage(
    req,
    res,
    'auth/new-password',
    { title: translator(req)('auth:newPassword.title'), code, errors, least: LEAST_PASSWORD_LENGTH },
    { status: Object.keys(errors).length > 0 ? 422 : 200 },
  );

async function choose(req: Request, res: Response, deps: PasswordDeps): Promise<void> {
  await deps.signInLimit.count(req.ip ?? 'unknown');
  const t = translator(req);
  const { code = '', password = '' } = fields(req);
  if (password.length < LEAST_PASSWORD_LENGTH || password.length > 1000)
    return show(req, res, code, { password: t('auth:newPassword.short', { least: LEAST_PASSWORD_LENGTH }) });
  const hash = sha256(code.trim());
  const tenantId = Number(/^([1-9]\d{0,8})\.[\w-]{43}$/.exec(code.trim())?.[1]);
  const userId = Number.isNaN(tenantId) ? null : await deps.passwordLinks.maybeOwner(tenantId, hash);
  if (userId === null) return show(req, res, code, { code: t('auth:newPassword.over') });
  const passwordHash = await deps.hashPassword(password);
  await deps.passwordLinks.redeem(tenantId, userId, hash, passwordHash, actorOf(req, userId));
  res.redirect(303, '/login?chosen');
}

const actorOf = (req: Request, id: string) =>
  ({ type: 'user', id, address: shortAddress(req.ip), requestId: requestIdOf(req) }) as const;

import type { Request, Response } from 'express';
import { cookieOf } from './i18n.ts';
import { equalSecrets, hmac, randomSecret, sha256 } from './secrets.ts';

/** Whom a sign-in at Meta belongs to. */
export interface StateOwner {
  tenantId: number;
  userId: string | null;
}

interface Secrets {
  JWT_SECRET: string;
  PUBLIC_URL: string;
}

/** A new state: the attempt's id, so that two tabs do not mix, and a secret. */
export const newState = (attemptId: string): string => `${attemptId}.${randomSecret()}`;

/** What is stored of a state. */
export const stateHash = (state: string): Buffer => sha256(state);

/** The attempt a returning state speaks of, or null when it is none of ours. */
export const attemptOf = (state: string): string | null =>
  /^([0-9a-f-]{36})\.[A-Za-z0-9_-]{43}$/.exec(state)?.[1] ?? null;

/** Binds the state to this browser, tenant and person for its ten minutes. */
export function bindState(
  res: Response,
  secrets: Secrets,
  state: string,
  { tenantId, userId }: StateOwner,
  maxAgeMs: number,
): void {
  const owner = `${tenantId}.${userId ?? ''}`;
  res.cookie(cookieName(state), `${owner}.${hmac(secrets.JWT_SECRET, `oauth:${owner}:${state}`)}`, {
    httpOnly: true,
    sameSite: 'lax', // Strict does not come back from facebook.com
    secure: secrets.PUBLIC_URL.startsWith('https:'),
    path: '/crm/auth/meta',
    maxAge: maxAgeMs,
  });
}

/** Who started the sign-in in this browser, or null when the state was not bound here. */
export function ownerOf(req: Request, { JWT_SECRET }: Secrets, state: string): StateOwner | null {
  const [tenant, userId, mac] = (cookieOf(req, cookieName(state)) ?? '').split('.');
  if (tenant === undefined || userId === undefined || mac === undefined) return null;
  if (!equalSecrets(mac, hmac(JWT_SECRET, `oauth:${tenant}.${userId}:${state}`))) return null;
  return { tenantId: Number(tenant), userId: userId === '' ? null : userId };
}

const cookieName = (state: string): string => `hub_oauth_${attemptOf(state) ?? ''}`;

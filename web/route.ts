import type { Request, Response } from 'express';
import type { Actor } from '../domain/actor.ts';

/** Who is calling, once a request has passed its route's `access`. */
export interface Caller {
  tenantId: number;
  userId: string | null;
  via: 'session' | 'bearer' | 'admin_key' | 'operator';
  actor: Actor;
}

/**
 * Who may call a route:
 * `public` anyone · `person` a signed-in person (session cookie; writes need CSRF field or header and our origin) ·
 * `tenant` a signed-in person, a Bearer token or API key, or X-Admin-Token · `provider` a webhook that proves itself by signature in its handler.
 */
export type RouteAccess = 'public' | 'person' | 'tenant' | 'provider';

/** One row of the permission table (`web/routes.ts`): nothing is served that is not a row there. */
export interface Route {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  path: string;
  access: RouteAccess;
  /** `form` also accepts JSON; `upload` is a form with a file, read as text; `raw` keeps the bytes as a Buffer. Default none. */
  body?: 'form' | 'json' | 'raw' | 'upload';
  /** Name of the access row this call leaves in system_events. */
  accessName?: string;
  /** Counts against the mission's 20 calls a minute per tenant and user. */
  limited?: boolean;
  handler: (req: Request, res: Response) => void | Promise<void>;
}

const callers = new WeakMap<Request, Caller>();

/** Set by the access middleware, once. */
export const setCaller = (req: Request, caller: Caller): void => void callers.set(req, caller);

/** The caller of a route whose access is `person` or `tenant`. */
export function callerOf(req: Request): Caller {
  const caller = callers.get(req);
  if (caller === undefined) throw new TypeError(`no caller: ${req.path} is a public route`);
  return caller;
}

/** The caller where there may be none (public pages that greet a signed-in person). */
export const maybeCallerOf = (req: Request): Caller | undefined => callers.get(req);

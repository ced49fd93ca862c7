import { sql } from 'slonik';
import { z } from 'zod';
import { system } from '../domain/actor.ts';
import { csrfToken, sessionCookieName } from '../web/access.ts';
import { masked, randomSecret, sha256 } from '../web/secrets.ts';
import type { TestApp } from './app.ts';
import type { TestDatabase } from './database.ts';

export interface Person {
  userId: string;
  /** Cookies this browser holds, by name. */
  cookies: Map<string, string>;
  /** What a form of a page carries in `_csrf`. */
  csrf(): string;
  /** Any request of this browser, as it is. */
  send(path: string, init: RequestInit): Promise<Response>;
  /** Follows no redirect. */
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** Sends a form with the CSRF field, as a page's own form would. */
  post(path: string, fields?: Record<string, string | string[]>, headers?: Record<string, string>): Promise<Response>;
}

/** A signed-in person of the tenant with a browser of their own: cookies are kept, redirects are not followed. */
export async function aPerson(
  app: TestApp,
  { database }: TestDatabase,
  tenantId: number,
  given: { locale?: 'es' | 'en' } = {},
): Promise<Person> {
  const { id: userId } = await database.inTenant(tenantId, (tx) =>
    tx.one(sql.type(z.object({ id: z.string() }))`
      INSERT INTO users (tenant_id, email, name, password_hash, locale)
      VALUES (${tenantId}, ${`${randomSecret().slice(0, 12).toLowerCase()}@example.com`}, 'Carla Domínguez', '-', ${given.locale ?? 'en'})
      RETURNING id`),
  );
  const session = randomSecret();
  await app.stores.sessions.open(tenantId, userId, sha256(session), system('test'));
  const cookies = new Map([[sessionCookieName(app.config.PUBLIC_URL), session]]);
  const send = async (path: string, init: RequestInit): Promise<Response> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { accept: 'text/html', ...(init.headers as Record<string, string> | undefined), cookie };
    const reply = await fetch(`${app.url}${path}`, { ...init, headers, redirect: 'manual' });
    for (const line of reply.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return reply;
  };
  return {
    userId,
    cookies,
    csrf: () => masked(csrfToken(app.config.JWT_SECRET, session)),
    send,
    get: (path, headers = {}) => send(path, { headers }),
    post(path, fields = {}, headers = {}) {
      const body = new URLSearchParams({ _csrf: masked(csrfToken(app.config.JWT_SECRET, session)) });
      for (const [name, value] of Object.entries(fields)) for (const each of [value].flat()) body.append(name, each);
      return send(path, { method: 'POST', body, headers });
    },
  };
}

/** The page that this person's search box leads to. */
export async function searched(
  person: Person,
  at: string,
  q: string,
  kept: Record<string, string> = {},
): Promise<string> {
  const reply = await person.post('/crm/searches', { at, q, ...kept });
  return reply.headers.get('location') ?? `${at}?none`;
}

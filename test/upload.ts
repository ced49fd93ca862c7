import { csrfToken } from '../web/access.ts';
import { masked } from '../web/secrets.ts';
import type { TestApp } from './app.ts';
import type { Person } from './person.ts';

/** Sends a file as a page's own form would: as `csv`, beside the CSRF field. */
export async function uploaded(
  app: TestApp,
  { cookies }: Person,
  path: string,
  csv: string,
  given: { csrf?: string } = {},
): Promise<Response> {
  const [session = ''] = [...cookies].filter(([name]) => name.endsWith('hub_session')).map(([, value]) => value);
  const body = new FormData();
  body.set('_csrf', given.csrf ?? masked(csrfToken(app.config.JWT_SECRET, session)));
  body.set('csv', new Blob([csv], { type: 'text/csv' }), 'file.csv');
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  return fetch(app.url + path, { method: 'POST', body, headers: { accept: 'text/html', cookie }, redirect: 'manual' });
}

import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createRateLimit } from '../adapters/redis/limits.ts';
import { testApp } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { aPerson } from '../test/person.ts';
import { PASSWORD, type WholeApp, wholeApp } from '../test/whole-app.ts';
import { randomSecret } from './secrets.ts';
import { sessionRoutes } from './sessions.ts';

let db: TestDatabase;
let app: WholeApp;
let secure: WholeApp;
let tenantId: number;
let email: string;
let visitors = 0;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
  secure = await wholeApp(db, { PUBLIC_URL: 'https://hub.example.com' });
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  email = `${randomSecret().slice(0, 12).toLowerCase()}@example.com`;
  await db.database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`
      INSERT INTO users (tenant_id, email, name, password_hash) VALUES (${tenantId}, ${email}, 'Carla', ${app.passwordHash})`),
  );
});

/** A form from an address of its own, so that no test uses up another one's sign-ins. */
function post(
  path: string,
  fields: Record<string, string>,
  { at = app as { url: string }, headers = {} as Record<string, string> } = {},
) {
  visitors++;
  const address = `198.51.${Math.floor(visitors / 250)}.${visitors % 250}`;
  return fetch(at.url + path, {
    method: 'POST',
    redirect: 'manual',
    headers: { accept: 'text/html', 'accept-language': 'en', 'x-forwarded-for': address, ...headers },
    body: new URLSearchParams(fields),
  });
}
const signIn = (given: Record<string, string> = {}, options = {}) =>
  post('/login', { email, password: PASSWORD, ...given }, options);
const cookieOf = (reply: Response) => reply.headers.getSetCookie().find((line) => line.includes('hub_session=')) ?? '';
const events = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.any(sql.type(z.object({ name: z.string(), address: z.string().nullable(), request_id: z.string().nullable() }))`
      SELECT name, address, request_id FROM system_events WHERE tenant_id = ${tenantId} ORDER BY id`),
  );

describe('Sign-in', () => {
  it('is a form with e-mail and password', async () => {
    const html = await (await fetch(`${app.url}/login`)).text();
    expect(html).toMatch(/<form[^>]* id="sign-in" method="post" action="\/login">/);
    expect(html).toMatch(/<input[^>]* name="email"[\s\S]*<input[^>]* name="password"/);
  });

  it('opens a session, leaves an audit row with a shortened address, and leads to the hub', async () => {
    const reply = await signIn({ email: ` ${email.toUpperCase()} ` });
    expect([reply.status, reply.headers.get('location')]).toEqual([303, '/crm/marketing']);
    const [cookie = ''] = cookieOf(reply).split(';');
    const leads = await fetch(`${app.url}/crm/leads`, { headers: { cookie } });
    expect(leads.status).toBe(200);
    const [opened] = await events();
    expect(opened).toMatchObject({ name: 'session.opened', address: expect.stringMatching(/^198\.51\.\d+\.0\/24$/) });
    expect(opened?.request_id).toBe(reply.headers.get('x-request-id'));
  });

  it('keeps the session in a cookie that scripts and other sites cannot use', async () => {
    expect(cookieOf(await signIn())).toMatch(
      /^hub_session=[\w-]{43}; Max-Age=2592000; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/,
    );
    expect(cookieOf(await signIn({}, { at: secure }))).toMatch(
      /^__Host-hub_session=[\w-]{43}; .*Path=\/; .*HttpOnly; Secure; SameSite=Lax$/,
    );
  });

  it('stores the hash of the session, never the session', async () => {
    const token = /hub_session=([\w-]+)/.exec(cookieOf(await signIn()))?.[1] ?? '';
    const rows = await db.database.inTenant(tenantId, (tx) =>
      tx.any(
        sql.type(
          z.object({ hash: z.string() }),
        )`SELECT encode(token_hash, 'escape') AS hash FROM sessions WHERE tenant_id = ${tenantId}`,
      ),
    );
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain(token);
  });

  it('leads back to the page that asked for it, and never to another site', async () => {
    const location = async (next: string) => (await signIn({ next })).headers.get('location');
    expect(await location('/crm/leads?status=new')).toBe('/crm/leads?status=new');
    for (const next of ['https://evil.example', '//evil.example', '/\\evil.example', '/\t/evil.example', 'crm', ''])
      expect(await location(next)).toBe('/crm/marketing');
  });

  it('says the same about a wrong password, an unknown address and an empty form, and keeps the address', async () => {
    const replies = [
      await signIn({ password: 'wrong' }),
      await signIn({ email: 'nobody@example.com' }),
      await signIn({ email: '"><script>x</script>' }),
      await post('/login', {}),
      await signIn({ password: 'x'.repeat(2000) }),
    ];
    for (const reply of replies) {
      const html = await reply.text();
      expect([reply.status, cookieOf(reply)]).toEqual([422, '']);
      expect(html).toContain('The e-mail or the password does not match');
      expect(html).not.toContain('<script>x');
    }
    expect(await (await signIn({ password: 'wrong' })).text()).toContain(`value="${email}"`);
    expect(await (await signIn({ password: 'wrong' })).text()).not.toContain('value="wrong"');
    expect(await events()).toEqual([]);
  });

  it('derives a key for an unknown address too, so that the time tells nothing', async () => {
    const compared: string[] = [];
    const watched = await testApp(db, ({ config, stores }) =>
      sessionRoutes({
        ...stores,
        config,
        signInLimit: createRateLimit(undefined, 'sign-in', { points: 10, seconds: 60 }),
        passwordMatches: async (_password, hash) => compared.push(hash) < 0,
        decoyHash: 'the decoy',
      }),
    );
    await signIn({}, { at: watched });
    await signIn({ email: 'nobody@example.com' }, { at: watched });
    expect(compared).toEqual([app.passwordHash, 'the decoy']);
  });

  it('is open ten times a minute from one address, then asks for patience', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    const replies = [];
    for (let i = 0; i < 11; i++) replies.push(await signIn({ password: 'wrong' }, { headers }));
    expect(replies.slice(0, 10).map(({ status }) => status)).toEqual(Array(10).fill(422));
    expect(replies[10]?.status).toBe(429);
    expect(Number(replies[10]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await signIn()).status).toBe(303);
  });

  it('refuses a person who was disabled, and ends their open sessions', async () => {
    const [cookie = ''] = cookieOf(await signIn()).split(';');
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`UPDATE users SET disabled_at = now() WHERE tenant_id = ${tenantId}`),
    );
    expect((await signIn()).status).toBe(422);
    const reply = await fetch(`${app.url}/crm/leads`, { headers: { cookie }, redirect: 'manual' });
    expect(reply.headers.get('location')).toBe('/login?next=%2Fcrm%2Fleads');
  });

  it('of who is signed in already leads to the hub', async () => {
    const person = await aPerson(app, db, tenantId);
    expect((await person.get('/login')).headers.get('location')).toBe('/crm/marketing');
  });
});

describe('Sign-out', () => {
  it('ends the session on the server and in the browser, with an audit row', async () => {
    const person = await aPerson(app, db, tenantId);
    const session = person.cookies.get('hub_session') ?? '';
    const reply = await person.post('/logout');
    expect([reply.status, reply.headers.get('location')]).toEqual([303, '/login']);
    expect(cookieOf(reply)).toMatch(/^hub_session=; .*Expires=Thu, 01 Jan 1970/);
    const again = await fetch(`${app.url}/crm/leads`, {
      headers: { cookie: `hub_session=${session}` },
      redirect: 'manual',
    });
    expect(again.status).toBe(303);
    expect((await events()).map(({ name }) => name)).toEqual(['session.opened', 'session.closed']);
  });
});

describe('The language', () => {
  const titleOf = async (reply: Response) => /<title>(.*?) ·/.exec(await reply.text())?.[1];
  const signedOut = (headers: Record<string, string>) => fetch(`${app.url}/login`, { headers });

  it('is the browser’s, Spanish when that is neither', async () => {
    expect(await titleOf(await signedOut({ 'accept-language': 'en-GB,es;q=0.5' }))).toBe('Sign in');
    expect(await titleOf(await signedOut({ 'accept-language': 'es-MX,en;q=0.5' }))).toBe('Iniciar sesión');
    expect(await titleOf(await signedOut({ 'accept-language': 'pt-BR' }))).toBe('Iniciar sesión');
  });

  it('picked on this browser wins, and changes by a form only', async () => {
    const reply = await post('/language', { locale: 'es', next: '/login' });
    expect([reply.status, reply.headers.get('location')]).toEqual([303, '/login']);
    const [cookie = ''] = reply.headers.getSetCookie()[0]?.split(';') ?? [];
    expect(await titleOf(await signedOut({ 'accept-language': 'en', cookie }))).toBe('Iniciar sesión');
    expect((await fetch(`${app.url}/language?locale=en`)).status).toBe(405);
  });

  it('of a person goes with them to every browser, with an audit row', async () => {
    const person = await aPerson(app, db, tenantId, { locale: 'es' });
    expect(await titleOf(await person.get('/crm/leads'))).toBe('Leads');
    expect(await (await person.get('/crm/leads')).text()).toContain('lang="es"');
    await person.post('/language', { locale: 'en', next: '/crm/leads' });
    person.cookies.delete('hub_locale');
    expect(await (await person.get('/crm/leads', { 'accept-language': 'es' })).text()).toContain('<html lang="en">');
    expect((await events()).at(-1)?.name).toBe('user.locale_changed');
  });

  it('can be changed on a page that a refused form left behind', async () => {
    const person = await aPerson(app, db, tenantId);
    const referer = `${app.url}/crm/leads?q=x`;
    const page = await (await person.post('/crm/leads/none/status', {}, { referer })).text();
    expect(page).toContain('name="next" value="/crm/leads?q=x"');
    expect(await (await person.post('/crm/leads/none/status')).text()).toContain('name="next" value="/crm/marketing"');
  });
});

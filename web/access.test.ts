import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createTokens } from '../adapters/crypto/jwt.ts';
import { root } from '../dev/stack/locate.ts';
import { asAdmin } from '../dev/stack/roles.ts';
import { anApiKey } from '../test/api-key.ts';
import { aLead } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { aPerson, type Person } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';
import { randomSecret } from './secrets.ts';

const OPERATORS = 'the-token-of-the-operator';
const SOME_ID = '5f0e7f5e-9a52-4d5c-8a53-3f1f8a4a6f10';
let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let person: Person;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db, { ADMIN_TOKEN: OPERATORS, MARKETING_RATE_LIMIT: '100000' });
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
});

const addressOf = (path: string) => app.url + path.replace(/:\w+/g, SOME_ID);
const stats = (headers: Record<string, string>) =>
  fetch(`${app.url}/crm/marketing/stats`, { headers, redirect: 'manual' });
/** Whose figures these credentials open, or how they are refused. */
async function opened(headers: Record<string, string>): Promise<number | string> {
  const reply = await stats(headers);
  const body = (await reply.json()) as { tenant_id?: number; error?: { code: string } };
  return body.tenant_id ?? `${reply.status} ${body.error?.code}`;
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('the permission table', () => {
  const outcomes = async (headers: Record<string, string>) => {
    const guarded = app.routes.filter(({ access }) => access === 'person' || access === 'tenant');
    const rows = guarded.map(async ({ method, path, access }) => {
      const reply = await fetch(addressOf(path), { method: method.toUpperCase(), headers, redirect: 'manual' });
      const location = reply.headers.get('location') ?? reply.headers.get('hx-redirect') ?? '';
      return { row: `${method} ${path} (${access})`, method, access, status: reply.status, location };
    });
    return Promise.all(rows);
  };

  it('is the one that the server composes', () => {
    const blocksIn = (file: string) =>
      new Set(
        [...readFileSync(join(root, file), 'utf8').matchAll(/\b(\w+Routes|createLiveStreams)\(/g)].map(
          ([, name]) => name,
        ),
      );
    expect(blocksIn('test/whole-app.ts')).toEqual(blocksIn('server.ts'));
  });

  it('opens these addresses to everybody, and no other', () => {
    const open = app.routes.filter(({ access }) => access === 'public').map(({ method, path }) => `${method} ${path}`);
    expect(open.sort()).toEqual([
      'get /',
      'get /api/v1/openapi.json',
      'get /crm/auth/meta/callback',
      'get /data-deletion/:code',
      'get /legal',
      'get /login',
      'get /password',
      'get /password/new',
      'get /privacy',
      'get /terms',
      'post /language',
      'post /login',
      'post /password',
      'post /password/new',
    ]);
    const providers = app.routes.filter(({ access }) => access === 'provider').map(({ path }) => path);
    expect(new Set(providers)).toEqual(
      new Set([
        '/healthz',
        '/webhook/chatwoot/:tenantId',
        '/readyz',
        '/crm/meta/data-deletion',
        '/crm/meta/deauthorize',
        '/crm/webhook/meta',
        '/webhook/ycloud',
        '/webhook/ycloud/:tenantId',
      ]),
    );
  });

  it('refuses two rows of one address', async () => {
    const { permissionTable } = await import('./routes.ts');
    const twice = app.routes.filter(({ path }) => path === '/login');
    expect(() => permissionTable([twice, twice])).toThrow('get /login stands twice');
  });

  const wrong: Record<string, () => Record<string, string>> = {
    'without credentials': () => ({}),
    'with a session nobody opened': () => ({ cookie: `hub_session=${randomSecret()}` }),
    'with an unknown key': () => bearer(randomSecret()),
    'with an unknown admin token': () => ({ 'x-admin-token': randomSecret() }),
    'with an admin token beside an unknown key': () => ({ ...bearer(randomSecret()), 'x-admin-token': OPERATORS }),
  };
  it.each(Object.entries(wrong))('answers 401 to programs at every other row %s', async (_, headers) => {
    const rows = await outcomes({ ...headers(), accept: 'application/json' });
    const lets = rows.filter(({ access, method, status }) => {
      return access === 'person' && method === 'get' ? status !== 303 : status !== 401;
    });
    expect(lets).toEqual([]);
    expect(rows.length).toBeGreaterThan(30);
  });

  it('sends a signed-out person to the sign-in and back', async () => {
    const rows = await outcomes({ accept: 'text/html' });
    const astray = rows.filter(({ row, method, status, location }) => {
      const path = row.split(' ')[1]?.replace(/:\w+/g, SOME_ID) ?? '';
      return method === 'get' && !path.startsWith('/api/')
        ? status !== 303 || location !== `/login?next=${encodeURIComponent(path)}`
        : status !== 401;
    });
    expect(astray).toEqual([]);
  });

  it('sends a page whose session ended to the sign-in as a whole, and back to the page it was on', async () => {
    const page = `${app.url}/crm/leads?status=new`;
    const rows = await outcomes({ accept: 'text/html', 'hx-request': 'true', 'hx-current-url': page });
    const back = `/login?next=${encodeURIComponent('/crm/leads?status=new')}`;
    const ours = rows.filter(({ row }) => !row.includes('/api/'));
    expect(ours.filter(({ status, location }) => status !== 204 || location !== back)).toEqual([]);
  });

  it('opens pages for people to a session only', async () => {
    const token = await app.tokens.issue({ tenantId, userId: person.userId });
    const guarded = app.routes.filter(({ access, method }) => access === 'person' && method === 'get');
    for (const { path } of guarded) {
      const reply = await fetch(addressOf(path), { headers: bearer(token), redirect: 'manual' });
      expect([path, reply.status]).toEqual([path, 303]);
    }
  });
});

describe('writes by people', () => {
  const send = (path: string, headers: Record<string, string>, body: string) =>
    fetch(app.url + path, {
      method: 'POST',
      redirect: 'manual',
      headers: { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body,
    });
  const cookies = () => ({ cookie: [...person.cookies].map(([name, value]) => `${name}=${value}`).join('; ') });

  it('need the CSRF token of their own session at every row', async () => {
    const other = await aPerson(app, db, tenantId);
    const stolen = /name="_csrf" value="([^"]+)"/.exec(await (await other.get('/crm/leads')).text())?.[1] ?? '';
    const writes = app.routes.filter(({ access, method }) => ['person', 'tenant'].includes(access) && method !== 'get');
    for (const { path, method } of writes)
      for (const token of [undefined, '', stolen]) {
        const headers = {
          ...cookies(),
          accept: 'text/html',
          ...(token === undefined ? {} : { 'x-csrf-token': token }),
        };
        const reply = await fetch(addressOf(path), { method: method.toUpperCase(), headers, redirect: 'manual' });
        expect([path, token, reply.status]).toEqual([path, token, 403]);
      }
  });

  it('may carry it as a field or as a header', async () => {
    expect((await person.post(`/crm/leads/${SOME_ID}/status`, { status: 'contacted' })).status).toBe(404);
    const page = await (await person.get('/crm/leads')).text();
    const token = /X-CSRF-Token&quot;:&quot;([^&]+)|"X-CSRF-Token":"([^"]+)"/.exec(page);
    const header = { ...cookies(), 'x-csrf-token': token?.[1] ?? token?.[2] ?? '' };
    expect((await send(`/crm/leads/${SOME_ID}/status`, header, 'status=contacted')).status).toBe(404);
  });

  it.each([
    ['another site', { origin: 'https://evil.example' }],
    ['a frame without an origin', { origin: 'null' }],
    ['another site, as the browser says', { 'sec-fetch-site': 'cross-site' }],
    ['what is no origin', { origin: 'x' }],
  ])('are refused from %s', async (_, headers) => {
    expect((await person.post(`/crm/leads/${SOME_ID}/status`, { status: 'contacted' }, headers)).status).toBe(403);
  });

  it('are taken from our own pages', async () => {
    for (const origin of [app.config.PUBLIC_URL, app.url])
      expect((await person.post(`/crm/leads/${SOME_ID}/status`, { status: 'new' }, { origin })).status).toBe(404);
  });

  it('of another site change neither the language nor who is signed in', async () => {
    const foreign = { origin: 'https://evil.example' };
    expect((await person.post('/language', { locale: 'es' }, foreign)).status).toBe(403);
    expect((await send('/language', cookies(), 'locale=es')).status).toBe(403);
    expect((await person.post('/login', { email: 'a@example.com', password: 'x' }, foreign)).status).toBe(403);
  });
});

describe('an API caller', () => {
  it('is a person with a Bearer token, or a program with a key', async () => {
    expect(await opened(bearer(await app.tokens.issue({ tenantId, userId: person.userId })))).toBe(tenantId);
    expect(await opened(bearer(await anApiKey(db, tenantId, 'api')))).toBe(tenantId);
  });

  it('is nobody with a key that was revoked, or a token that is forged, expired, or of another audience', async () => {
    const forged = createTokens('another secret, long enough to be one');
    const gone = await anApiKey(db, tenantId, 'api', { isRevoked: true });
    const subject = { tenantId, userId: person.userId };
    const unsigned = `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify({ sub: person.userId, tid: tenantId }))}.`;
    const tokens = [await forged.issue(subject), await app.tokens.issue(subject, '-1 minute'), gone, unsigned, ''];
    for (const token of tokens) expect(await opened(bearer(token))).toBe('401 unauthorized');
  });

  it('needs no CSRF token: no browser sends its credentials by itself', async () => {
    const headers = { ...bearer(await anApiKey(db, tenantId, 'api')), origin: 'https://other.example' };
    const reply = await fetch(`${app.url}/api/v1/leads/${SOME_ID}/sales`, { method: 'POST', headers });
    expect(reply.status).toBe(422);
  });
});

describe('X-Admin-Token', () => {
  it("of a tenant names that tenant by itself, so that the mission's first curl works alone", async () => {
    expect(await opened({ 'x-admin-token': await anApiKey(db, tenantId) })).toBe(tenantId);
  });

  it('beside a Bearer token must name the same tenant', async () => {
    const other = await aTenant(db);
    const token = await app.tokens.issue({ tenantId, userId: person.userId });
    expect(await opened({ ...bearer(token), 'x-admin-token': await anApiKey(db, tenantId) })).toBe(tenantId);
    expect(await opened({ ...bearer(token), 'x-admin-token': await anApiKey(db, other) })).toBe('403 forbidden');
    expect(await opened({ ...bearer(token), 'x-admin-token': OPERATORS, 'x-tenant-id': String(other) })).toBe(
      '403 forbidden',
    );
    expect(await opened({ ...bearer(token), 'x-admin-token': OPERATORS, 'x-tenant-id': String(tenantId) })).toBe(
      tenantId,
    );
  });

  it('is not an ordinary key, a revoked one, or nothing', async () => {
    for (const token of [
      await anApiKey(db, tenantId, 'api'),
      await anApiKey(db, tenantId, 'admin', { isRevoked: true }),
      '',
    ])
      expect(await opened({ 'x-admin-token': token })).toBe('401 unauthorized');
  });

  it('of the operator opens the tenant that X-Tenant-Id names, as a whole number', async () => {
    expect(await opened({ 'x-admin-token': OPERATORS, 'x-tenant-id': String(tenantId) })).toBe(tenantId);
    for (const wrong of ['0', '-1', '1.0', '1e0', `0${tenantId}`, '999999', '99999999999999999999', 'one', ''])
      expect(await opened({ 'x-admin-token': OPERATORS, 'x-tenant-id': wrong })).toBe('422 invalid');
  });

  it('of the operator needs X-Tenant-Id unless there is one tenant only', async () => {
    expect(await opened({ 'x-admin-token': OPERATORS })).toBe('422 invalid');
    const alone = await asAdmin(db.adminUrl, async (client) => {
      await client.query('DELETE FROM tenants WHERE id <> $1', [tenantId]);
      return opened({ 'x-admin-token': OPERATORS });
    });
    expect(alone).toBe(tenantId);
  });

  it('of the operator opens nothing where none is configured', async () => {
    const closed = await wholeApp(db);
    const reply = await fetch(`${closed.url}/crm/marketing/stats`, { headers: { 'x-admin-token': 'undefined' } });
    expect(reply.status).toBe(401);
  });
});

describe('a tenant', () => {
  it("meets another one's lead as one that does not exist", async () => {
    const other = await aTenant(db);
    const id = await aLead(db, other, { name: 'Secreta' });
    expect((await person.get(`/crm/leads/${id}`)).status).toBe(404);
    expect((await person.post(`/crm/leads/${id}/sales`, { amount: '1', currency: 'ARS' })).status).toBe(404);
    expect(await (await person.get('/crm/leads')).text()).not.toContain('Secreta');
  });
});

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMetrics } from '../adapters/metrics.ts';
import { createRateLimit } from '../adapters/redis/limits.ts';
import { AppError, type ErrorCode } from '../domain/error.ts';
import { testConfig } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { aPerson, type Person } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';
import { createApp } from './app.ts';
import { statusOf } from './errors.ts';
import { loadWords } from './i18n.ts';
import type { Route } from './route.ts';

let db: TestDatabase;
let app: WholeApp;
let person: Person;
let tenantId: number;
/** A server whose one page fails as told. */
let failing: string;
let failure: unknown;
const lines: Record<string, unknown>[] = [];
const metrics = createMetrics();

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
  const log = pino({ base: null }, { write: (line) => void lines.push(JSON.parse(line)) });
  const fail: Route = {
    method: 'get',
    path: '/fail',
    access: 'public',
    handler: () => {
      throw failure;
    },
  };
  const deps = { ...app.stores, config: testConfig(), log, metrics, tokens: app.tokens };
  const accessLog = { add: () => {}, close: async () => {} };
  const marketingLimit = createRateLimit(undefined, 'marketing', { points: 20, seconds: 60 });
  const server = createApp({ ...deps, accessLog, marketingLimit }, [fail]).listen(0, '127.0.0.1');
  await once(server, 'listening');
  failing = `http://127.0.0.1:${(server.address() as AddressInfo).port}/fail`;
  afterAll(() => server.close());
});

const failWith = (error: unknown, headers: Record<string, string> = {}) => {
  failure = error;
  return fetch(failing, { headers });
};

describe('the error table', () => {
  it.each(Object.entries(statusOf))(
    'answers %s with %d, in words of both languages, with a reference number',
    async (code, status) => {
      const json = await failWith(new AppError(code as ErrorCode, 'inner words'), { 'accept-language': 'en' });
      const { error } = (await json.json()) as { error: { code: string; message: string; reference: string } };
      expect([json.status, error.code]).toEqual([status, code]);
      expect(error.reference).toBe(json.headers.get('x-request-id'));
      for (const locale of ['en', 'es'] as const) {
        const page = await failWith(new AppError(code as ErrorCode, 'inner words'), {
          accept: 'text/html',
          'accept-language': locale,
        });
        const words = loadWords()[locale]['errors'] as Record<string, { what: string; todo: string }>;
        const html = await page.text();
        expect(page.status).toBe(status);
        expect(html).toContain(`<h1 id="h">${words[code]?.what}</h1>`);
        expect(html).toContain(page.headers.get('x-request-id'));
        expect(html).not.toContain('inner words');
      }
    },
  );

  it('says when to come back', async () => {
    const reply = await failWith(new AppError('rate_limited', 'x', { retryAfterMs: 1500 }));
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([429, '2']);
  });

  it('shows nothing of a failure nobody expected, and keeps it in the log with its reference', async () => {
    const reply = await failWith(new TypeError('secret detail'), { accept: 'text/html' });
    const html = await reply.text();
    expect([reply.status, html.includes('secret detail'), html.includes('TypeError')]).toEqual([500, false, false]);
    const logged = lines.filter((line) => line['requestId'] === reply.headers.get('x-request-id'));
    expect(logged[0]).toMatchObject({ msg: 'request failed', path: '/fail', err: { message: 'secret detail' } });
    expect((await metrics.errors.get()).values[0]?.value).toBeGreaterThan(0);
  });

  it.each([
    Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' }),
    new Error('query failed', { cause: new Error('terminating connection due to administrator command') }),
  ])('answers 503 while the database is away: %s', async (error) => {
    const reply = await failWith(error);
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '5']);
  });

  it.each(['text', {}])('survives %s being thrown', async (thrown) => {
    expect((await failWith(thrown)).status).toBe(500);
  });
});

describe('an address', () => {
  it('nobody serves is 404: JSON for programs, a page for people', async () => {
    const json = await fetch(`${app.url}/api/v1/nothing`, { headers: { accept: 'text/html' } });
    expect([json.status, json.headers.get('content-type')]).toEqual([404, 'application/json; charset=utf-8']);
    const page = await fetch(`${app.url}/nothing`, { headers: { accept: 'text/html' } });
    expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
    expect((await fetch(`${app.url}/assets/0000000000/hub.css`)).status).toBe(404);
    expect((await fetch(`${app.url}/assets/../package.json`)).status).toBe(404);
  });

  it('that is known but used otherwise is 405, naming what it does', async () => {
    const reply = await fetch(`${app.url}/crm/marketing/automation-rules`, { method: 'DELETE' });
    expect([reply.status, reply.headers.get('allow')]).toEqual([405, 'GET, POST']);
    expect((await fetch(`${app.url}/logout`)).status).toBe(405);
    expect((await fetch(`${app.url}/healthz`, { method: 'HEAD' })).status).toBe(200);
  });

  it('that cannot be read is 400', async () => {
    expect((await fetch(`${app.url}/crm/leads/%E0%A4%A`)).status).toBe(400);
  });
});

describe('a body', () => {
  const post = async (body: string, type = 'application/json') =>
    fetch(`${app.url}/api/v1/leads/5f0e7f5e-9a52-4d5c-8a53-3f1f8a4a6f10/sales`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await app.tokens.issue({ tenantId, userId: person.userId })}`,
        'content-type': type,
      },
      body,
    });

  it.each([
    ['not JSON', '{"amount":', 400],
    ['no object', '"text"', 400],
    ['empty', '', 422],
    ['of another shape', '[]', 422],
    ['too large', JSON.stringify({ name: 'x'.repeat(1_100_000) }), 413],
  ])('that is %s is answered by its own status', async (_, body, status) => {
    const reply = await post(body);
    expect(reply.status).toBe(status);
    expect(await reply.json()).toHaveProperty('error.reference');
  });

  it('in an encoding nobody knows is refused', async () => {
    expect((await post('{}', 'application/json; charset=klingon')).status).toBe(415);
  });

  it('or an address with a character that no text can hold is the caller’s mistake, not ours', async () => {
    const leads = '/crm/leads/5f0e7f5e-9a52-4d5c-8a53-3f1f8a4a6f10/opportunities';
    expect((await person.get('/crm/leads?q=%00')).status).toBe(400);
    expect((await person.post(leads, { name: 'a\u0000b', value: '1', currency: 'ARS' })).status).toBe(400);
    expect((await post('{"currency":"\\ud800"}')).status).toBe(400);
    expect((await post('{"a":{"\\u0000":1}}')).status).toBe(400);
    expect((await post('{"currency":"\\\\u0000"}')).status).toBe(422);
  });

  it('that is refused names what to mend and never what was sent', async () => {
    const problemsOf = async (body: string, type?: string) =>
      ((await (await post(body, type)).json()) as { error: { todo: string; problems: string[] } }).error;
    const refused = await problemsOf('{"amount":"secreto","currency":"ars","sold_on":"2026-02-30"}');
    expect(refused.problems.map((problem) => problem.split(':')[0])).toEqual(['amount', 'currency', 'sold_on']);
    expect(refused.todo).toBe((loadWords().es['errors'] as Record<string, { todo: string }>)['invalid']?.todo);
    expect(JSON.stringify(refused)).not.toContain('secreto');
    const [plain] = (await problemsOf('{"amount":"1"}', 'text/plain')).problems;
    expect(plain).toContain('application/json');
  });

  it('nested without end is refused like any other shape', async () => {
    expect((await post('['.repeat(200_000) + ']'.repeat(200_000))).status).toBe(422);
  });
});

describe('every answer', () => {
  it('forbids inline scripts, frames and forms to elsewhere, but for the way to Meta', async () => {
    const { headers } = await fetch(`${app.url}/login`);
    const policy = Object.fromEntries(
      (headers.get('content-security-policy') ?? '').split(';').map((rule) => {
        const [name = '', ...sources] = rule.split(' ');
        return [name, sources.join(' ')];
      }),
    );
    expect(policy).toEqual({
      'default-src': "'self'",
      'script-src': "'self'",
      'style-src': "'self'",
      'img-src': "'self' data:",
      'connect-src': "'self'",
      'object-src': "'none'",
      'base-uri': "'none'",
      'form-action': "'self' https://www.facebook.com",
      'frame-ancestors': "'none'",
    });
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-powered-by')).toBeNull();
  });

  it('asks browsers for https only where there is https', async () => {
    const secure = await wholeApp(db, { PUBLIC_URL: 'https://hub.example.com' });
    expect((await fetch(`${app.url}/login`)).headers.get('strict-transport-security')).toBeNull();
    expect((await fetch(`${secure.url}/login`)).headers.get('strict-transport-security')).toContain('max-age=');
  });

  it('stays out of caches, but for assets, which stay for good under their fingerprint', async () => {
    const page = await fetch(`${app.url}/login`);
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect((await person.get('/crm/leads')).headers.get('cache-control')).toBe('no-store');
    const assets = [...(await page.text()).matchAll(/(?:href|src)="(\/assets\/[^"#]+)/g)].map(([, path]) => path);
    expect(assets.length).toBeGreaterThanOrEqual(3);
    for (const path of new Set(assets)) {
      const asset = await fetch(app.url + path);
      expect([asset.status, asset.headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
    }
  });

  it('has one line in the log, with the route’s pattern and never the address asked for', async () => {
    const reply = await fetch(`${failing}?email=person@example.com`);
    await reply.text();
    const line = lines.find(
      (each) => each['msg'] === 'request' && each['requestId'] === reply.headers.get('x-request-id'),
    );
    expect(line).toMatchObject({ method: 'GET', route: '/fail', status: reply.status, ms: expect.any(Number) });
    expect(JSON.stringify(lines)).not.toContain('person@example.com');
  });
});

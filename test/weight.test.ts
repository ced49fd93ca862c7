import { get } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { sql } from 'slonik';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Database } from '../adapters/postgres/pool.ts';
import { system } from '../domain/actor.ts';
import { masked, unmasked } from '../web/secrets.ts';
import { type TestDatabase, testDatabase } from './database.ts';
import { aPerson, type Person } from './person.ts';
import { aRichTenant } from './rich-tenant.ts';
import { type WholeApp, wholeApp } from './whole-app.ts';

let db: TestDatabase;
let app: WholeApp;
let person: Person;
let tenantId: number;
let asked: number;

/** The database, counting what costs round trips: four or more a transaction, one a statement alone. */
function counting(database: Database): Database {
  const inTenant: Database['inTenant'] = (tenantId, work) => {
    asked += 4;
    return database.inTenant(tenantId, work);
  };
  const pool = new Proxy(database.pool, {
    get(target, name, receiver) {
      if (name === 'one' || name === 'maybeOne') asked += 1;
      return Reflect.get(target, name, receiver);
    },
  });
  const rowInTenant: Database['rowInTenant'] = (...given) => {
    asked += 1;
    return database.rowInTenant(...given);
  };
  return { ...database, inTenant, pool, rowInTenant };
}

beforeAll(async () => {
  const own = await testDatabase();
  db = { ...own, database: counting(own.database) };
  app = await wholeApp(db);
  ({ tenantId } = await aRichTenant(app, db));
  person = await aPerson(app, db, tenantId, { locale: 'es' });
});

interface Reply {
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** As a browser asks, and exactly what came over the wire: fetch would unpack it. */
function wire(path: string, encoding = 'gzip, deflate, br'): Promise<Reply> {
  const cookie = [...person.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const headers = { cookie, accept: 'text/html', 'accept-encoding': encoding };
  return new Promise((resolve, reject) => {
    get(app.url + path, { headers }, (res) => {
      const parts: Buffer[] = [];
      res.on('data', (part: Buffer) => parts.push(part));
      res.on('end', () => resolve({ headers: res.headers, body: Buffer.concat(parts) }));
    }).on('error', reject);
  });
}
const sizeOf = ({ headers, body }: Reply): number =>
  body.length + Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + String(value).length + 4, 0);

/** Every address of our own that the page makes a browser fetch. */
const assetsOf = (html: string): string[] => [
  ...new Set([...html.matchAll(/(?:href|src)="(\/(?:assets|media|thumbnails)\/[^"#]+)/g)].map(([, path = '']) => path)),
];

describe('the dashboard over the wire', () => {
  it('is at most 60 kB on the first visit, everything included, and 20 kB after it', async () => {
    const page = await wire('/crm/marketing');
    expect(page.headers['content-encoding']).toBe('br');
    const html = brotliDecompressSync(page.body).toString();
    expect(html).toContain('<svg');
    const assets = assetsOf(html);
    expect(assets.length).toBeGreaterThan(3);
    const sizes = await Promise.all(assets.map(async (path) => sizeOf(await wire(path))));
    const first = sizeOf(page) + sizes.reduce((sum, size) => sum + size, 0);
    expect(first).toBeLessThanOrEqual(60_000);
    expect(sizeOf(page)).toBeLessThanOrEqual(20_000);
  });

  it('asks for nothing outside of this server', async () => {
    const html = brotliDecompressSync((await wire('/crm/marketing')).body).toString();
    expect([...html.matchAll(/(?:src|href|action)="(?:https?:)?\/\/([^"/]+)/g)].map(([, host]) => host)).toEqual([]);
  });

  it('has assets that are kept for good, under an address that changes with them', async () => {
    const html = brotliDecompressSync((await wire('/crm/marketing')).body).toString();
    for (const path of assetsOf(html).filter((each) => each.startsWith('/assets/'))) {
      expect(path).toMatch(/^\/assets\/[0-9a-f]{10}\//);
      const { headers, body } = await wire(path);
      expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
      expect(headers['vary']).toContain('Accept-Encoding');
      const plain = await wire(path, 'identity');
      expect([path, brotliDecompressSync(body).equals(plain.body)]).toEqual([path, true]);
      expect([path, gunzipSync((await wire(path, 'gzip')).body).equals(plain.body)]).toEqual([path, true]);
    }
  });

  it('comes as it is to whoever takes nothing compressed, and small answers to everybody', async () => {
    expect((await wire('/crm/marketing', 'identity')).headers['content-encoding']).toBeUndefined();
    const small = await wire('/readyz');
    expect(small.headers['content-encoding']).toBeUndefined();
    const json = await wire('/api/v1/openapi.json', 'gzip');
    expect(json.headers['content-type']).toContain('application/json');
    expect(JSON.parse(gunzipSync(json.body).toString())).toHaveProperty('openapi');
  });

  it('spells its CSRF token anew each time, so that its length tells nothing', async () => {
    const tokenIn = async () => {
      const html = (await wire('/crm/marketing', 'identity')).body.toString();
      return /"X-CSRF-Token":"([^"]+)"/.exec(html)?.[1] ?? '';
    };
    const [one, other] = [await tokenIn(), await tokenIn()];
    expect(one).not.toBe(other);
    expect(unmasked(one)).toBe(unmasked(other));
    expect(unmasked(masked('a token'))).toBe('a token');
  });
});

describe('the dashboard in the database', () => {
  it('asks twice when its figures are in the cache: who is there, and what stands beside the figures', async () => {
    await person.get('/crm/marketing');
    const counts: number[] = [];
    for (let visit = 0; visit < 5; visit++) {
      asked = 0;
      await person.get('/crm/marketing');
      counts.push(asked);
    }
    // Access rows are written now and then, beside the visits.
    expect(Math.min(...counts)).toBe(2);
  });

  it('shows every change on the very next visit', async () => {
    const shown = async () => (await person.get('/crm/marketing')).text();
    const before = await shown();
    expect(before).not.toContain('Zulema Recién Llegada');
    const form = { name: 'Zulema Recién Llegada', phone: '+54 9 11 5555 9871' };
    expect((await person.post('/crm/leads', form)).status).toBe(303);
    const { id } = await db.database.inTenant(tenantId, (tx) =>
      tx.one(sql.type(z.object({ id: z.string() }))`SELECT id FROM leads WHERE full_name = ${form.name}`),
    );
    const withLead = await shown();
    expect(withLead).toContain(form.name);
    await person.post(`/crm/leads/${id}/sales`, { amount: '7.654.321', currency: 'ARS', sold_on: '' });
    const strayIn = (html: string) => /id="campaigns"[\s\S]*?<p class="small muted">(.*?)<\/p>/.exec(html)?.[1];
    expect(strayIn(await shown())).not.toBe(strayIn(withLead));
    expect(await shown()).not.toContain('Los envíos están en pausa');
    await app.stores.sending.pause(tenantId, system('test'));
    expect(await shown()).toContain('href="/crm/sending">Revisar');
  });
});

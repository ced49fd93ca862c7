import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { releasePages } from '../adapters/postgres/pages.ts';
import { aPage } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { anInboxRow } from '../test/inbox-rows.ts';
import { aPerson, type Person } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let person: Person;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
});

const page = async (path = '/crm/inbox', who = person) => (await who.get(path)).text();
const idsOn = (html: string) => [...html.matchAll(/data-event="(\d+)"/g)].map(([, id]) => Number(id));
const auditOf = async (id: number) =>
  (await app.stores.systemEvents.changesOf(tenantId, { type: 'inbox_event', id: String(id) })).map(({ name }) => name);
const takenOf = async () => (await app.stores.inbox.take(100, 20)).filter((row) => row.tenant_id === tenantId);

describe('The inbox', () => {
  it('says of each state what it means, how much is in it and since when', async () => {
    expect(textOf(await page())).toMatch(/Nothing was given up Everything that came in has been applied/);
    await anInboxRow(db, tenantId);
    for (let i = 0; i < 2; i++) await anInboxRow(db, tenantId, { state: 'ignored', kind: 'mood', error: null });
    await anInboxRow(db, tenantId, { state: 'done' });
    const text = textOf(await page());
    expect(text).toMatch(/Parked 1 Contradictory 0 Waiting 0 Page not connected 0 Not used 2/);
    expect(text).toMatch(/tried 20 times.*Lead Meta.*20 What it needs did not answer/);
    expect(text).toContain('The oldest since this minute');
    expect(textOf(await page('/crm/inbox?state=ignored'))).toMatch(/a kind this product does not use.*mood/);
    expect((await person.get('/crm/inbox?state=done')).status).toBe(422);
  });

  it('opens at what is most urgent', async () => {
    const pending = await anInboxRow(db, tenantId, { state: 'pending', attempts: 1 });
    expect(idsOn(await page())).toEqual([pending]);
    const parked = await anInboxRow(db, tenantId);
    expect(idsOn(await page())).toEqual([parked]);
    expect(await page('/crm/marketing')).toMatch(/href="\/crm\/inbox"[\s\S]{0,200}class="count hot">1</);
  });

  it('goes in pages, and reloads as the fragment that stands in it', async () => {
    for (let i = 0; i < 26; i++) await anInboxRow(db, tenantId);
    const first = await page('/crm/inbox?state=parked');
    expect(idsOn(first)).toHaveLength(25);
    expect(idsOn(await page('/crm/inbox?state=parked&page=2'))).toHaveLength(1);
    const fragment = await page('/crm/inbox/rows?state=parked&page=1');
    expect(fragment).not.toContain('<html');
    expect(textOf(first)).toContain(textOf(fragment));
  });

  it('shows what the sender called it as text', async () => {
    const kind = '$t(common:product) <b>{{count}}</b>';
    const id = await anInboxRow(db, tenantId, { state: 'ignored', kind, payload: '{"a":"<script>"}' });
    for (const path of ['/crm/inbox?state=ignored', `/crm/inbox/${id}`]) {
      const html = await page(path);
      expect(html).toContain('$t(common:product) &lt;b&gt;{{count}}&lt;/b&gt;');
      expect(html).not.toContain('"<script>"');
    }
  });

  it('is each tenant’s own', async () => {
    const id = await anInboxRow(db, tenantId);
    const stranger = await aPerson(app, db, await aTenant(db));
    expect(idsOn(await page('/crm/inbox?state=parked', stranger))).toEqual([]);
    expect((await stranger.get(`/crm/inbox/${id}`)).status).toBe(404);
    await stranger.post(`/crm/inbox/${id}/retries`);
    await stranger.post('/crm/inbox/retries');
    expect(idsOn(await page())).toEqual([id]);
    for (const odd of ['0', 'x', '1.5', '9'.repeat(30)])
      expect((await person.get(`/crm/inbox/${odd}`)).status).toBe(404);
  });
});

describe('A parked row', () => {
  it('is taken again after a retry, which leaves an audit row', async () => {
    const [id, other] = [await anInboxRow(db, tenantId), await anInboxRow(db, tenantId)];
    expect(await takenOf()).toEqual([]);
    const reply = await person.post(`/crm/inbox/${id}/retries`);
    expect([reply.status, reply.headers.get('location')]).toEqual([303, '/crm/inbox?state=pending']);
    expect(await takenOf()).toMatchObject([{ id, attempts: 1 }]);
    expect(await auditOf(id)).toEqual(['inbox.retried']);
    expect(idsOn(await page('/crm/inbox?state=parked'))).toEqual([other]);
  });

  it('is retried with all others on one press, and what is not parked stays as it is', async () => {
    const ids = [await anInboxRow(db, tenantId), await anInboxRow(db, tenantId)];
    const done = await anInboxRow(db, tenantId, { state: 'done' });
    expect((await person.post('/crm/inbox/retries')).status).toBe(303);
    await person.post(`/crm/inbox/${done}/retries`);
    expect((await takenOf()).map(({ id }) => id).sort()).toEqual(ids.sort());
    expect(await auditOf(done)).toEqual([]);
  });
});

describe('A contradiction', () => {
  const body = (status: string) => JSON.stringify({ id: 'evt_1', whatsappMessage: { to: '+5491155550101', status } });

  it('is shown beside the content that counts, until a person has looked', async () => {
    const key = `ycloud:${tenantId}:evt_1`;
    const of = { provider: 'ycloud', kind: 'status', error: null } as const;
    await anInboxRow(db, tenantId, { ...of, key, state: 'done', payload: body('sent') });
    const id = await anInboxRow(db, tenantId, {
      ...of,
      key: `${key}:${'a0'.repeat(32)}`,
      state: 'conflict',
      payload: body('failed'),
    });
    expect(idsOn(await page())).toEqual([id]);
    const html = await page(`/crm/inbox/${id}`);
    expect(textOf(html)).toMatch(/Came first, counts Came later.*whatsappMessage\.status Differs sent failed/);
    expect(html.match(/data-differs/g)).toHaveLength(1);
    expect((await person.post(`/crm/inbox/${id}/dismissal`)).headers.get('location')).toBe('/crm/inbox?state=conflict');
    expect(idsOn(await page('/crm/inbox?state=conflict'))).toEqual([]);
    expect(await auditOf(id)).toEqual(['inbox.conflict_dismissed']);
  });
});

describe('A lead of a page that nobody has connected', () => {
  it('is shown to the tenant that had the page, and to no other', async () => {
    await aPage(db, tenantId, { id: `60${tenantId}`, name: 'Aurora Sur' });
    await anInboxRow(db, null, { state: 'orphan', pageId: `60${tenantId}`, attempts: 0, error: null });
    expect(textOf(await page('/crm/inbox?state=orphan'))).toContain('No lead waits for its page');
    await db.database.inTenant(tenantId, (tx) => releasePages(tx, tenantId));
    expect(textOf(await page('/crm/inbox?state=orphan'))).toMatch(/Page not connected 1.*Lead Aurora Sur/);
    const stranger = await aPerson(app, db, await aTenant(db));
    expect(idsOn(await page('/crm/inbox?state=orphan', stranger))).toEqual([]);
  });
});

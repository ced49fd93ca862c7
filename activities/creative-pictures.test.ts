import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPictures } from '../adapters/meta/pictures.ts';
import type { Stores } from '../adapters/postgres/stores.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { metaBench } from '../test/meta-simulator.ts';
import { aPerson } from '../test/person.ts';
import { connectTo, inActivity, syncActivities, syncOnce } from '../test/sync.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';
import { createCreativePictureActivities } from './creative-pictures.ts';

const bench = metaBench();
let db: TestDatabase;
let app: WholeApp;
let stores: Stores;
let tenantId: number;
let read: string[];

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
  stores = app.stores;
});
beforeEach(async () => {
  read = [];
  tenantId = await aTenant(db);
  const [account] = bench.simulator.world.accounts;
  if (account === undefined) throw new Error('no account');
  await connectTo(stores, bench, tenantId, [account]);
  await syncOnce(syncActivities(stores, bench), tenantId);
});

const pictures = () => createPictures({ graphUrl: bench.simulator.url });
const copy = (from: ReturnType<typeof pictures> = pictures()) =>
  inActivity(() =>
    createCreativePictureActivities({
      ...stores,
      cache: app.cache,
      pictures: {
        read: (address) => {
          read.push(address);
          return from.read(address);
        },
      },
    }).copyPictures({ tenantId }),
  );
const change = (query: ReturnType<typeof sql.unsafe>) => db.database.inTenant(tenantId, (tx) => tx.query(query));

describe('The pictures of creatives', () => {
  it('are copied once, and served from our own address to the tenant alone', async () => {
    const first = await copy();
    expect([first.copied > 0, first.failed]).toEqual([true, 0]);
    expect(await copy()).toEqual({ copied: 0, failed: 0 });
    expect(read).toHaveLength(first.copied);
    const [, creativeId = ''] = /media\/(\d+)/.exec(read[0] ?? '') ?? [];
    const person = await aPerson(app, db, tenantId);
    const reply = await person.get(`/thumbnails/${creativeId}`);
    expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'image/png']);
    expect(reply.headers.get('cache-control')).toBe('private, max-age=604800, immutable');
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
    expect(
      Buffer.from(await reply.arrayBuffer())
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
    const stranger = await aPerson(app, db, await aTenant(db));
    expect((await stranger.get(`/thumbnails/${creativeId}`)).status).toBe(404);
    expect((await fetch(`${app.url}/thumbnails/${creativeId}`, { redirect: 'manual' })).status).toBe(303);
  });

  it('that are none, too large or gone are tried a few times and never shown', async () => {
    const drawing = await copy({ read: async () => Buffer.from('<svg onload="alert(1)"/>') });
    expect([drawing.copied, drawing.failed > 0]).toEqual([0, true]);
    expect(await copy()).toEqual({ copied: 0, failed: 0 });
    await change(
      sql.unsafe`UPDATE creative_pictures SET tried_at = now() - interval '2 hours' WHERE tenant_id = ${tenantId}`,
    );
    expect(await copy()).toEqual({ copied: drawing.failed, failed: 0 });
    await change(
      sql.unsafe`UPDATE creative_pictures SET picture = NULL, type = NULL, failures = 5, tried_at = now() - interval '1 year' WHERE tenant_id = ${tenantId}`,
    );
    expect(await copy()).toEqual({ copied: 0, failed: 0 });
  });

  it('are read from Meta alone: no address leads into our own network', async () => {
    const [due] = await stores.creativePictures.due(tenantId, 1);
    const elsewhere = createPictures({ graphUrl: 'https://graph.facebook.com' });
    expect(await elsewhere.read(due?.address ?? '')).toBeNull();
    for (const address of [
      'http://scontent.fbcdn.net/a.jpg',
      'https://fbcdn.net.example.com/a.jpg',
      'file:///etc/passwd',
      'no address',
    ])
      expect(await elsewhere.read(address)).toBeNull();
    expect(await pictures().read(`${bench.simulator.url}/media/1.png`)).toBeNull();
  });
});

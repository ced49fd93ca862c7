import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createVault } from '../adapters/crypto/fernet.ts';
import type { MetaClient } from '../adapters/meta/client.ts';
import { createStores, type Stores } from '../adapters/postgres/stores.ts';
import { system } from '../domain/actor.ts';
import { TEST_FERNET_KEY } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { metaBench } from '../test/meta-simulator.ts';
import { connectTo, inActivity, syncActivities, syncOnce } from '../test/sync.ts';

const bench = metaBench();
let db: TestDatabase;
let stores: Stores;
let tenantId: number;
/** What each edge gave since it was last emptied, by its name. */
let given: Record<Edge, string[]>;

type Edge = 'campaigns' | 'adsets' | 'ads';

beforeAll(async () => {
  db = await testDatabase();
  stores = createStores(db.database, createVault([TEST_FERNET_KEY]), { onFallback: () => {} } as never);
});
beforeEach(async () => {
  await bench.control('reset', {});
  tenantId = await aTenant(db);
  await connectTo(stores, bench, tenantId, [account()]);
  await sync();
  given = { campaigns: [], adsets: [], ads: [] };
});

const account = () => {
  const [first] = bench.simulator.world.accounts;
  if (first === undefined) throw new Error('no account');
  return first;
};
const own = <T extends { accountId: string }>(all: readonly T[]): T[] =>
  all.filter(({ accountId }) => accountId === account().id);
/** An active campaign with its ad set and its ad. */
function aCampaign() {
  const { world } = bench.simulator;
  const campaign = own(world.campaigns).find(({ status }) => status === 'ACTIVE');
  const adset = world.adsets.find(({ campaignId }) => campaignId === campaign?.id);
  const ad = world.ads.find(({ campaignId }) => campaignId === campaign?.id);
  if (campaign === undefined || adset === undefined || ad === undefined) throw new Error('no such campaign');
  return { campaign, adset, ad };
}

/** The activities of a sync that note what Meta gives. */
function activities(meta: Partial<MetaClient> = {}) {
  const client = { ...bench.freshClient(), ...meta };
  const noting = <T>(
    edge: Edge,
    idOf: (row: T) => string,
    read: (...args: Parameters<MetaClient['ads']>) => AsyncIterable<{ rows: readonly T[]; calls: number }>,
  ) =>
    async function* (...args: Parameters<MetaClient['ads']>) {
      for await (const page of read(...args)) {
        given[edge].push(...page.rows.map(idOf));
        yield page;
      }
    };
  return syncActivities(stores, bench, {
    meta: {
      ...client,
      campaigns: noting('campaigns', ({ campaignId }) => campaignId, client.campaigns),
      adsets: noting('adsets', ({ adsetId }) => adsetId, client.adsets),
      ads: noting('ads', ({ adId }) => adId, client.ads),
    },
  });
}
const metaCalls = async () => (await bench.control<{ calls: unknown[] }>('ledger')).calls.length;
/** One sync; gives the number of calls to Meta. */
async function sync(): Promise<number> {
  given ??= { campaigns: [], adsets: [], ads: [] };
  const before = await metaCalls();
  await syncOnce(activities(), tenantId);
  return (await metaCalls()) - before;
}
const missANight = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`UPDATE ad_accounts SET wide_synced_at = wide_synced_at - interval '2 days'`),
  );
const objectRow = z.object({ name: z.string(), status: z.string().nullable() });
const kept = (table: string, id: string, value: string) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.one(sql.type(objectRow)`
      SELECT name, status FROM ${sql.identifier([table])} WHERE ${sql.identifier([id])} = ${value}`),
  );
const keptAd = (id: string) => kept('meta_ads_ads', 'ad_id', id);

describe('A scheduled run between two nights', () => {
  it('reads none of the objects that nobody changed, in the same six calls, and still says how many campaigns there are', async () => {
    expect(await sync()).toBe(6);
    expect(given).toEqual({ campaigns: [], adsets: [], ads: [] });
    expect(await stores.syncRuns.maybeLatest(tenantId)).toMatchObject({
      calls: 6,
      campaigns: own(bench.simulator.world.campaigns).length,
    });
  });

  it('reads what somebody renamed, and nothing else', async () => {
    const { campaign, ad } = aCampaign();
    await bench.control('objects', { id: campaign.id, name: 'Blanqueamiento (verano)' });
    await bench.control('objects', { id: ad.id, name: 'Video B' });
    await sync();
    expect(given).toEqual({ campaigns: [campaign.id], adsets: [], ads: [ad.id] });
    expect(await kept('meta_ads_campaigns', 'meta_campaign_id', campaign.id)).toMatchObject({
      name: 'Blanqueamiento (verano)',
    });
    expect(await keptAd(ad.id)).toMatchObject({ name: 'Video B' });
  });

  it('reads what was changed while the last run read', async () => {
    const { ad } = aCampaign();
    const meta = bench.freshClient();
    const ads: MetaClient['ads'] = async function* (...args) {
      yield* meta.ads(...args);
      await bench.control('objects', { id: ad.id, name: 'Video C' });
    };
    await syncOnce(activities({ ads }), tenantId);
    expect(await keptAd(ad.id)).not.toMatchObject({ name: 'Video C' });
    await sync();
    expect(await keptAd(ad.id)).toMatchObject({ name: 'Video C' });
  });

  it('brings a new campaign with its ad set and its ad', async () => {
    const before = own(bench.simulator.world.campaigns).length;
    await bench.control('campaigns', { account: account().id, count: 1, startedDaysAgo: 0 });
    await sync();
    expect([given.campaigns.length, given.adsets.length, given.ads.length]).toEqual([1, 1, 1]);
    expect(await stores.campaigns.countOf(tenantId, account().accountId)).toMatchObject({ campaigns: before + 1 });
  });

  it('learns of an ad that was deleted or archived', async () => {
    const { ad } = aCampaign();
    for (const status of ['DELETED', 'ARCHIVED']) {
      await bench.control('objects', { id: ad.id, status });
      await sync();
      expect(await keptAd(ad.id)).toMatchObject({ status });
    }
  });

  it('reads all ads once a campaign was paused, because each of its ads says so without having changed', async () => {
    const { campaign, adset, ad } = aCampaign();
    await bench.control('objects', { id: campaign.id, status: 'PAUSED' });
    expect(await sync()).toBe(6);
    expect(await keptAd(ad.id)).toMatchObject({ status: 'CAMPAIGN_PAUSED' });
    expect(await kept('meta_ads_adsets', 'adset_id', adset.id)).toMatchObject({ status: 'CAMPAIGN_PAUSED' });
    given = { campaigns: [], adsets: [], ads: [] };
    await sync();
    expect(given).toEqual({ campaigns: [campaign.id], adsets: [], ads: [] }); // whose change is within the overlap
  });

  it('does so too when it broke after it had seen the campaign', async () => {
    const { campaign, ad } = aCampaign();
    await bench.control('objects', { id: campaign.id, status: 'PAUSED' });
    const of = {
      tenantId,
      runId: (await stores.syncRuns.maybeLatest(tenantId))?.id ?? '',
      adAccountId: account().accountId,
    };
    const adsets: MetaClient['adsets'] = async function* () {
      yield* [];
      throw new Error('the worker died');
    };
    const objects = { ...of, changesOnly: true };
    await expect(inActivity(() => activities({ adsets }).syncObjects(objects))).rejects.toThrow('died');
    await inActivity(() => activities().syncObjects(objects));
    expect(await keptAd(ad.id)).toMatchObject({ status: 'CAMPAIGN_PAUSED' });
  });
});

describe('What Meta itself changes about an ad, which does not count as a change', () => {
  const refuse = () => {
    const { ad } = aCampaign();
    Object.assign(ad, { status: 'DISAPPROVED' });
    return ad.id;
  };

  it('is found by the daily run, which reads everything', async () => {
    const id = refuse();
    await sync();
    expect(await keptAd(id)).toMatchObject({ status: 'ACTIVE' });
    await missANight();
    expect(await sync()).toBeLessThanOrEqual(10);
    expect(given.ads.length).toBe(own(bench.simulator.world.ads).length);
    expect(await keptAd(id)).toMatchObject({ status: 'DISAPPROVED' });
  });

  it('is found at once when a person asks', async () => {
    const id = refuse();
    await stores.syncRuns.ask(tenantId, system('test'), 60_000);
    await sync();
    expect(await keptAd(id)).toMatchObject({ status: 'DISAPPROVED' });
  });
});

import { sql } from 'slonik';
import { beforeAll, beforeEach } from 'vitest';
import { z } from 'zod';
import { createVault } from '../adapters/crypto/fernet.ts';
import { createStores, type Stores } from '../adapters/postgres/stores.ts';
import { dayIn } from '../domain/days.ts';
import { aTenant, type TestDatabase, testDatabase } from './database.ts';
import { type MetaBench, metaBench } from './meta-simulator.ts';
import { connectTo, syncActivities, syncOnce } from './sync.ts';

const totalsRow = z.object({ id: z.string(), spend: z.string(), impressions: z.number(), leads: z.number() });
type Totals = z.output<typeof totalsRow>;

export interface SyncBench {
  meta: MetaBench;
  db: TestDatabase;
  stores: Stores;
  /** Both new for each test; the tenant is connected to `account`. */
  tenantId: number;
  activities: ReturnType<typeof syncActivities>;
  /** Tenants whose figures were forgotten in the cache. */
  invalidated: number[];
  account(): MetaBench['simulator']['world']['accounts'][number];
  /** The account's own day. */
  today(): string;
  /** One sync; gives the number of calls to Meta. */
  sync(): Promise<number>;
  metaCalls(): Promise<number>;
  /** Our totals, and Meta's of the last days, by campaign. */
  ours(): Promise<readonly Totals[]>;
  theirs(days: number): Promise<readonly Totals[]>;
  /** The account's 28 days are due again. */
  missedNight(): Promise<unknown>;
}

/** A tenant connected to an account of the Meta simulator over real HTTP and real PostgreSQL, and what a sync of it brings. */
export function syncBench(): SyncBench {
  const meta = metaBench();
  const bench = { meta } as SyncBench;
  beforeAll(async () => {
    bench.db = await testDatabase();
    const vault = createVault(['cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=']);
    bench.stores = createStores(bench.db.database, vault, { onFallback: () => {} } as never);
  });
  beforeEach(async () => {
    bench.tenantId = await aTenant(bench.db);
    bench.invalidated = [];
    bench.activities = syncActivities(bench.stores, meta, {
      cache: { invalidate: async (tenant) => void bench.invalidated.push(tenant) },
    });
    await connectTo(bench.stores, meta, bench.tenantId, [bench.account()]);
  });
  bench.account = () => {
    const [first] = meta.simulator.world.accounts;
    if (first === undefined) throw new Error('no account');
    return first;
  };
  bench.today = () => dayIn(bench.account().timeZone, new Date());
  bench.metaCalls = async () => (await meta.control<{ calls: unknown[] }>('ledger')).calls.length;
  bench.sync = async () => {
    const before = await bench.metaCalls();
    await syncOnce(bench.activities, bench.tenantId);
    return (await bench.metaCalls()) - before;
  };
  bench.ours = () => ourTotals(bench);
  bench.theirs = (days) => metasTotals(bench, days);
  bench.missedNight = () =>
    bench.db.database.inTenant(bench.tenantId, (tx) =>
      tx.query(sql.unsafe`UPDATE ad_accounts SET wide_synced_at = wide_synced_at - interval '2 days'`),
    );
  return bench;
}

const ourTotals = ({ db, tenantId }: SyncBench) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.any(sql.type(totalsRow)`
      SELECT meta_campaign_id AS id, spend, impressions, leads_count AS leads FROM meta_ads_campaigns
      WHERE impressions > 0 ORDER BY meta_campaign_id`),
  );

async function metasTotals({ meta, account, today }: SyncBench, days: number): Promise<readonly Totals[]> {
  const until = today();
  const since = new Date(Date.parse(until) - (days - 1) * 86_400_000).toISOString().slice(0, 10);
  const { campaigns } = await meta.control<{ campaigns: Totals[] }>(
    `totals?account=${account().id}&since=${since}&until=${until}`,
  );
  return campaigns
    .map(({ id, spend, impressions, leads }) => ({ id, spend: Number(spend).toFixed(2), impressions, leads }))
    .filter(({ impressions }) => impressions > 0)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

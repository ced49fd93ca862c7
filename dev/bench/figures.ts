import { sql } from 'slonik';
import { connectDatabase, type Database } from '../../adapters/postgres/pool.ts';
import { createStats } from '../../adapters/postgres/stats.ts';
import { createTenant } from '../../adapters/postgres/tenants.ts';
import { createCache } from '../../adapters/redis/cache.ts';
import { createStatsService } from '../../web/stats.ts';
import { inTurn } from './load.ts';
import { report } from './report.ts';

/** How large the tenant is whose figures are measured. */
export interface FigureSizes {
  /** Times days: the rows of the books. */
  campaigns: number;
  days: number;
  leads: number;
  rounds: number;
}

const FULL: FigureSizes = { campaigns: 900, days: 1120, leads: 100_000, rounds: 15 };

/** The figures of a tenant with a million rows: uncached against the same SQL alone, and from the cache. */
export async function benchFigures(ownerUrl: string, appUrl: string, sizes: FigureSizes = FULL): Promise<void> {
  const database = await connectDatabase(appUrl, { maxPoolSize: 4 });
  const tenantId = await aLargeTenant(ownerUrl, database, sizes);
  const stats = createStats(database);
  const query = { days: 30, view: 'date', model: 'last' } as const;
  const uncached = () => createStatsService(stats, createCache(undefined), () => new Date()).json(tenantId, query);
  const { period } = await uncached();
  const cached = createStatsService(stats, createCache(undefined), () => new Date());
  await cached.json(tenantId, query);

  const alone = timesOf(() => stats.rows(tenantId, period));
  const whole = timesOf(uncached);
  const { a, b, ratio } = await inTurn(sizes.rounds, whole.once, alone.once);
  const size = `${sizes.campaigns * sizes.days} insight rows, ${sizes.leads} leads`;
  report({
    name: 'stats of 30 days, uncached',
    ratio,
    unit: 'of the same SQL alone',
    baseline: `the same SQL without adding up, ${b.toFixed(1)} ms`,
    goal: 1.3,
    better: 'less',
    note: `${size}; ${a.toFixed(1)} ms`,
  });
  report({
    name: 'stats of 30 days, uncached, p95',
    value: p95(whole.all),
    unit: 'ms',
    baseline: null,
    goal: 150,
    better: 'less',
  });
  const fromCache = timesOf(() => cached.json(tenantId, query));
  for (let i = 0; i < 50; i++) await fromCache.once();
  report({
    name: 'stats of 30 days, cached, p95',
    value: p95(fromCache.all),
    unit: 'ms',
    baseline: null,
    goal: 5,
    better: 'less',
  });
  await database.end();
}

function timesOf(work: () => Promise<unknown>) {
  const all: number[] = [];
  return {
    all,
    async once(): Promise<number> {
      const started = performance.now();
      await work();
      const ms = performance.now() - started;
      all.push(ms);
      return ms;
    },
  };
}

const p95 = (times: readonly number[]): number =>
  times.toSorted((x, y) => x - y)[Math.max(0, Math.ceil(times.length * 0.95) - 1)] ?? 0;

/** Made in SQL: a million rows through the application would take longer than everything measured. */
async function aLargeTenant(ownerUrl: string, { inTenant }: Database, sizes: FigureSizes): Promise<number> {
  const owner = await connectDatabase(ownerUrl, { maxPoolSize: 1 });
  const { tenantId } = await createTenant(owner, {
    name: 'Large',
    country: 'AR',
    timeZone: 'America/Argentina/Buenos_Aires',
    currency: 'ARS',
    user: { name: 'Large', email: `large-${Date.now()}@example.com`, passwordHash: '-' },
    adminKeyHash: Buffer.alloc(32, Date.now() % 256),
    adminKeyLastFour: '0000',
  });
  await owner.end();
  await inTenant(tenantId, async (tx) => {
    await tx.query(sql.unsafe`
      INSERT INTO ad_accounts (tenant_id, ad_account_id, name, currency, time_zone, account_status, last_synced_at)
      VALUES (${tenantId}, '900', 'Large', 'ARS', 'America/Argentina/Buenos_Aires', 1, now())`);
    await tx.query(sql.unsafe`
      INSERT INTO meta_ads_campaigns (tenant_id, meta_campaign_id, meta_account_id, name, status, currency)
      SELECT ${tenantId}, (9000000 + n)::text, '900', 'Campaign ' || n, 'ACTIVE', 'ARS' FROM generate_series(1, ${sizes.campaigns}) n`);
  });
  await analyzed(ownerUrl); // else each row's check of its campaign is planned for an empty table
  const inParts = async (all: number, part: number, work: (from: number, to: number) => Promise<void>) => {
    for (let from = 0; from < all; from += part) await work(from, Math.min(all, from + part) - 1);
  };
  // In parts: no statement of the application may take longer than 15 seconds.
  await inParts(sizes.days, 20, (from, to) =>
    inTenant(tenantId, async (tx) => {
      await tx.query(sql.unsafe`
        INSERT INTO meta_ads_insights (tenant_id, meta_campaign_id, meta_account_id, date, currency, spend, impressions, clicks, leads)
        SELECT ${tenantId}, (9000000 + n)::text, '900', current_date - d, 'ARS', 1000 + (n * 37 + d * 11) % 9000 + 0.25, 8000, 140, (n + d) % 4
        FROM generate_series(1, ${sizes.campaigns}) n CROSS JOIN generate_series(${from}::int, ${to}::int) d`);
    }),
  );
  await inParts(sizes.leads, 5_000, (from, to) =>
    inTenant(tenantId, async (tx) => {
      await tx.query(sql.unsafe`
        WITH made AS (
          INSERT INTO leads (tenant_id, meta_leadgen_id, full_name, submitted_at)
          SELECT ${tenantId}, 'large-' || n, 'Person ' || n, now() - (n % 700) * interval '1 day' FROM generate_series(${from}::int, ${to}::int) n
          RETURNING id, submitted_at, split_part(meta_leadgen_id, '-', 2)::int AS n
        ), touched AS (
          INSERT INTO lead_touches (tenant_id, lead_id, kind, touched_at, meta_campaign_id)
          SELECT ${tenantId}, id, 'form', submitted_at, (9000001 + n % ${sizes.campaigns}::int)::text FROM made
        )
        SELECT count(*) FROM made`);
    }),
  );
  await inTenant(tenantId, async (tx) => {
    await tx.query(sql.unsafe`
      INSERT INTO sales_transactions (tenant_id, lead_id, amount, currency, sold_at)
      SELECT ${tenantId}, id, 50000, 'ARS', submitted_at + interval '3 hours' FROM leads WHERE tenant_id = ${tenantId} AND right(meta_leadgen_id, 1) = '7'`);
  });
  await analyzed(ownerUrl);
  return tenantId;
}

async function analyzed(ownerUrl: string): Promise<void> {
  const owner = await connectDatabase(ownerUrl, { maxPoolSize: 1 });
  await owner.pool.query(sql.unsafe`SET statement_timeout = 0`); // the pool's one connection: to look at a million rows may take longer
  for (const table of ['meta_ads_insights', 'meta_ads_campaigns', 'leads', 'lead_touches', 'sales_transactions'])
    await owner.pool.query(sql.unsafe`ANALYZE ${sql.identifier([table])}`);
  await owner.end();
}

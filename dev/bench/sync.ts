import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { createCampaignSyncs } from '../../adapters/temporal/campaign-sync.ts';
import { asAdmin } from '../stack/roles.ts';
import { report } from './report.ts';
import type { SeededBench } from './stack.ts';
import { benchLargeSync } from './sync-large.ts';
import { benchSyncSpeed } from './sync-speed.ts';

const PAGE_ROWS = 500;
const OBJECT_READS = 4; // the account itself, campaigns, ad sets, ads
const GIVE_UP_MS = 10 * 60_000;

const runRow = z.object({
  state: z.string(),
  kind: z.string(),
  calls: z.coerce.number(),
  rows: z.coerce.number(),
  seconds: z.coerce.number(),
});
export type Run = z.output<typeof runRow>;

/** Campaign syncs through the whole product: calls against the fewest possible, speed, and what a large account takes. */
export async function benchSync(bench: SeededBench): Promise<void> {
  for (const [name, window] of [
    ['4-hourly', 'narrow'],
    ['daily', 'wide'],
    ['first', 'first'],
  ] as const) {
    const run = await syncOf(bench, window);
    const floor = await floorOf(bench, window);
    report({
      name: `Meta calls of a ${name} sync`,
      ratio: run.calls / floor,
      unit: 'of the floor',
      baseline: `${floor} calls: pages of ${PAGE_ROWS} that the rows fill, one read an object edge, one control total a wide slice`,
      goal: 1.2,
      better: 'less',
      note: `${run.calls} calls, ${run.rows} rows of the books`,
    });
  }
  await benchSyncSpeed(bench);
  await benchLargeSync(bench);
}

/** Makes every account of the first tenant need this window, starts the Schedule's own run and waits for its row. */
export async function syncOf({ places, tenants }: SeededBench, window: 'narrow' | 'wide' | 'first'): Promise<Run> {
  const tenantId = tenants[0]?.id ?? 0;
  const connection = await Connection.connect({ address: places.temporalAddress });
  try {
    return await asAdmin(places.adminUrl, async (client) => {
      const synced = { narrow: "now() - interval '1 hour'", wide: "now() - interval '2 days'", first: 'NULL' }[window];
      await client.query(`UPDATE ad_accounts SET wide_synced_at = ${synced} WHERE tenant_id = $1`, [tenantId]);
      const { rows: clock } = await client.query<{ now: Date }>('SELECT now() AS now');
      await createCampaignSyncs(new Client({ connection })).start(tenantId);
      for (const until = Date.now() + GIVE_UP_MS; Date.now() < until; ) {
        const { rows } = await client.query(
          `SELECT state, kind, calls, insight_rows AS rows, extract(epoch FROM finished_at - started_at) AS seconds
           FROM sync_runs WHERE tenant_id = $1 AND started_at >= $2 AND state = 'done' ORDER BY started_at DESC LIMIT 1`,
          [tenantId, clock[0]?.now],
        );
        if (rows[0] !== undefined) return runRow.parse(rows[0]);
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      throw new Error('the sync did not finish');
    });
  } finally {
    await connection.close();
  }
}

/** The slices of each window, newest first. */
export const DAYS = { narrow: [3], wide: [28], first: [28, 31, 31] } as const;

/** The fewest calls for what lies in the tables now: each level's rows by slice, in full pages. */
async function floorOf({ places, tenants }: SeededBench, window: keyof typeof DAYS): Promise<number> {
  return asAdmin(places.adminUrl, async (client) => {
    const accounts = await client.query<{ id: string; today: string }>(
      `SELECT ad_account_id AS id, (now() AT TIME ZONE time_zone)::date::text AS today FROM ad_accounts WHERE tenant_id = $1 AND is_selected`,
      [tenants[0]?.id],
    );
    let calls = 0;
    for (const { id, today } of accounts.rows) {
      calls += OBJECT_READS;
      let from = 0;
      for (const days of DAYS[window]) {
        for (const table of ['meta_ads_insights', 'meta_ads_ad_insights']) {
          const { rows } = await client.query<{ n: string }>(
            `SELECT count(*) AS n FROM ${table} WHERE tenant_id = $1 AND meta_account_id = $2 AND date > $3::date - $4::int AND date <= $3::date - $5::int`,
            [tenants[0]?.id, id, today, from + days, from],
          );
          calls += Math.max(1, Math.ceil(Number(rows[0]?.n ?? 0) / PAGE_ROWS));
        }
        if (days >= 28) calls += 1;
        from += days;
      }
    }
    return calls;
  });
}

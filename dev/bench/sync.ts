import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { createCampaignSyncs } from '../../adapters/temporal/campaign-sync.ts';
import { asAdmin } from '../stack/roles.ts';
import { report } from './report.ts';
import type { SeededBench } from './stack.ts';

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
type Run = z.output<typeof runRow>;

/** Campaign syncs through the whole product: calls against the fewest possible, and rows a second against a bare reader of the same pages. */
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
    if (window === 'first') await againstBareReader(bench, run);
  }
}

async function againstBareReader(bench: SeededBench, run: Run): Promise<void> {
  const bare = await bareRead(bench);
  const [hub, alone] = [run.rows / run.seconds, bare.rows / bare.seconds];
  report({
    name: 'rows a second of a first sync',
    ratio: hub / alone,
    unit: 'of the bare reader',
    baseline: `the same pages fetched and upserted without Temporal, ${Math.round(alone)} rows/s`,
    goal: 0.8,
    better: 'more',
    note: `${Math.round(hub)} rows/s`,
  });
}

/** Makes every account of the first tenant need this window, starts the Schedule's own run and waits for its row. */
async function syncOf({ places, tenants }: SeededBench, window: 'narrow' | 'wide' | 'first'): Promise<Run> {
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

const DAYS = { narrow: [3], wide: [28], first: [28, 31, 31] } as const;

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

interface Page {
  data: { campaign_id?: string; ad_id?: string; date_start: string; spend?: string }[];
  paging?: { next?: string; cursors?: { after?: string } };
}

/** The least a program can do: fetch each page of the same windows and upsert it in one statement. */
async function bareRead({ places, tenants }: SeededBench): Promise<{ rows: number; seconds: number }> {
  const made = await fetch(`${places.metaSimUrl}/_control/tokens`, { method: 'POST', body: '{}' });
  const { access_token: token } = (await made.json()) as { access_token: string };
  return asAdmin(places.adminUrl, async (client) => {
    await client.query(
      'CREATE TEMP TABLE bare (level text, id text, day date, spend numeric, PRIMARY KEY (level, id, day))',
    );
    const accounts = await client.query<{ id: string; today: string }>(
      `SELECT ad_account_id AS id, (now() AT TIME ZONE time_zone)::date AS today FROM ad_accounts WHERE tenant_id = $1 AND is_selected`,
      [tenants[0]?.id],
    );
    const started = performance.now();
    let books = 0;
    for (const { id, today } of accounts.rows) {
      for (const edge of ['', '/campaigns', '/adsets', '/ads'])
        await (await fetch(`${places.metaSimUrl}/v26.0/act_${id}${edge}?limit=500&access_token=${token}`)).json();
      let from = 0;
      for (const days of DAYS.first) {
        const at = (back: number) => new Date(Date.parse(today) - back * 86_400_000).toISOString().slice(0, 10);
        const range = JSON.stringify({ since: at(from + days - 1), until: at(from) });
        for (const level of ['campaign', 'ad'] as const) {
          const rows = await copyLevel(`${places.metaSimUrl}/v26.0/act_${id}/insights`, token, level, range, (page) =>
            client.query(
              `INSERT INTO bare SELECT $1, * FROM unnest($2::text[], $3::date[], $4::numeric[])
               ON CONFLICT (level, id, day) DO UPDATE SET spend = excluded.spend`,
              [
                level,
                page.map((row) => row.ad_id ?? row.campaign_id),
                page.map((row) => row.date_start),
                page.map((row) => row.spend ?? '0'),
              ],
            ),
          );
          if (level === 'campaign') books += rows;
        }
        from += days;
      }
    }
    return { rows: books, seconds: (performance.now() - started) / 1000 };
  });
}

async function copyLevel(
  address: string,
  token: string,
  level: 'campaign' | 'ad',
  range: string,
  keep: (rows: Page['data']) => Promise<unknown>,
): Promise<number> {
  let rows = 0;
  let after: string | undefined;
  do {
    const params = new URLSearchParams({
      level,
      time_increment: '1',
      time_range: range,
      fields: `${level}_id,spend,impressions,clicks,actions`,
      limit: String(PAGE_ROWS),
      access_token: token,
      ...(after === undefined ? {} : { after }),
    });
    const page = (await (await fetch(`${address}?${params}`)).json()) as Page;
    await keep(page.data);
    rows += page.data.length;
    after = page.paging?.next === undefined ? undefined : page.paging.cursors?.after;
  } while (after !== undefined);
  return rows;
}

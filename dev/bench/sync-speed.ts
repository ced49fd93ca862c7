import type { Client } from 'pg';
import { asAdmin } from '../stack/roles.ts';
import { report } from './report.ts';
import type { SeededBench } from './stack.ts';
import { DAYS, syncOf } from './sync.ts';

const PAGE_ROWS = 500;
const LEAD = 'onsite_conversion.lead_grouped';

/** First syncs against a bare reader, in turn: of the demo's accounts as they are, and with one as large as Meta still gives page by page. */
export async function benchSyncSpeed(bench: SeededBench): Promise<void> {
  await speedOf(bench, 'rows a second of a first sync, a small tenant', 3);
  await grow(bench, 800);
  await speedOf(bench, 'rows a second of a first sync, 812 campaigns', 1);
}

/** More campaigns for the first account, until it has so many. */
export async function grow({ places, tenants }: SeededBench, campaigns: number): Promise<void> {
  const account = await asAdmin(places.adminUrl, async (client) => (await accountsOf(client, tenants[0]?.id))[0]);
  const ask = async (count: number) => {
    const body = JSON.stringify({ account: `act_${account?.id}`, count });
    const reply = await fetch(`${places.metaSimUrl}/_control/campaigns`, { method: 'POST', body });
    return ((await reply.json()) as { campaigns: number }).campaigns;
  };
  const now = await ask(1);
  if (now < campaigns) await ask(campaigns - now);
}

async function speedOf(bench: SeededBench, name: string, rounds: number): Promise<void> {
  const hub = { rows: 0, seconds: 0 };
  const bare = { rows: 0, seconds: 0 };
  for (let round = 0; round < rounds; round++) {
    for (const [sum, read] of [
      [bare, bareRead],
      [hub, hubRead],
    ] as const) {
      const { rows, seconds } = await read(bench);
      sum.rows += rows;
      sum.seconds += seconds;
    }
  }
  const [ours, alone] = [hub.rows / hub.seconds, bare.rows / bare.seconds];
  report({
    name,
    ratio: ours / alone,
    unit: 'of the bare reader',
    baseline: `the same pages fetched and the same figures upserted without Temporal, one after another, ${Math.round(alone)} rows/s`,
    goal: 0.8,
    better: 'more',
    note: `${Math.round(ours)} rows/s; ${hub.rows / rounds} rows of the books and as many pages of the detail; ${(bare.seconds / rounds).toFixed(2)} s alone`,
  });
}

/** The first sync of a tenant that has no figures yet. */
async function hubRead(bench: SeededBench): Promise<{ rows: number; seconds: number }> {
  await asAdmin(bench.places.adminUrl, async (client) => {
    for (const table of ['meta_ads_insights', 'meta_ads_ad_insights'])
      await client.query(`DELETE FROM ${table} WHERE tenant_id = $1`, [bench.tenants[0]?.id]);
  });
  return syncOf(bench, 'first');
}

interface Row {
  campaign_id: string;
  ad_id?: string;
  date_start: string;
  spend?: string;
  impressions?: string;
  clicks?: string;
  actions?: { action_type: string; value: string }[];
}

interface Page {
  data: Row[];
  paging?: { next?: string; cursors?: { after?: string } };
}

/** The least a program can do: fetch each page of the same windows and upsert it in one statement, in a table that survives a crash as ours does. */
async function bareRead({ places, tenants }: SeededBench): Promise<{ rows: number; seconds: number }> {
  const made = await fetch(`${places.metaSimUrl}/_control/tokens`, { method: 'POST', body: '{}' });
  const { access_token: token } = (await made.json()) as { access_token: string };
  return asAdmin(places.adminUrl, async (client) => {
    await client.query(`DROP TABLE IF EXISTS bench_bare; CREATE TABLE bench_bare (level text, id text, day date, campaign text,
      spend numeric, impressions bigint, clicks bigint, leads int, PRIMARY KEY (level, id, day))`);
    const accounts = await accountsOf(client, tenants[0]?.id);
    const started = performance.now();
    let books = 0;
    for (const { id, today } of accounts) {
      const account = `${places.metaSimUrl}/v26.0/act_${id}`;
      for (const edge of ['', '/campaigns', '/adsets', '/ads'])
        await copyAll(`${account}${edge}`, { limit: '500', access_token: token }, async () => {});
      for (const range of rangesOf(today)) {
        for (const level of ['campaign', 'ad'] as const) {
          const rows = await copyLevel(`${account}/insights`, token, level, range, (page) =>
            upsert(client, level, page),
          );
          if (level === 'campaign') books += rows;
        }
      }
    }
    return { rows: books, seconds: (performance.now() - started) / 1000 };
  });
}

async function accountsOf(client: Client, tenantId: number | undefined): Promise<{ id: string; today: string }[]> {
  const { rows } = await client.query<{ id: string; today: string }>(
    `SELECT ad_account_id AS id, (now() AT TIME ZONE time_zone)::date::text AS today FROM ad_accounts
     WHERE tenant_id = $1 AND is_selected ORDER BY ad_account_id`,
    [tenantId],
  );
  return rows;
}

function rangesOf(today: string): string[] {
  const at = (back: number) => new Date(Date.parse(today) - back * 86_400_000).toISOString().slice(0, 10);
  let from = 0;
  return DAYS.first.map((days) => {
    const range = JSON.stringify({ since: at(from + days - 1), until: at(from) });
    from += days;
    return range;
  });
}

const upsert = (client: Client, level: 'campaign' | 'ad', page: readonly Row[]) =>
  client.query(
    `INSERT INTO bench_bare SELECT $1, * FROM unnest($2::text[], $3::date[], $4::text[], $5::numeric[], $6::bigint[], $7::bigint[], $8::int[])
     ON CONFLICT (level, id, day) DO UPDATE SET spend = excluded.spend, impressions = excluded.impressions,
       clicks = excluded.clicks, leads = excluded.leads`,
    [
      level,
      page.map((row) => row.ad_id ?? row.campaign_id),
      page.map((row) => row.date_start),
      page.map((row) => row.campaign_id),
      page.map((row) => row.spend ?? '0'),
      page.map((row) => row.impressions ?? '0'),
      page.map((row) => row.clicks ?? '0'),
      page.map((row) => row.actions?.find((action) => action.action_type === LEAD)?.value ?? '0'),
    ],
  );

function copyLevel(
  address: string,
  token: string,
  level: 'campaign' | 'ad',
  range: string,
  keep: (rows: Row[]) => Promise<unknown>,
): Promise<number> {
  const fields = `campaign_id,campaign_name,${level === 'ad' ? 'adset_id,ad_id,' : ''}spend,impressions,clicks,actions`;
  const limit = String(PAGE_ROWS);
  const asked = { level, time_increment: '1', time_range: range, fields, limit, access_token: token };
  return copyAll(address, asked, keep);
}

async function copyAll(
  address: string,
  asked: Record<string, string>,
  keep: (rows: Row[]) => Promise<unknown>,
): Promise<number> {
  let rows = 0;
  let after: string | undefined;
  do {
    const params = new URLSearchParams({ ...asked, ...(after === undefined ? {} : { after }) });
    const page = (await (await fetch(`${address}?${params}`)).json()) as Partial<Page>;
    await keep(page.data ?? []);
    rows += page.data?.length ?? 0;
    after = page.paging?.next === undefined ? undefined : page.paging.cursors?.after;
  } while (after !== undefined);
  return rows;
}

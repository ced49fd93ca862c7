import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { asAdmin } from '../stack/roles.ts';
import { report } from './report.ts';
import type { SeededBench } from './stack.ts';

const TAP = 'tap-facebook==1.26.0';
const run = promisify(execFile);
const FIELDS = new Set(['ad_id', 'adset_id', 'campaign_id', 'date_start', 'spend', 'impressions', 'clicks', 'actions']);

interface Row {
  ad_id: string;
  date_start: string;
  spend?: number | string;
}

/** The figures by ad and day of one account as a well-known connector reads them from the same Meta: rows equal, calls and seconds side by side. */
export async function benchTap(bench: SeededBench): Promise<void> {
  const python = await installed(bench.folder).catch(() => null);
  if (python === null) {
    report({
      name: 'tap-facebook',
      value: Number.NaN,
      unit: 'calls',
      baseline: null,
      goal: null,
      better: 'less',
      note: `${TAP} could not be installed`,
    });
    return;
  }
  const account = await anAccountOf(bench);
  const before = await calls(bench);
  const started = performance.now();
  const rows = await tapRows(bench, python, account);
  const seconds = (performance.now() - started) / 1000;
  const theirCalls = (await calls(bench)) - before;
  const days = [...new Set(rows.map((row) => row.date_start.slice(0, 10)))].sort();
  const [since = '', until = ''] = [days.at(0), days.at(-2)]; // today grows between two readings
  const inWindow = rows.filter((row) => row.date_start.slice(0, 10) <= until);
  const mine = await ourRows(bench, account.id, since, until);
  report({
    name: 'rows by ad and day, ours beside those of tap-facebook',
    ratio: mine.rows / inWindow.length,
    unit: 'of its rows',
    baseline: `${TAP}, ${inWindow.length} rows of ${days.length - 1} days`,
    goal: 1,
    better: 'more',
    note: `spend ${mine.spend} here, ${sumOf(inWindow)} there`,
  });
  report({
    name: 'calls for the same days by tap-facebook',
    value: theirCalls,
    unit: 'calls',
    baseline: null,
    goal: null,
    better: 'less',
    note: `${seconds.toFixed(1)} s; it starts a report a day and sleeps ten seconds for each. Ours read the same days in ${Math.ceil(mine.rows / 500)} pages`,
  });
}

async function installed(folder: string): Promise<string> {
  const venv = join(folder, 'tap');
  await run('python3', ['-m', 'venv', venv]);
  await run(join(venv, 'bin/pip'), ['install', '--quiet', TAP], { timeout: 300_000 });
  return join(venv, 'bin/python');
}

async function tapRows({ places, folder }: SeededBench, python: string, { id, today }: { id: string; today: string }) {
  const made = await fetch(`${places.metaSimUrl}/_control/tokens`, { method: 'POST', body: '{}' });
  const { access_token } = (await made.json()) as { access_token: string };
  const config = join(folder, 'tap-config.json');
  writeFileSync(config, JSON.stringify({ start_date: `${today}T00:00:00Z`, account_id: id, access_token }));
  const tap = (...more: string[]) =>
    run(python, [join(import.meta.dirname, 'tap.py'), places.metaSimUrl, '--config', config, ...more], {
      maxBuffer: 256 * 1024 * 1024,
      timeout: 900_000,
    });
  const catalog = JSON.parse((await tap('--discover')).stdout) as {
    streams: { tap_stream_id: string; metadata: { breadcrumb: string[]; metadata: { selected?: boolean } }[] }[];
  };
  for (const { breadcrumb, metadata } of catalog.streams.find((each) => each.tap_stream_id === 'ads_insights')
    ?.metadata ?? [])
    if (breadcrumb.length === 0 || FIELDS.has(breadcrumb.at(-1) ?? '')) metadata.selected = true;
  const properties = join(folder, 'tap-catalog.json');
  writeFileSync(properties, JSON.stringify(catalog));
  const { stdout } = await tap('--properties', properties);
  return stdout
    .split('\n')
    .filter((line) => line.includes('"RECORD"'))
    .map((line) => (JSON.parse(line) as { record: Row }).record);
}

const anAccountOf = ({ places, tenants }: SeededBench): Promise<{ id: string; today: string }> =>
  asAdmin(places.adminUrl, async (client) => {
    const { rows } = await client.query<{ id: string; today: string }>(
      `SELECT ad_account_id AS id, (now() AT TIME ZONE time_zone)::date::text AS today FROM ad_accounts
       WHERE tenant_id = $1 AND is_selected ORDER BY ad_account_id LIMIT 1`,
      [tenants[0]?.id],
    );
    return rows[0] ?? { id: '', today: '' };
  });

const ourRows = ({ places, tenants }: SeededBench, id: string, since: string, until: string) =>
  asAdmin(places.adminUrl, async (client) => {
    const { rows } = await client.query<{ rows: number; spend: string }>(
      `SELECT count(*)::int AS rows, coalesce(sum(spend), 0)::text AS spend FROM meta_ads_ad_insights
       WHERE tenant_id = $1 AND meta_account_id = $2 AND date BETWEEN $3::date AND $4::date`,
      [tenants[0]?.id, id, since, until],
    );
    return rows[0] ?? { rows: 0, spend: '0' };
  });

async function calls({ places }: SeededBench): Promise<number> {
  const ledger = (await (await fetch(`${places.metaSimUrl}/_control/ledger`)).json()) as { calls: unknown[] };
  return ledger.calls.length;
}

/** In hundredths, so that a thousand floats do not drift. */
const sumOf = (rows: readonly Row[]): string =>
  (rows.reduce((sum, { spend }) => sum + Math.round(Number(spend ?? 0) * 100), 0) / 100).toFixed(2);

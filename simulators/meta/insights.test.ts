import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Client, startClient } from './testing.ts';

type Row = Readonly<Record<string, string>> & { readonly actions?: readonly { action_type: string; value: string }[] };
const RANGE = { since: '2026-10-28', until: '2026-11-24' };

let client: Client;
beforeEach(async () => {
  client = await startClient();
});
afterEach(() => client.close());

/** All rows of an insights call, page by page. */
async function rows(node: string, params: Record<string, unknown>): Promise<Row[]> {
  const all: Row[] = [];
  let after: string | undefined;
  do {
    const { body } = await client.graph(`${node}/insights`, {
      limit: 500,
      ...params,
      ...(after === undefined ? {} : { after }),
    });
    expect(body.error).toBeUndefined();
    all.push(...body.data);
    after = body.paging.next === undefined ? undefined : body.paging.cursors.after;
  } while (after !== undefined);
  return all;
}

const account = (index: number) => String(client.world.accounts[index]?.id);
const cents = (row: Row) => Math.round(Number(row['spend'] ?? 0) * 100);
const sum = (list: readonly Row[], value: (row: Row) => number) => list.reduce((total, row) => total + value(row), 0);
const leadsOf = (row: Row, type = 'onsite_conversion.lead_grouped') =>
  Number(row.actions?.find((action) => action.action_type === type)?.value ?? 0);

test('the days of all campaigns add up to the account to the cent, and the control totals agree', async () => {
  for (const { id, offset } of client.world.accounts) {
    const fields = 'spend,impressions,clicks,actions';
    const daily = await rows(id, { level: 'campaign', time_increment: 1, time_range: RANGE, fields });
    const [total] = await rows(id, { level: 'account', time_range: RANGE, fields });
    const expected = await client.control('GET', `totals?account=${id}&since=${RANGE.since}&until=${RANGE.until}`);
    expect(sum(daily, cents)).toBe(cents(total as Row));
    expect(total?.['spend']).toBe(expected['spend']);
    expect(sum(daily, (row) => Number(row['clicks'] ?? 0))).toBe(Number(total?.['clicks']));
    expect(sum(daily, leadsOf)).toBe(expected['leads']);
    expect(String(total?.['spend']).includes('.')).toBe(offset === 100);
  }
});

test('ad rows add up to their campaign except where an ad was deleted', async () => {
  const params = { time_range: RANGE, fields: 'campaign_id,spend' };
  const campaigns = await rows(account(1), { ...params, level: 'campaign' });
  const ads = await rows(account(1), { ...params, level: 'ad' });
  const missing = campaigns.filter((row) => {
    const own = ads.filter((ad) => ad['campaign_id'] === row['campaign_id']);
    return sum(own, cents) !== cents(row);
  });
  const deleted = client.world.ads.filter((ad) => ad.accountId === account(1) && ad.status === 'DELETED');
  expect(missing.map((row) => row['campaign_id'])).toEqual([...new Set(deleted.map((ad) => ad.campaignId))]);
});

test('numbers are text, zero metrics are left out, and days without delivery have no row', async () => {
  const fields = 'campaign_name,impressions,clicks,spend,actions';
  const daily = await rows(account(0), { level: 'campaign', time_increment: 1, time_range: RANGE, fields });
  expect(daily.length).toBeLessThan(20 * 28);
  expect(daily.every((row) => typeof row['spend'] === 'string' && row['spend'] !== '0')).toBe(true);
  const reach = daily.filter((row) => row['campaign_name']?.endsWith('Alcance'));
  expect(reach.every((row) => leadsOf(row) === 0)).toBe(true);
  expect(daily.some((row) => !row.actions?.some((action) => action.action_type === 'lead'))).toBe(true);
});

test('lead actions overlap: the total holds the forms and the pixel', async () => {
  const [row] = await rows(account(2), { time_range: RANGE, fields: 'actions' });
  const forms = leadsOf(row as Row);
  const pixel = leadsOf(row as Row, 'offsite_conversion.fb_pixel_lead');
  expect(forms).toBeGreaterThan(0);
  expect(pixel).toBeGreaterThan(0);
  expect(leadsOf(row as Row, 'lead')).toBe(forms + pixel);
});

test('the same seed and day give the same figures; another seed gives others', async () => {
  const params = { level: 'campaign', time_range: RANGE, fields: 'spend,clicks,actions' };
  const twin = await startClient();
  const other = await startClient({ seed: 2 });
  const first = await rows(account(0), params);
  const twinRows = (await twin.graph(`${account(0)}/insights`, params)).body.data;
  const otherRows = (await other.graph(`${other.world.accounts[0]?.id}/insights`, params)).body.data;
  expect(twinRows).toEqual(first.slice(0, 25));
  expect(otherRows).not.toEqual(twinRows);
  await Promise.all([twin.close(), other.close()]);
});

test('conversions of the last 28 days grow with the days, older ones and the spend stand still', async () => {
  const read = () =>
    rows(account(0), {
      level: 'campaign',
      time_increment: 1,
      time_range: { since: '2026-09-01', until: '2026-11-23' },
      fields: 'campaign_id,spend,actions',
    });
  const before = await read();
  await client.control('POST', 'clock', { advanceSeconds: 3600 });
  expect(await read()).toEqual(before);
  await client.control('POST', 'clock', { advanceSeconds: 3 * 86_400 });
  const after = await read();
  expect(after.map(cents)).toEqual(before.map(cents));
  const grown = after.filter((row, index) => leadsOf(row) > leadsOf(before[index] as Row));
  expect(grown.length).toBeGreaterThan(0);
  expect(after.every((row, index) => leadsOf(row) >= leadsOf(before[index] as Row))).toBe(true);
  expect(grown.every((row) => String(row['date_start']) >= '2026-10-27')).toBe(true);
});

test('a restatement changes the last days, today counted, and nothing before', async () => {
  const read = () =>
    rows(account(0), {
      time_increment: 1,
      time_range: { since: '2026-11-18', until: '2026-11-24' },
      fields: 'spend,clicks,actions',
    });
  const before = await read();
  await client.control('POST', 'restate', { days: 3 });
  const changed = (await read()).filter((row, index) => row['spend'] !== before[index]?.['spend']);
  expect(changed.map((row) => row['date_start'])).toEqual(['2026-11-22', '2026-11-23', '2026-11-24']);
});

test('presets, increments and list of ranges cut the days as Meta does', async () => {
  const dates = async (params: Record<string, unknown>) =>
    (await rows(account(0), { fields: 'spend', ...params })).map((row) => [row['date_start'], row['date_stop']]);
  expect(await dates({})).toEqual([['2026-10-25', '2026-11-23']]);
  expect(await dates({ date_preset: 'today' })).toEqual([['2026-11-24', '2026-11-24']]);
  expect(await dates({ date_preset: 'last_month' })).toEqual([['2026-10-01', '2026-10-31']]);
  expect(await dates({ date_preset: 'this_week_mon_today' })).toEqual([['2026-11-23', '2026-11-24']]);
  expect(await dates({ time_range: { since: '2026-10-15', until: '2026-11-05' }, time_increment: 'monthly' })).toEqual([
    ['2026-10-15', '2026-10-31'],
    ['2026-11-01', '2026-11-05'],
  ]);
  expect(await dates({ time_range: { since: '2026-11-01', until: '2026-11-09' }, time_increment: 7 })).toEqual([
    ['2026-11-01', '2026-11-07'],
    ['2026-11-08', '2026-11-09'],
  ]);
  expect(await dates({ time_ranges: [RANGE, { since: '2026-11-01', until: '2026-11-01' }] })).toHaveLength(2);
});

test('today is a day of the account, not of the server', async () => {
  await client.control('POST', 'clock', { advanceSeconds: 15 * 3600 }); // 03:00 UTC on the 25th
  const day = async (index: number) =>
    (await rows(account(index), { date_preset: 'today', fields: 'spend' }))[0]?.['date_start'];
  expect([await day(1), await day(2), await day(4)]).toEqual(['2026-11-24', '2026-11-25', '2026-11-25']);
});

test('the oldest day is 37 months back; before that it is error 3018', async () => {
  expect(await rows(account(0), { time_range: { since: '2023-10-24', until: '2023-11-24' } })).toHaveLength(1);
  const { status, body } = await client.graph(`${account(0)}/insights`, {
    time_range: { since: '2023-10-23', until: '2023-11-24' },
  });
  expect([status, body.error.code]).toEqual([400, 3018]);
});

test('impossible parameters are error 100 or the pair that Meta uses', async () => {
  const failure = async (params: Record<string, unknown>) =>
    (await client.graph(`${account(0)}/insights`, params)).body.error;
  expect(await failure({ time_range: { since: '2026-11-09', until: '2026-11-01' } })).toMatchObject({ code: 100 });
  expect(await failure({ fields: 'spend,nonsense' })).toMatchObject({ code: 100 });
  expect(await failure({ date_preset: 'last_31d' })).toMatchObject({ code: 100 });
  expect(await failure({ level: 'galaxy' })).toMatchObject({ code: 100 });
  expect(await failure({ breakdowns: 'mood' })).toMatchObject({ code: 2, error_subcode: 1504041 });
  await client.control('POST', 'settings', { insightsMaxRows: 10 });
  expect(await failure({ level: 'campaign' })).toMatchObject({
    code: 100,
    error_subcode: 1487534,
    is_transient: false,
  });
});

test('rows can be filtered and sorted, and split by platform without losing a cent', async () => {
  const [campaign] = client.world.campaigns;
  const filtering = [{ field: 'campaign.id', operator: 'IN', value: [campaign?.id] }];
  const params = { level: 'campaign', time_range: RANGE, fields: 'campaign_id,spend' };
  const [row] = await rows(account(0), { ...params, filtering });
  expect(row?.['campaign_id']).toBe(campaign?.id);
  const parts = await rows(account(0), { ...params, filtering, breakdowns: 'publisher_platform,age' });
  expect(sum(parts, cents)).toBe(cents(row as Row));
  const sorted = await rows(account(0), { ...params, sort: ['spend_descending'] });
  expect(sorted.map(cents)).toEqual(sorted.map(cents).toSorted((a, b) => b - a));
});

test('a report starts, runs, completes, and only then has rows', async () => {
  const { body } = await client.graph(`${account(0)}/insights`, { level: 'ad', time_range: RANGE }, { method: 'POST' });
  const id = body.report_run_id as string;
  expect((await client.graph(`${id}/insights`)).body.error.code).toBe(100);
  expect((await client.graph(id)).body).toMatchObject({ async_status: 'Job Not Started', async_percent_completion: 0 });
  expect((await client.graph(id)).body).toMatchObject({
    async_status: 'Job Completed',
    date_start: '2026-10-28',
    is_running: false,
  });
  expect((await client.graph(`${id}/insights`, { limit: 5 })).body.data).toHaveLength(5);
});

test('a report can be missing at first, be slow, fail, and fail at one hundred per cent', async () => {
  const start = async (kind: string, value?: number) => {
    await client.control('POST', 'faults', {
      match: { method: 'POST', path: `/${account(0)}/insights` },
      kind,
      value,
      times: 1,
    });
    return (await client.graph(`${account(0)}/insights`, { level: 'ad' }, { method: 'POST' })).body
      .report_run_id as string;
  };
  const poll = async (id: string) => (await client.graph(id)).body;
  const missing = await start('report_missing', 1);
  expect((await poll(missing)).error).toMatchObject({ code: 100, error_subcode: 33 });
  expect((await poll(missing)).async_status).toBe('Job Running');
  const slow = await start('report_slow', 4);
  const states = [await poll(slow), await poll(slow), await poll(slow), await poll(slow)];
  expect(states.map((state) => state.async_status)).toEqual([
    'Job Not Started',
    'Job Running',
    'Job Running',
    'Job Completed',
  ]);
  const failed = await start('report_failed_100');
  await poll(failed);
  expect(await poll(failed)).toMatchObject({
    async_status: 'Job Failed',
    async_percent_completion: 100,
    error_code: 2,
  });
  expect((await client.graph(`${failed}/insights`)).body.error.code).toBe(100);
});

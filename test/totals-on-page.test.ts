import { sql } from 'slonik';
import { beforeAll, describe, expect, it } from 'vitest';
import { lastDays } from '../domain/days.ts';
import { decimal, digitsOf, toText } from '../domain/decimal.ts';
import { makeFormat } from '../web/format.ts';
import type { StatsJson } from '../web/stats-json.ts';
import { anApiKey } from './api-key.ts';
import { aTenant, type TestDatabase, testDatabase } from './database.ts';
import { textOf } from './html.ts';
import { metaBench } from './meta-simulator.ts';
import { aPerson, type Person } from './person.ts';
import { connectTo, syncActivities, syncOnce } from './sync.ts';
import { type WholeApp, wholeApp } from './whole-app.ts';

const bench = metaBench();
const DAYS = 90;
let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let person: Person;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db, { MARKETING_RATE_LIMIT: '100000' });
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
  await connectTo(app.stores, bench, tenantId, bench.simulator.world.accounts);
  await syncOnce(syncActivities(app.stores, bench), tenantId);
});

interface Totals {
  currency: string;
  spend: string;
  impressions: number;
  clicks: number;
  leads: number;
  campaigns: { id: string; spend: string; impressions: number; leads: number }[];
}

/** What the simulator itself adds up, account by account, for the 90 days of that account's zone. */
const theirs = (): Promise<Totals[]> =>
  Promise.all(
    bench.simulator.world.accounts.map(({ id, timeZone }) => {
      const { since, until } = lastDays(timeZone, new Date(), DAYS);
      return bench.control<Totals>(`totals?account=${id}&since=${since}&until=${until}`);
    }),
  );

const asJson = async (): Promise<StatsJson> => {
  const headers = { 'x-admin-token': await anApiKey(db, tenantId) };
  return (await (await fetch(`${app.url}/crm/marketing/stats?days=${DAYS}`, { headers })).json()) as StatsJson;
};

async function totalRowOf(currency: string): Promise<string> {
  const html = await (await person.get(`/crm/marketing?days=${DAYS}&currency=${currency}`)).text();
  const campaigns = html.slice(html.indexOf('id="campaigns"'));
  return textOf(/<tfoot>[\s\S]*?<\/tfoot>/.exec(campaigns)?.[0] ?? '');
}

const { money, number } = makeFormat('en', 'UTC', () => new Date());
const shown = ({ currency, spend, impressions, clicks, leads }: Totals): string => {
  const sum = money(toText(decimal(spend), digitsOf(currency)), currency);
  return textOf(`${sum} ${number(impressions)} ${number(clicks)} ${number(leads)}`);
};

async function agree(): Promise<void> {
  const [meta, ours] = [await theirs(), await asJson()];
  expect(new Set(meta.map(({ currency }) => currency)).size).toBe(5);
  for (const total of meta) {
    const { spend, impressions, clicks, currency } = total;
    const mine = ours.totals.find((each) => each.currency === currency);
    expect([currency, mine?.spend, mine?.meta_leads]).toEqual([
      currency,
      toText(decimal(spend), digitsOf(currency)),
      total.leads,
    ]);
    const row = await totalRowOf(currency);
    expect(row.startsWith(`Total in ${currency} ${shown({ ...total, leads: 0 })}`), row).toBe(true);
    const delivered = total.campaigns.filter((campaign) => campaign.impressions > 0);
    const listed = ours.campaigns.filter((campaign) => campaign.currency === currency && campaign.impressions > 0);
    expect(
      new Map(listed.map((each) => [each.meta_campaign_id, [each.spend, each.impressions, each.meta_leads]])),
    ).toEqual(
      new Map(
        delivered.map((each) => [
          each.id,
          [toText(decimal(each.spend), digitsOf(currency)), each.impressions, each.leads],
        ]),
      ),
    );
    expect(impressions).toBeGreaterThan(1000);
    expect(clicks).toBeGreaterThan(10);
  }
}

describe('The totals on the page', () => {
  it("are Meta's own, to the cent, over 90 days, in each of five currencies and zones", agree);

  it('are so again after Meta changed 28 days behind our back, once the daily run has read them', async () => {
    const before = await asJson();
    await bench.control('restate', { days: 28 });
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`UPDATE ad_accounts SET wide_synced_at = now() - interval '2 days'`),
    );
    await syncOnce(syncActivities(app.stores, bench, { cache: app.cache }), tenantId);
    const after = await asJson();
    expect(after.totals.map(({ spend }) => spend)).not.toEqual(before.totals.map(({ spend }) => spend));
    await agree();
  });
});

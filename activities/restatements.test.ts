import { sql } from 'slonik';
import { describe, expect, it } from 'vitest';
import { addDays, dayIn } from '../domain/days.ts';
import { syncActivities, syncOnce } from '../test/sync.ts';
import { syncBench } from '../test/sync-bench.ts';

const bench = syncBench();
const { meta, account, missedNight, ours, sync, theirs, today } = bench;

/** The moment this day began in the zone. */
function zonedMidnight(timeZone: string): number {
  for (let at = Math.floor(Date.now() / 900_000) * 900_000; ; at -= 900_000)
    if (dayIn(timeZone, new Date(at)) !== dayIn(timeZone, new Date(at - 1))) return at;
}
const cents = (text: string) => Math.round(Number(text) * 100);
const sumOf = (rows: readonly { spend: string }[]) => rows.reduce((sum, { spend }) => sum + cents(spend), 0);
const todaysSpend = async () => sumOf(await theirs(1));

describe('What Meta changes afterwards', () => {
  it('goes on record for each day that was over, with before and after, and not for today', async () => {
    await sync();
    const [before, todayBefore] = [await ours(), await todaysSpend()];
    await meta.control('restate', { days: 3 });
    await sync();
    const ledger = await bench.stores.restatements.recent(bench.tenantId);
    expect(new Set(ledger.map(({ day }) => day))).toEqual(new Set([addDays(today(), -1), addDays(today(), -2)]));
    const [first] = ledger;
    expect(Number(first?.spend_after)).toBeGreaterThan(Number(first?.spend_before));
    // The record explains the whole difference of the totals, but for what came today.
    const recorded = ledger.reduce((sum, each) => sum + cents(each.spend_after) - cents(each.spend_before), 0);
    const grown = sumOf(await ours()) - sumOf(before);
    expect(recorded).toBe(grown - (await todaysSpend()) + todayBefore);
  });

  it('is recorded once, however often it is read', async () => {
    await sync();
    await meta.control('restate', { days: 2 });
    await sync();
    const ledger = await bench.stores.restatements.recent(bench.tenantId);
    await sync();
    expect(await bench.stores.restatements.recent(bench.tenantId)).toEqual(ledger);
    expect(ledger.length).toBeGreaterThan(10);
  });

  it('keeps one row a day it was seen on, from the morning’s figure to the evening’s', async () => {
    await sync();
    await meta.control('restate', { days: 2 });
    await sync();
    const [morning] = await bench.stores.restatements.recent(bench.tenantId);
    await meta.control('restate', { days: 2 });
    await sync();
    const ledger = await bench.stores.restatements.recent(bench.tenantId);
    const evening = ledger.find((each) => each.meta_campaign_id === morning?.meta_campaign_id);
    expect(evening).toMatchObject({ day: morning?.day, spend_before: morning?.spend_before });
    expect(Number(evening?.spend_after)).toBeGreaterThan(Number(morning?.spend_after));
  });

  it('of 28 days is found by the daily run, and what was read for the first time is no restatement', async () => {
    await sync();
    expect(await bench.stores.restatements.recent(bench.tenantId)).toEqual([]);
    await meta.control('restate', { days: 20 });
    await missedNight();
    await sync();
    const days = (await bench.stores.restatements.recent(bench.tenantId, { limit: 1000 })).map(({ day }) => day);
    expect([days.toSorted().at(0), days.toSorted().at(-1)]).toEqual([addDays(today(), -19), addDays(today(), -1)]);
    expect(await ours()).toEqual(await theirs(90));
  });

  it('is no restatement when the day was not over when it was read, though it was when the sync ended', async () => {
    const zone = account().timeZone;
    const midnight = zonedMidnight(zone);
    await syncOnce(
      syncActivities(bench.stores, meta, { now: () => new Date(midnight + 60_000) }),
      bench.tenantId,
      midnight - 60_000,
    );
    await meta.control('restate', { days: 2 });
    await sync();
    const days = new Set((await bench.stores.restatements.recent(bench.tenantId)).map(({ day }) => day));
    expect([...days]).toEqual([]); // yesterday was read a minute before its end, today is not over
  });

  it('is forgotten after 90 days', async () => {
    await sync();
    await meta.control('restate', { days: 2 });
    await sync();
    await bench.db.database.inTenant(bench.tenantId, (tx) =>
      tx.query(sql.unsafe`UPDATE insight_restatements SET seen_at = now() - interval '91 days'`),
    );
    await sync();
    expect(await bench.stores.restatements.recent(bench.tenantId)).toEqual([]);
  });
});

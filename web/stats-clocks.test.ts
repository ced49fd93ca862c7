import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCache } from '../adapters/redis/cache.ts';
import { system } from '../domain/actor.ts';
import { addDays, dayIn } from '../domain/days.ts';
import { slicesOf, windowFor } from '../domain/insights.ts';
import { aCampaign, aDay, aLead, anAccount, aTouch } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';
import { createStatsService } from './stats.ts';

let db: TestDatabase;
let app: WholeApp;
let tenantId: number;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
});

const statsAt = (now: string, days: number) =>
  createStatsService(app.stores.stats, createCache(undefined), () => new Date(now)).json(tenantId, {
    days,
    view: 'date',
    model: 'last',
  });

// The first and the last minute of a day, in UTC, where clocks change or, in Bogotá, never do. Taken from the tz database.
const DAYS = [
  ['Madrid, a day of 23 hours', 'Europe/Madrid', '2026-03-29', '2026-03-28T23:00:00Z', '2026-03-29T21:59:00Z'],
  ['Madrid, a day of 25 hours', 'Europe/Madrid', '2026-10-25', '2026-10-24T22:00:00Z', '2026-10-25T22:59:00Z'],
  ['Auckland, a day of 25 hours', 'Pacific/Auckland', '2026-04-05', '2026-04-04T11:00:00Z', '2026-04-05T11:59:00Z'],
  ['Auckland, a day of 23 hours', 'Pacific/Auckland', '2026-09-27', '2026-09-26T12:00:00Z', '2026-09-27T10:59:00Z'],
  ['Bogotá, where it is always 24', 'America/Bogota', '2026-10-25', '2026-10-25T05:00:00Z', '2026-10-26T04:59:00Z'],
] as const;

describe.each(DAYS)('In %s', (_, timeZone, day, first, last) => {
  beforeEach(async () => {
    await anAccount(db, tenantId, { timeZone });
    await aCampaign(db, tenantId);
  });

  it('spend, leads and sales of its first and last minute are that day’s, and nobody else’s', async () => {
    for (const each of [-1, 0, 1]) await aDay(db, tenantId, addDays(day, each), { spend: `${100 + each}.10` });
    const minute = 60_000;
    const inside = [new Date(first), new Date(last)];
    const outside = [new Date(Date.parse(first) - minute), new Date(Date.parse(last) + minute)];
    for (const at of [...inside, ...outside]) {
      const leadId = await aLead(db, tenantId, { at });
      await aTouch(db, tenantId, leadId, { at });
    }
    const [account] = (await statsAt(last, 1)).accounts;
    expect(account).toMatchObject({ since: day, until: day, spend: '100.10', leads: 2 });
    const [longer] = (await statsAt(last, 2)).accounts;
    expect(longer).toMatchObject({ since: addDays(day, -1), until: day, spend: '199.20', leads: 3 });
  });

  it('a sale counts on the account’s day, whatever the tenant’s says', async () => {
    await aDay(db, tenantId, day, { spend: '100.00' });
    const leadId = await aLead(db, tenantId, { at: new Date(first) });
    await aTouch(db, tenantId, leadId, { at: new Date(first) });
    await app.stores.sales.recordSale(
      tenantId,
      leadId,
      { amount: '250', currency: 'ARS', soldOn: day },
      system('test'),
    );
    // It was made at the end of the tenant's own day, in Buenos Aires.
    const counted = dayIn(timeZone, new Date(`${day}T23:59:59-03:00`));
    const revenueOf = async (of: string) => (await statsAt(`${of}T10:00:00Z`, 1)).totals[0]?.revenue;
    expect(await revenueOf(counted)).toBe('250.00');
    expect(await revenueOf(addDays(counted, -1))).toBe('0.00');
    expect(await revenueOf(addDays(counted, 1))).toBe('0.00');
  });

  it('the sync reads three whole days, ending with the one on the account’s calendar', () => {
    for (const at of [first, last]) {
      expect(dayIn(timeZone, new Date(at))).toBe(day);
      expect(slicesOf('narrow', dayIn(timeZone, new Date(at)))).toEqual([{ since: addDays(day, -2), until: day }]);
    }
    expect(dayIn(timeZone, new Date(Date.parse(last) + 60_000))).toBe(addDays(day, 1));
  });

  it('the daily run still comes once, in the night, though an hour is missing or doubled', () => {
    const hour = 60 * 60_000;
    let wideSyncedAt = new Date(Date.parse(first) - 21 * hour);
    const nights: string[] = [];
    for (let at = Date.parse(first); at < Date.parse(first) + 48 * hour; at += hour) {
      const now = new Date(at);
      if (windowFor({ timeZone, lastSyncedAt: wideSyncedAt, wideSyncedAt }, now) !== 'wide') continue;
      nights.push(dayIn(timeZone, now));
      wideSyncedAt = now;
    }
    expect(nights).toEqual([day, addDays(day, 1)]);
  });
});

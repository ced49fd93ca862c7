import { describe, expect, it } from 'vitest';
import {
  controlledDays,
  DEFAULT_LEAD_ACTION,
  leadsIn,
  nextSyncAt,
  overWhenRead,
  SYNC_EVERY_MS,
  slicesOf,
  syncOffsetMs,
  windowFor,
} from './insights.ts';

describe('Leads as Meta counts them', () => {
  const actions = [
    { type: 'link_click', value: 301 },
    { type: 'lead', value: 16 },
    { type: 'onsite_conversion.lead_grouped', value: 14 },
  ];

  it('takes one canonical type and never a sum of overlapping ones', () => {
    expect(leadsIn(actions, DEFAULT_LEAD_ACTION)).toBe(14);
    expect(leadsIn(actions, 'lead')).toBe(16);
  });

  it('counts a type that Meta left out as 0', () => {
    expect(leadsIn([], DEFAULT_LEAD_ACTION)).toBe(0);
    expect(leadsIn(actions, 'offsite_conversion.fb_pixel_lead')).toBe(0);
  });
});

describe('The days a sync reads', () => {
  it('reads today and the two days before, every four hours', () => {
    expect(slicesOf('narrow', '2026-11-24')).toEqual([{ since: '2026-11-22', until: '2026-11-24' }]);
  });

  it('reads 28 days once a day', () => {
    expect(slicesOf('wide', '2026-11-24')).toEqual([{ since: '2026-10-28', until: '2026-11-24' }]);
  });

  it('reads 90 days the first time, the newest 28 first, without gap or overlap', () => {
    expect(slicesOf('first', '2026-11-24')).toEqual([
      { since: '2026-10-28', until: '2026-11-24' },
      { since: '2026-09-27', until: '2026-10-27' },
      { since: '2026-08-27', until: '2026-09-26' },
    ]);
  });

  it('crosses a change of clocks without losing a day', () => {
    expect(slicesOf('narrow', '2026-03-30')).toEqual([{ since: '2026-03-28', until: '2026-03-30' }]);
  });
});

describe('Which window an account needs', () => {
  const at = (iso: string) => new Date(iso);
  const synced = { timeZone: 'America/Sao_Paulo', lastSyncedAt: at('2026-11-24T02:00:00Z') };

  it('is the first one until it was read whole', () => {
    expect(windowFor({ ...synced, lastSyncedAt: null, wideSyncedAt: null }, at('2026-11-24T12:00:00Z'))).toBe('first');
    expect(windowFor({ ...synced, wideSyncedAt: null }, at('2026-11-24T12:00:00Z'))).toBe('first');
  });

  it('is 28 days in its own night, once', () => {
    const yesterday = at('2026-11-23T05:00:00Z');
    expect(windowFor({ ...synced, wideSyncedAt: yesterday }, at('2026-11-24T05:00:00Z'))).toBe('wide');
    expect(windowFor({ ...synced, wideSyncedAt: at('2026-11-24T04:10:00Z') }, at('2026-11-24T07:50:00Z'))).toBe(
      'narrow',
    );
  });

  it('is 3 days by day', () => {
    expect(windowFor({ ...synced, wideSyncedAt: at('2026-11-24T05:00:00Z') }, at('2026-11-24T17:00:00Z'))).toBe(
      'narrow',
    );
  });

  it('is 28 days at any hour when a night was missed', () => {
    expect(windowFor({ ...synced, wideSyncedAt: at('2026-11-22T05:00:00Z') }, at('2026-11-24T17:00:00Z'))).toBe('wide');
  });
});

describe("A tenant's turn", () => {
  it('comes every four hours, always in the future', () => {
    const now = new Date('2026-11-24T12:00:00Z');
    const next = nextSyncAt(7, now);
    expect(next.getTime()).toBeGreaterThan(now.getTime());
    expect(next.getTime() - now.getTime()).toBeLessThanOrEqual(SYNC_EVERY_MS);
    expect(nextSyncAt(7, next).getTime() - next.getTime()).toBe(SYNC_EVERY_MS);
  });

  it('is spread over the four hours', () => {
    const quarters = new Set(
      Array.from({ length: 20 }, (_, id) => Math.floor((4 * syncOffsetMs(id + 1)) / SYNC_EVERY_MS)),
    );
    expect(quarters).toEqual(new Set([0, 1, 2, 3]));
  });
});

describe('Whether a day was over when it was last read', () => {
  const account = (last: string | null, wide: string | null) => ({
    timeZone: 'America/Bogota',
    lastSyncedAt: last === null ? null : new Date(last),
    wideSyncedAt: wide === null ? null : new Date(wide),
  });
  const nightly = account('2026-11-24T15:00:00Z', '2026-11-24T07:00:00Z');

  it('is so for yesterday and all before, and not for the day of the reading itself', () => {
    expect(['2026-11-24', '2026-11-23', '2026-11-02'].map((day) => overWhenRead(nightly)(day))).toEqual([
      false,
      true,
      true,
    ]);
  });

  it("goes by the account's own midnight", () => {
    const late = account('2026-11-25T04:59:00Z', '2026-11-24T07:00:00Z');
    expect(overWhenRead(late)('2026-11-24')).toBe(false);
    expect(overWhenRead(account('2026-11-25T05:00:00Z', '2026-11-24T07:00:00Z'))('2026-11-24')).toBe(true);
  });

  it('is not so for days that no run has come back to after a pause', () => {
    const paused = account('2026-11-24T15:00:00Z', '2026-11-19T07:00:00Z');
    expect(['2026-11-18', '2026-11-19', '2026-11-21', '2026-11-22'].map((day) => overWhenRead(paused)(day))).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it('is so for nothing before the history was read whole', () => {
    expect(overWhenRead(account(null, null))('2026-11-20')).toBe(false);
    expect(overWhenRead(account('2026-11-24T15:00:00Z', null))('2026-11-20')).toBe(false);
  });
});

describe("The days compared with Meta's own total", () => {
  it('are whole ones: never today, and not for the three of a narrow run', () => {
    const until = '2026-11-24';
    expect(controlledDays({ since: '2026-10-28', until }, until)).toEqual({ since: '2026-10-28', until: '2026-11-23' });
    const earlier = { since: '2026-09-27', until: '2026-10-27' };
    expect(controlledDays(earlier, until)).toEqual(earlier);
    expect(controlledDays({ since: '2026-11-22', until }, until)).toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import { addDays, daysOf } from './days.ts';
import { historyStart, nextHistorySlice } from './history.ts';

describe('A history', () => {
  it('of 37 months begins a day after the oldest that Meta might refuse', () => {
    expect(historyStart('2026-11-24', 37)).toBe('2023-10-25');
    expect(historyStart('2026-11-24', 99)).toBe('2023-10-25');
    expect(historyStart('2026-11-24', 6)).toBe('2026-05-24');
  });

  it('from the 31st begins no earlier than the month allows', () => {
    expect(historyStart('2026-03-31', 1)).toBe('2026-03-03');
  });

  it('is read back in slices without gap or overlap, until it is whole', () => {
    const today = '2026-11-24';
    const wanted = historyStart(today, 37);
    const read: string[] = [];
    let since = '2026-08-27';
    for (
      let slice = nextHistorySlice(wanted, since, today);
      slice !== null;
      slice = nextHistorySlice(wanted, since, today)
    ) {
      read.push(...daysOf(slice).toReversed());
      since = slice.since;
    }
    expect(read[0]).toBe('2026-08-26');
    expect(read.at(-1)).toBe(wanted);
    expect(new Set(read).size).toBe(read.length);
    expect(read.length).toBe(daysOf({ since: wanted, until: addDays('2026-08-27', -1) }).length);
  });

  it('that waited for weeks gives up the days that Meta no longer has', () => {
    expect(nextHistorySlice('2023-10-25', '2023-11-10', '2026-12-05')).toEqual({
      since: '2023-11-06',
      until: '2023-11-09',
    });
    expect(nextHistorySlice('2023-10-25', '2023-11-06', '2026-12-05')).toBeNull();
  });
});

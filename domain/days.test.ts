import { expect, it, vi } from 'vitest';
import { addDays, dateWords, dayIn, daysOf, lastDays, minutesIn, previousOf, weekdayIn } from './days.ts';

it('is the calendar day of its zone', () => {
  const at = new Date('2026-11-25T02:30:00Z');
  expect(['America/Argentina/Buenos_Aires', 'UTC', 'Asia/Tokyo'].map((zone) => dayIn(zone, at))).toEqual([
    '2026-11-24',
    '2026-11-25',
    '2026-11-25',
  ]);
});

it('has its hours and its day of the week too', () => {
  const at = new Date('2026-11-23T02:05:00Z');
  expect(minutesIn('America/Argentina/Buenos_Aires', at)).toBe(23 * 60 + 5);
  expect(minutesIn('Asia/Tokyo', at)).toBe(11 * 60 + 5);
  expect(minutesIn('UTC', new Date('2026-11-23T00:00:00Z'))).toBe(0);
  expect(['America/Argentina/Buenos_Aires', 'Asia/Tokyo'].map((zone) => weekdayIn(zone, at))).toEqual([7, 1]);
});

it('makes one calendar a zone, however often it is asked: what each holds outside of the heap stays there for long', () => {
  const made = vi.spyOn(Intl, 'DateTimeFormat');
  for (let row = 0; row < 1000; row++) {
    dayIn('Pacific/Auckland', new Date(row));
    minutesIn('Pacific/Auckland', new Date(row));
  }
  expect(made).toHaveBeenCalledTimes(2);
  made.mockRestore();
});

it('passes months, years, leap days and clock changes as a calendar does', () => {
  expect(addDays('2028-02-28', 1)).toBe('2028-02-29');
  expect(addDays('2026-12-31', 1)).toBe('2027-01-01');
  expect(addDays('2026-03-08', -1)).toBe('2026-03-07');
  expect(dayIn('America/New_York', new Date('2026-11-01T05:30:00Z'))).toBe('2026-11-01');
  expect(dayIn('America/New_York', new Date('2026-11-02T04:59:59Z'))).toBe('2026-11-01');
});

it('counts today into a window, and puts the one before it right before', () => {
  const window = lastDays('UTC', new Date('2026-11-24T00:00:00Z'), 30);
  expect(window).toEqual({ since: '2026-10-26', until: '2026-11-24' });
  expect(previousOf(window)).toEqual({ since: '2026-09-26', until: '2026-10-25' });
  expect(daysOf(window)).toHaveLength(30);
  expect(daysOf(lastDays('UTC', new Date('2026-11-24T00:00:00Z'), 1))).toEqual(['2026-11-24']);
});

it('says a date in the language and zone that it is for', () => {
  const at = new Date('2026-11-27T01:30:00Z');
  expect(dateWords(at, 'es', 'America/Argentina/Buenos_Aires')).toBe('jueves, 26 de noviembre, 22:30');
  expect(dateWords(at, 'en', 'America/Bogota')).toBe('Thursday, November 26 at 8:30 PM');
});

import { describe, expect, it } from 'vitest';
import { isTimeZone, timeZones } from './time-zones.ts';

describe('time zones', () => {
  it.each(['America/Argentina/Buenos_Aires', 'America/Buenos_Aires', 'Asia/Kolkata', 'Etc/GMT+3', 'UTC'])(
    '%s is one',
    (zone) => {
      expect(isTimeZone(zone)).toBe(true);
    },
  );

  it.each(['Mars/Olympus', '+03:00', 'buenos aires', '', "UTC'; --"])('%s is none', (zone) => {
    expect(isTimeZone(zone)).toBe(false);
  });

  it('are listed by their names of today, each one a zone', () => {
    expect(timeZones).toContain('America/Argentina/Buenos_Aires');
    expect(timeZones).not.toContain('America/Buenos_Aires');
    expect(timeZones.filter((zone) => !isTimeZone(zone))).toEqual([]);
  });
});

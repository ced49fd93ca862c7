import { describe, expect, it } from 'vitest';
import { quietUntil } from './quiet-hours.ts';

const night = { from: '21:00', until: '09:00', timeZone: 'America/Argentina/Buenos_Aires' };
const at = (time: string) => new Date(`2026-11-24T${time}:30-03:00`);

describe('quiet hours', () => {
  it.each([
    ['20:59', null],
    ['21:00', '2026-11-25T12:00:00.000Z'],
    ['23:59', '2026-11-25T12:00:00.000Z'],
    ['08:59', '2026-11-24T12:00:00.000Z'],
    ['09:00', null],
  ])('at %s local time wait until %s', (time, until) => {
    expect(quietUntil(night, at(time))?.toISOString() ?? null).toBe(until);
  });

  it('span the day when they start before they end', () => {
    const siesta = { ...night, from: '13:00', until: '16:00' };
    expect(quietUntil(siesta, at('14:30'))?.toISOString()).toBe('2026-11-24T19:00:00.000Z');
    expect(quietUntil(siesta, at('16:00'))).toBeNull();
  });

  it('are none when both ends are the same', () => {
    expect(quietUntil({ ...night, from: '00:00', until: '00:00' }, at('12:00'))).toBeNull();
  });

  it('hold whole days of rest, in the local week, and the nights around them', () => {
    const weekend = { ...night, days: [6, 7] };
    const local = (time: string) => new Date(`${time}:00-03:00`);
    expect(quietUntil(weekend, local('2026-11-28T12:00'))?.toISOString()).toBe('2026-11-30T12:00:00.000Z');
    expect(quietUntil(weekend, local('2026-11-27T22:00'))?.toISOString()).toBe('2026-11-30T12:00:00.000Z');
    expect(quietUntil(weekend, local('2026-11-27T20:59'))).toBeNull();
    const noNights = { ...weekend, from: '00:00', until: '00:00' };
    expect(quietUntil(noNights, local('2026-11-29T23:30'))?.toISOString()).toBe('2026-11-30T03:00:00.000Z');
  });
});

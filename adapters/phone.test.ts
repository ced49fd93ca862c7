import { describe, expect, it } from 'vitest';
import { normalizePhone } from './phone.ts';

describe('phone numbers', () => {
  it.each([
    ['011 15-5555-0123', 'AR', '+5491155550123'],
    ['54 9 11 5555 0123', 'AR', '+5491155550123'],
    ['+54 11 5555-0123', 'AR', '+5491155550123'],
    ['11 5555 0123', 'AR', '+5491155550123'],
    ['+52 1 55 5555 0123', 'MX', '+525555550123'],
    ['+5511955550123', 'AR', '+5511955550123'],
    ['31 8765-0123', 'BR', '+5531987650123'],
  ])('read "%s" typed in %s as %s', (typed, country, wanted) => {
    expect(normalizePhone(typed, country)).toBe(wanted);
  });

  it.each(['', 'no tengo', '<test lead: dummy data for phone_number>', '123', '+999 1'])('refuse "%s"', (typed) => {
    expect(normalizePhone(typed, 'AR')).toBeNull();
  });
});

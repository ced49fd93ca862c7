import { expect, it } from 'vitest';
import { shortAddress } from './address.ts';

it.each([
  ['203.0.113.77', '203.0.113.0/24'],
  ['::ffff:203.0.113.77', '203.0.113.0/24'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
  ['2001:db8::1', '2001:db8:0::/48'],
  ['::1', '0:0:0::/48'],
  ['fe80::', 'fe80:0:0::/48'],
  ['not an address', null],
  ['', null],
  [undefined, null],
])('shortens %s to %s', (address, short) => {
  expect(shortAddress(address)).toBe(short);
});

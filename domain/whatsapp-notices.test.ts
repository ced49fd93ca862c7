import { expect, it } from 'vitest';
import { isLowBalance, NOTICE_EVENTS, noticesTo } from './whatsapp-notices.ts';

const whole = { id: '1', url: 'https://a', status: 'active', enabledEvents: NOTICE_EVENTS };

it.each([
  ['nothing', [], 'missing'],
  ['another address', [{ ...whole, url: 'https://b' }], 'missing'],
  ['everything', [whole], 'complete'],
  ['more than everything', [{ ...whole, enabledEvents: [...NOTICE_EVENTS, 'contact.created'] }], 'complete'],
  ['an endpoint switched off', [{ ...whole, status: 'disabled' }], 'partial'],
  ['one event less', [{ ...whole, enabledEvents: NOTICE_EVENTS.slice(1) }], 'partial'],
  ['one that is off and one that is whole', [{ ...whole, status: 'pending' }, whole], 'complete'],
])('knows %s', (_, endpoints, state) => {
  expect(noticesTo('https://a', endpoints)).toBe(state);
});

it.each([
  ['10', '9.99', false],
  ['9.98', '9.99', true],
  ['0.99', '0', true],
  ['1', '0', false],
])('a balance of %s after a week of %s is low: %s', (balance, spent, isLow) => {
  expect(isLowBalance(balance, spent)).toBe(isLow);
});

import { describe, expect, it } from 'vitest';
import { parseCurrency, parseDay, parseRate } from './typed.ts';

describe('A typed rate', () => {
  it.each([
    ['1450.25', 'en', '1450.25'],
    ['1,450.25', 'en', '1450.25'],
    ['1.450,25', 'es', '1450.25'],
    ['1450,25', 'es', '1450.25'],
    ['0.0006896552', 'es', '0.0006896552'],
    ['1.450', 'es', '1450'],
    ['1.450', 'en', '1.450'],
    ['0.012', 'es', '0.012'],
  ] as const)('%s reads in %s as %s', (typed, locale, rate) => {
    expect(parseRate(typed, locale)).toBe(rate);
  });

  it.each(['', '0', '0,00', '-1', 'abc', '1 450', '1.2.3', '99999999999'])('%s is none', (typed) => {
    expect(parseRate(typed, 'es')).toBeNull();
  });
});

describe('A typed day', () => {
  it('is read from both writings, and only if the calendar has it', () => {
    expect([parseDay('2026-11-24'), parseDay('24/11/2026'), parseDay('4/1/2026')]).toEqual([
      '2026-11-24',
      '2026-11-24',
      '2026-01-04',
    ]);
    expect([parseDay('2026-02-30'), parseDay('11/24/2026'), parseDay('ayer')]).toEqual([null, null, null]);
  });
});

it('A currency is three letters', () => {
  expect([parseCurrency(' usd '), parseCurrency('$'), parseCurrency('PESO')]).toEqual(['USD', null, null]);
});

import { describe, expect, it } from 'vitest';
import { parseAmount } from './amounts.ts';

describe('typed amounts', () => {
  it.each([
    ['280.000,50', 'es', 'ARS', '280000.50'],
    ['280000', 'es', 'ARS', '280000'],
    ['280.000', 'es', 'ARS', '280000'],
    ['280,000.50', 'en', 'USD', '280000.50'],
    ['1234.5', 'en', 'USD', '1234.50'],
    ['1234.5', 'es', 'ARS', '1234.50'],
    ['$ 99,90', 'es', 'ARS', '99.90'],
    ['-1500', 'es', 'ARS', '-1500'],
    ['5.000', 'es', 'CLP', '5000'],
  ] as const)('reads "%s" in %s as %s %s', (typed, locale, currency, wanted) => {
    expect(parseAmount(typed, locale, currency)).toBe(wanted);
  });

  it.each(['', '280.000,0x', '1.2.3', '1e6', '12,345,6', '99999999999999', '1.23.456'])('refuses "%s"', (typed) => {
    expect(parseAmount(typed, 'es', 'ARS')).toBeNull();
  });

  it('refuses cents where the currency has none', () => {
    expect(parseAmount('5000,50', 'es', 'CLP')).toBeNull();
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { majorUnits } from './money.ts';

describe("Meta's minor units", () => {
  it.each([
    ['5000', 'BRL', '50.00'],
    ['5', 'USD', '0.05'],
    ['0', 'ARS', '0.00'],
    ['5000', 'CLP', '5000'],
    ['5000', 'COP', '5000'],
    ['5000', 'HUF', '5000'],
    ['5000', 'BHD', '50.00'],
    ['-120', 'MXN', '-1.20'],
  ])('%s in %s is %s', (minor, currency, major) => {
    expect(majorUnits(minor, currency)).toBe(major);
  });

  it('keeps every digit of amounts beyond what a float can hold', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 25n }), (minor) => {
        expect(
          majorUnits(String(minor), 'USD')
            .replace('.', '')
            .replace(/^0+(?=\d)/, ''),
        ).toBe(String(minor));
      }),
    );
  });

  it('refuses what is not whole', () => {
    expect(() => majorUnits('12.5', 'USD')).toThrow(RangeError);
    expect(() => majorUnits('', 'USD')).toThrow(RangeError);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimal, ratio, shares, toText, unitOf } from './decimal.ts';

describe('exact decimals', () => {
  it('reads and writes money without losing a cent', () => {
    expect(toText(decimal('12345678901234567.89'), 2)).toBe('12345678901234567.89');
    expect(toText(decimal('-0.5'), 2)).toBe('-0.50');
    expect(toText(decimal('1284500'), 0)).toBe('1284500');
  });

  it.each(['', '1,5', '1e3', 'NaN', '1.1234567', '--1'])('refuses "%s"', (text) => {
    expect(() => decimal(text)).toThrow(RangeError);
  });

  it('rounds halves to the even neighbour', () => {
    expect(['0.125', '0.135', '-0.125', '2.675'].map((text) => toText(decimal(text), 2))).toEqual([
      '0.12',
      '0.14',
      '-0.12',
      '2.68',
    ]);
  });

  it('computes ROI and ROAS as the figures page works them out', () => {
    const [spend, revenue] = [decimal('1000.00'), decimal('3500.00')];
    expect(ratio(revenue - spend, spend, 100n)).toBe('250.00');
    expect(ratio(revenue, spend)).toBe('3.50');
    expect(ratio(0n - spend, spend, 100n)).toBe('-100.00');
    expect(ratio(revenue, 0n)).toBeNull();
  });

  it('shares 100.00 over three as 33.34, 33.33, 33.33', () => {
    expect(shares(decimal('100.00'), 3, unitOf('ARS')).map((share) => toText(share, 2))).toEqual([
      '33.34',
      '33.33',
      '33.33',
    ]);
  });

  it('gives shares that add up to the whole, refunds too', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }),
        fc.integer({ min: 1, max: 40 }),
        (cents, count) => {
          const whole = cents * unitOf('ARS');
          const parts = shares(whole, count, unitOf('ARS'));
          expect(parts.reduce((sum, part) => sum + part, 0n)).toBe(whole);
        },
      ),
    );
  });
});

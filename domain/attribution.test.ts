import { describe, expect, it } from 'vitest';
import { attribute, countingTouches, type Touch } from './attribution.ts';
import { decimal, toText } from './decimal.ts';

const at = (day: string) => new Date(`${day}T12:00:00Z`);
const touches: Touch[] = [
  { campaignId: 'implantes', at: at('2026-11-10') },
  { campaignId: 'blanqueamiento', at: at('2026-11-01') },
  { campaignId: 'urgencias', at: at('2026-11-20') },
];
const split = (model: Parameters<typeof attribute>[0], counting: readonly Touch[]) =>
  attribute(model, counting, decimal('100.00'), 'ARS').map(({ campaignId, amount }) => [campaignId, toText(amount, 2)]);

describe('attribution', () => {
  it('counts touches before the sale and within the look-back only', () => {
    expect(countingTouches(touches, at('2026-11-15'), 90).map((touch) => touch.campaignId)).toEqual([
      'blanqueamiento',
      'implantes',
    ]);
    expect(countingTouches(touches, at('2026-11-15'), 7).map((touch) => touch.campaignId)).toEqual(['implantes']);
  });

  it('gives the whole amount to the first or to the last touch', () => {
    const counting = countingTouches(touches, at('2026-11-24'), 90);
    expect(split('first', counting)).toEqual([['blanqueamiento', '100.00']]);
    expect(split('last', counting)).toEqual([['urgencias', '100.00']]);
  });

  it('shares linearly to the cent, the remainder to the earliest touch', () => {
    expect(split('linear', countingTouches(touches, at('2026-11-24'), 90))).toEqual([
      ['blanqueamiento', '33.34'],
      ['implantes', '33.33'],
      ['urgencias', '33.33'],
    ]);
  });

  it('attributes nothing without a counting touch', () => {
    expect(split('last', [])).toEqual([]);
  });
});

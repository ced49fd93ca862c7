import { describe, expect, it } from 'vitest';
import { area, axisTop, bars, line } from './chart.ts';

describe('trend charts', () => {
  it.each([
    [[0, 0], 1],
    [[7, 18], 20],
    [[28_655, 60_140], 80_000],
    [[0.4], 0.4],
  ])('ends the axis of %j at %d', (values, top) => {
    expect(axisTop(values)).toBeCloseTo(top);
  });

  it('draws a bar a day, higher for more', () => {
    expect(bars([10, 20], 20)).toBe('M45 128V64h210V128zM345 128V0h210V128z');
  });

  it('draws a line over the whole width and fills down to the base', () => {
    expect(line([0, 10], 10)).toBe('M0 128L600 0');
    expect(area([0, 10], 10)).toBe('M0 128L600 0L600 128L0 128z');
    expect(area([], 10)).toBe('');
  });

  it('keeps a loss at the base of the chart', () => {
    expect(line([-50, 10], 10)).toBe('M0 128L600 0');
  });
});

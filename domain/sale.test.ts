import { expect, it } from 'vitest';
import { fitsCurrency, isSaleDay } from './sale.ts';

it('lies on a day between the year 2000 and today', () => {
  const days = ['1999-12-31', '2000-01-01', '2026-11-24', '2026-11-25', '0000-01-01'];
  expect(days.map((day) => isSaleDay(day, '2026-11-24'))).toEqual([false, true, true, false, false]);
});

it('has cents only where its currency has them', () => {
  const amounts = [
    ['10.50', 'ARS'],
    ['10.50', 'CLP'],
    ['10.00', 'CLP'],
    ['10', 'CLP'],
    ['-0.01', 'PYG'],
  ] as const;
  expect(amounts.map(([amount, currency]) => fitsCurrency(amount, currency))).toEqual([true, false, true, true, false]);
});

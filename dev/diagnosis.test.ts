import { describe, expect, it } from 'vitest';
import { maskPhones, printReport } from './diagnosis.ts';

describe('a diagnosis', () => {
  const report = { leads: [{ full_name: 'Lucía Fernández', phone: '+5491155550123', status: 'new' }], numbers: [] };

  it('masks phones and names wherever they stand', () => {
    expect(maskPhones(report)).toEqual({
      leads: [{ full_name: 'L… F…', phone: '+54…123', status: 'new' }],
      numbers: [],
    });
  });

  it.each([
    ['011 15 5555-0123', '01…123'],
    ['+54 9 11 5555-0123', '+54…123'],
    ['12', '12…'],
  ])('masks the odd phone %s too', (phone, masked) => {
    expect(maskPhones({ phone })).toEqual({ phone: masked });
  });

  it('prints a table a part, and says where there is nothing', () => {
    expect(printReport(maskPhones(report))).toBe(
      'leads\n  full_name  phone    status\n  L… F…      +54…123  new\n\nnumbers\n  none\n',
    );
  });
});

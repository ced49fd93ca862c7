/** Money on its way from Meta: decimal text, never a float. */

/**
 * Currencies whose budgets Meta writes in whole units; every other one is in hundredths. This is Meta's own table, not ISO 4217
 * (COP, CRC, HUF, IDR and TWD differ), and it holds for budgets only: insights are in major units already.
 */
const WHOLE_UNITS: ReadonlySet<string> = new Set([
  'CLP',
  'COP',
  'CRC',
  'HUF',
  'ISK',
  'IDR',
  'JPY',
  'KRW',
  'PYG',
  'TWD',
  'VND',
]);

/** Minor units as Meta writes them (`"5000"`) in major units (`"50.00"`; `"5000"` for CLP). Throws RangeError on anything but whole digits. */
export function majorUnits(minor: string, currency: string): string {
  if (!/^-?\d+$/.test(minor)) throw new RangeError('minor units are whole digits');
  if (WHOLE_UNITS.has(currency)) return minor;
  const sign = minor.startsWith('-') ? '-' : '';
  const digits = minor.replace('-', '').padStart(3, '0');
  return `${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

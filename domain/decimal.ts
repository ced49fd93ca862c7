/** Exact decimals as scaled integers: from the database's text to the screen's, never through a float. */

const SCALE = 6;
const ONE = 10n ** BigInt(SCALE);

const HUNDREDTH = ONE / 100n;
const TWO_PLACES = /^-?\d+\.\d\d$/;

export const ZERO = 0n;

/** `"1234.5"` as a scaled integer. @throws {RangeError} on anything but a decimal number of at most six places. */
export function decimal(text: string): bigint {
  // Amounts of the database have two places: most of a million rows take this way.
  if (TWO_PLACES.test(text)) return BigInt(text.replace('.', '')) * HUNDREDTH;
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  const places = fraction.replace(/0+$/, '');
  if (whole === '' || places.length > SCALE) throw new RangeError('not a decimal of at most six places');
  const value = BigInt(whole) * ONE + BigInt(places.padEnd(SCALE, '0'));
  return sign === '-' ? -value : value;
}

/** Rounded half-even to `digits` places, once, at the end. */
export function toText(value: bigint, digits: number): string {
  const rounded = divideHalfEven(value, 10n ** BigInt(SCALE - digits));
  const sign = rounded < 0n ? '-' : '';
  const text = (rounded < 0n ? -rounded : rounded).toString().padStart(digits + 1, '0');
  return digits === 0 ? `${sign}${text}` : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** `a ÷ b` of a scaled `a` and a plain `b`, rounded half-even to `digits` places, once; null when `b` is zero. */
export function quotient(a: bigint, b: bigint, digits: number): string | null {
  if (b === 0n) return null;
  const unit = 10n ** BigInt(SCALE - digits);
  return toText(divideHalfEven(a, b * unit) * unit, digits);
}

/** `factor × a ÷ b` rounded half-even to two places; null when `b` is zero. */
export function ratio(a: bigint, b: bigint, factor = 1n): string | null {
  if (b === 0n) return null;
  const hundredths = divideHalfEven(a * factor * 100n, b);
  return toText(hundredths * (ONE / 100n), 2);
}

/** Equal shares of a whole that add up to it: what does not divide goes, one smallest unit each, to the first. `unit` is a scaled integer. */
export function shares(whole: bigint, count: number, unit: bigint): bigint[] {
  const units = whole / unit;
  const each = units / BigInt(count);
  const rest = units - each * BigInt(count);
  const extra = rest < 0n ? -1n : 1n;
  return Array.from({ length: count }, (_, i) => (each + (BigInt(i) < rest * extra ? extra : 0n)) * unit);
}

/** One smallest unit of a currency, scaled. */
export const unitOf = (currency: string): bigint => 10n ** BigInt(SCALE - digitsOf(currency));

const NO_CENTS: ReadonlySet<string> = new Set(['CLP', 'PYG', 'JPY', 'KRW', 'VND']);
/** How many places a currency's amounts show. */
export const digitsOf = (currency: string): number => (NO_CENTS.has(currency) ? 0 : 2);

/** `a ÷ b`, rounded half-even to a whole. */
export function divideHalfEven(a: bigint, b: bigint): bigint {
  const [n, d] = b < 0n ? [-a, -b] : [a, b];
  let floor = n / d;
  if (n % d !== 0n && n < 0n) floor -= 1n;
  const twice = (n - floor * d) * 2n;
  if (twice > d || (twice === d && floor % 2n !== 0n)) return floor + 1n;
  return floor;
}

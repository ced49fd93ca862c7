import { addDays } from './days.ts';
import { divideHalfEven } from './decimal.ts';

/** What one unit of `currency` was worth in `base`, from `day` on. */
export interface Rate {
  currency: string;
  base: string;
  day: string;
  /** Decimal text, greater than 0. */
  rate: string;
}

/** A rate that was needed and is not there: "no rate for CLP on 2026-10-03". */
export interface MissingRate {
  currency: string;
  day: string;
}

/** An older rate says nothing about a day any more. */
export const RATE_VALID_DAYS = 7;
export const RATE_PLACES = 10;

/** A fraction, so that nothing is rounded before the end. */
interface Fraction {
  num: bigint;
  den: bigint;
}

/** The amount in another currency at the rate of its own day, or null without one. */
export type Convert = (amount: bigint, from: string, to: string, day: string) => bigint | null;

/**
 * Converts at the latest rate on or before the amount's own day, no older than 7 days: the pair's own rate, else its reverse, else over a currency
 * that both have a rate in.
 */
export function createConverter(rates: readonly Rate[]): Convert {
  const pairs = new Map<string, Rate[]>();
  for (const rate of rates.toSorted((a, b) => (a.day < b.day ? 1 : -1))) {
    const key = `${rate.currency}>${rate.base}`;
    const known = pairs.get(key);
    if (known) known.push(rate);
    else pairs.set(key, [rate]);
  }
  const bases = [...new Set(rates.map(({ base }) => base))].sort();
  const own = (from: string, to: string, day: string): Fraction | null => {
    const rate = pairs.get(`${from}>${to}`)?.find((each) => each.day <= day);
    return rate === undefined || rate.day < addDays(day, -RATE_VALID_DAYS) ? null : fractionOf(rate.rate);
  };
  const either = (from: string, to: string, day: string): Fraction | null => {
    const back = own(to, from, day);
    return own(from, to, day) ?? (back === null ? null : { num: back.den, den: back.num });
  };
  const found = new Map<string, Fraction | null>();
  const find = (from: string, to: string, day: string): Fraction | null => {
    const key = `${from}>${to}@${day}`;
    const known = found.get(key);
    if (known !== undefined) return known;
    const fraction = either(from, to, day) ?? over(bases, (base) => [either(from, base, day), either(base, to, day)]);
    found.set(key, fraction);
    return fraction;
  };
  return (amount, from, to, day) => {
    if (from === to || amount === 0n) return amount;
    const fraction = find(from, to, day);
    return fraction === null ? null : divideHalfEven(amount * fraction.num, fraction.den);
  };
}

function over(bases: readonly string[], legs: (base: string) => readonly (Fraction | null)[]): Fraction | null {
  for (const base of bases) {
    const [first, second] = legs(base);
    if (first && second) return { num: first.num * second.num, den: first.den * second.den };
  }
  return null;
}

function fractionOf(rate: string): Fraction {
  const [whole = '0', places = ''] = rate.split('.');
  return { num: BigInt(whole + places.padEnd(RATE_PLACES, '0')), den: 10n ** BigInt(RATE_PLACES) };
}

import { createHash } from 'node:crypto';

/** A fraction from 0 (included) to 1 (excluded) that is the same for the same parts on every machine. */
export function fraction(...parts: readonly (string | number)[]): number {
  return createHash('sha256').update(parts.join('|')).digest().readUInt32BE(0) / 0x1_0000_0000;
}

/** A WhatsApp user id (BSUID) for a phone: the same person, without the number. */
export const userIdOf = (phone: string): string =>
  `${regionOf(phone)}.${createHash('sha256').update(phone).digest().readUIntBE(0, 6)}`;

const regions: readonly [string, string][] = [
  ['+54', 'AR'],
  ['+598', 'UY'],
  ['+56', 'CL'],
  ['+52', 'MX'],
  ['+34', 'ES'],
  ['+1', 'US'],
];

/** The region of an E.164 number; ZZ when it is none of the few we know. */
export const regionOf = (phone: string): string => regions.find(([prefix]) => phone.startsWith(prefix))?.[1] ?? 'ZZ';

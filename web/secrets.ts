import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** A random secret that fits cookies, headers and JSON attributes as it is: base64url, 256 bits. */
export const randomSecret = (): string => randomBytes(32).toString('base64url');

/** What is stored of a secret that is random enough to need no salt. */
export const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Keyed hash as base64url, for values that we hand out and want back unchanged. */
export const hmac = (key: string, text: string): string => createHmac('sha256', key).update(text).digest('base64url');

/** Compares in constant time; different lengths are unequal. */
export function equalSecrets(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The token in another spelling each time: what stands in a compressed page must not be guessed from the page's length. */
export function masked(token: string): string {
  const [bytes, mask] = [Buffer.from(token), randomBytes(token.length)];
  return Buffer.concat([mask, bytes.map((byte, i) => byte ^ (mask[i] ?? 0))]).toString('base64url');
}

/** The token behind a spelling of `masked`; what is none comes out as nonsense of no use. */
export function unmasked(text: string): string {
  const both = Buffer.from(text, 'base64url');
  const half = both.length >> 1;
  return both
    .subarray(half)
    .map((byte, i) => byte ^ (both[i] ?? 0))
    .toString();
}

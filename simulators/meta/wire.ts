import { createHmac, timingSafeEqual } from 'node:crypto';

const RAW = '\u0001';

/** Marks digits that must appear in JSON as a number, also beyond 2^53 where JavaScript has no such number. */
export function rawNumber(digits: string): string {
  return RAW + digits;
}

/**
 * JSON as Meta writes it: ASCII only with lower-case `\u` escapes, and every slash escaped.
 * Webhooks sign exactly these bytes, so a receiver that re-serialises computes another signature.
 */
export function metaJson(value: unknown): string {
  return JSON.stringify(value)
    .replace(/"\\u0001(\d+)"/g, '$1')
    .replaceAll('/', '\\/')
    .replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Lower-case hex HMAC, as in `X-Hub-Signature-256` and `appsecret_proof`. */
export function hmacHex(key: string, text: string, algorithm: 'sha256' | 'sha1' = 'sha256'): string {
  return createHmac(algorithm, key).update(text).digest('hex');
}

/** Compares two texts without telling by time where they differ. */
export function sameText(left: string, right: string): boolean {
  const a = Buffer.from(left);
  const b = Buffer.from(right);
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Meta's `signed_request`: base64url of the raw signature, a dot, base64url of the JSON, both unpadded. */
export function signedRequest(key: string, payload: unknown): string {
  const body = Buffer.from(JSON.stringify(payload)).toString('base64url');
  return `${createHmac('sha256', key).update(body).digest('base64url')}.${body}`;
}

import { createHmac, timingSafeEqual } from 'node:crypto';

const TOLERANCE_S = 300;

/** `X-Hub-Signature-256: sha256=<hex>`: HMAC of the raw bytes with the app secret. */
export function isSignedByMeta(raw: Buffer, header: string | undefined, appSecret: string): boolean {
  return isHmac(raw, /^sha256=([0-9a-f]{64})$/i.exec(header ?? '')?.[1], appSecret);
}

/** `YCloud-Signature: t=<unix seconds>,s=<hex>`: HMAC of `t.rawBody` with any of the whole secrets; 5 minutes of tolerance, both directions. */
export function isSignedByYcloud(
  raw: Buffer,
  header: string | undefined,
  secrets: readonly string[],
  nowS: number,
): boolean {
  const [, time = '', signature] = /^t=(\d{1,12}),s=([0-9a-f]{64})$/.exec(header ?? '') ?? [];
  if (signature === undefined || Math.abs(nowS - Number(time)) > TOLERANCE_S) return false;
  const signed = Buffer.concat([Buffer.from(`${time}.`), raw]);
  return secrets.map((secret) => isHmac(signed, signature, secret)).includes(true);
}

function isHmac(message: Buffer, hex: string | undefined, key: string): boolean {
  const wanted = createHmac('sha256', key).update(message).digest();
  const given = Buffer.from(hex ?? '', 'hex');
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

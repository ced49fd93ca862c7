import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

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

/** `X-Chatwoot-Signature: sha256=<hex>` over `{X-Chatwoot-Timestamp}.{raw}`; 5 minutes of tolerance, both directions. */
export function isSignedByChatwoot(
  raw: Buffer,
  { timestamp, signature }: { timestamp: string | undefined; signature: string | undefined },
  secrets: readonly string[],
  nowS: number,
): boolean {
  const hex = /^sha256=([0-9a-f]{64})$/i.exec(signature ?? '')?.[1];
  if (hex === undefined || !/^\d{1,12}$/.test(timestamp ?? '') || Math.abs(nowS - Number(timestamp)) > TOLERANCE_S)
    return false;
  const signed = Buffer.concat([Buffer.from(`${timestamp}.`), raw]);
  return secrets.map((secret) => isHmac(signed, hex, secret)).includes(true);
}

function isHmac(message: Buffer, hex: string | undefined, key: string): boolean {
  const wanted = createHmac('sha256', key).update(message).digest();
  const given = Buffer.from(hex ?? '', 'hex');
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

const payload = z
  .object({
    algorithm: z.literal('HMAC-SHA256'),
    user_id: z.union([z.string().regex(/^\d+$/), z.null()]).optional(),
    profile_id: z.union([z.string().regex(/^\d+$/), z.null()]).optional(),
    issued_at: z.coerce.number().int().positive().max(99_999_999_999),
  })
  .transform((given) => ({
    /** App-scoped; null where a page removed the app. */
    userId: given.user_id ?? null,
    pageId: given.profile_id ?? null,
    /** Unix seconds. */
    issuedAt: given.issued_at,
  }));
export type SignedRequest = z.output<typeof payload>;

/** `signed_request=<base64url HMAC>.<base64url JSON>`: the HMAC is over the encoded second part. Null unless Meta signed it. */
export function readSignedRequest(text: string, appSecret: string): SignedRequest | null {
  const [, signature = '', encoded = ''] = /^([\w-]{43})\.([\w-]+)$/.exec(text) ?? [];
  if (!isHmac(Buffer.from(encoded), Buffer.from(signature, 'base64url').toString('hex'), appSecret)) return null;
  try {
    return payload.safeParse(JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'))).data ?? null;
  } catch {
    return null;
  }
}

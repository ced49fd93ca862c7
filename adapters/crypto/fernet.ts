import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { AppError } from '../../domain/error.ts';
import type { Vault } from '../../domain/vault.ts';

const HEAD_BYTES = 25; // version, time, IV
const HMAC_BYTES = 32;

/** A token or key that is not Fernet, or that no key opens. */
export class FernetError extends Error {
  override name = 'FernetError';
}

/** Fernet text of `plain` (https://github.com/fernet/spec): AES-128-CBC, then HMAC-SHA256 over everything before it. */
export function fernetEncrypt(
  key: string,
  plain: Buffer,
  nowS = Math.floor(Date.now() / 1000),
  iv = randomBytes(16),
): string {
  const { sign, crypt } = split(key);
  const head = Buffer.alloc(9);
  head[0] = 0x80;
  head.writeBigUInt64BE(BigInt(nowS), 1);
  const cipher = createCipheriv('aes-128-cbc', crypt, iv);
  const body = Buffer.concat([head, iv, cipher.update(plain), cipher.final()]);
  return toBase64Url(Buffer.concat([body, createHmac('sha256', sign).update(body).digest()]));
}

/**
 * What `token` holds, opened by the first of `keys` that signed it.
 * @throws {FernetError} when it is malformed, older than `ttlS` seconds, or signed by none of the keys.
 */
export function fernetDecrypt(
  keys: readonly string[],
  token: string,
  options: { ttlS?: number; nowS?: number } = {},
): Buffer {
  const raw = fromBase64Url(token);
  if (raw.length < HEAD_BYTES + 16 + HMAC_BYTES || raw[0] !== 0x80 || (raw.length - HEAD_BYTES - HMAC_BYTES) % 16 !== 0)
    throw new FernetError('malformed');
  checkAge(Number(raw.readBigUInt64BE(1)), options);
  const body = raw.subarray(0, -HMAC_BYTES);
  for (const key of keys) {
    const { sign, crypt } = split(key);
    if (timingSafeEqual(createHmac('sha256', sign).update(body).digest(), raw.subarray(-HMAC_BYTES)))
      return decipher(crypt, raw);
  }
  throw new FernetError('no key matches');
}

/** The installation's Vault: seals with the newest key, opens with any. */
export function createVault(keys: readonly [string, ...string[]] | readonly string[]): Vault {
  const [newest] = keys;
  if (newest === undefined) throw new AppError('misconfigured', 'no encryption key');
  return {
    seal: (plain) => fernetEncrypt(newest, Buffer.from(plain)),
    open(sealed) {
      try {
        return fernetDecrypt(keys, sealed).toString();
      } catch (error) {
        throw new AppError('misconfigured', 'a stored secret does not open with the configured keys', { cause: error });
      }
    },
  };
}

/** Puts sealed text under the newest key: null when it is already. @throws {FernetError} when no key opens it */
export function createReseal(keys: readonly string[]): (sealed: string) => string | null {
  const [newest = '', ...older] = keys;
  return (sealed) => {
    if (opens(newest, sealed)) return null;
    return fernetEncrypt(newest, fernetDecrypt(older, sealed));
  };
}

function opens(key: string, sealed: string): boolean {
  try {
    fernetDecrypt([key], sealed);
    return true;
  } catch {
    return false;
  }
}

function checkAge(atS: number, { ttlS, nowS = Math.floor(Date.now() / 1000) }: { ttlS?: number; nowS?: number }): void {
  const clockSkewS = 60;
  if (ttlS !== undefined && (atS + ttlS < nowS || atS > nowS + clockSkewS)) throw new FernetError('expired');
}

function decipher(key: Buffer, raw: Buffer): Buffer {
  const aes = createDecipheriv('aes-128-cbc', key, raw.subarray(9, HEAD_BYTES));
  try {
    return Buffer.concat([aes.update(raw.subarray(HEAD_BYTES, -HMAC_BYTES)), aes.final()]);
  } catch (error) {
    throw new FernetError('padding', { cause: error });
  }
}

function split(key: string): { sign: Buffer; crypt: Buffer } {
  const bytes = fromBase64Url(key);
  if (bytes.length !== 32) throw new FernetError('a key is 32 bytes');
  return { sign: bytes.subarray(0, 16), crypt: bytes.subarray(16) };
}

// Node alone accepts garbage between the letters; the spec does not.
function fromBase64Url(text: string): Buffer {
  if (!/^[A-Za-z0-9_-]*={0,2}$/.test(text) || text.length % 4 !== 0) throw new FernetError('not base64url');
  return Buffer.from(text, 'base64url');
}

function toBase64Url(bytes: Buffer): string {
  const text = bytes.toString('base64url');
  return text + '='.repeat((4 - (text.length % 4)) % 4);
}

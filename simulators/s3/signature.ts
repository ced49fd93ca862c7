import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Refusal } from './errors.ts';

export interface Owner {
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
}

const SKEW_MS = 15 * 60_000;
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request,\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})$/;

/**
 * Checks the Authorization header of a whole request as "Authenticating Requests (AWS Signature Version 4)" of the S3 API reference describes it: canonical
 * request, string to sign, signing key. Throws Refusal with the code that S3 answers.
 */
export function checkSignature(req: IncomingMessage, body: Buffer, owner: Owner, now: number): void {
  const given = req.headers.authorization;
  if (given === undefined) throw new Refusal(403, 'AccessDenied', 'Access Denied');
  const [, keyId, day, region, service, signedHeaders = '', signature = ''] = AUTHORIZATION.exec(given) ?? [];
  if (keyId === undefined || service !== 's3')
    throw new Refusal(400, 'AuthorizationHeaderMalformed', 'The authorization header is malformed');
  if (region !== owner.region)
    throw new Refusal(
      400,
      'AuthorizationHeaderMalformed',
      `The authorization header is malformed; the region '${region}' is wrong; expecting '${owner.region}'`,
    );
  if (keyId !== owner.accessKeyId)
    throw new Refusal(403, 'InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.');
  const at = checkedTime(req, day ?? '', now);
  const names = checkedNames(req, signedHeaders);
  const payloadHash = checkedPayload(req, body);
  const scope = `${day}/${region}/s3/aws4_request`;
  const canonical = canonicalRequest(req, names, payloadHash);
  const toSign = ['AWS4-HMAC-SHA256', at, scope, sha256(canonical)].join('\n');
  const key = [day ?? '', region, 's3', 'aws4_request'].reduce<Buffer>(
    (derived, part) => hmac(derived, part),
    Buffer.from(`AWS4${owner.secretAccessKey}`),
  );
  if (!timingSafeEqual(hmac(key, toSign), Buffer.from(signature, 'hex')))
    throw new Refusal(
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    );
}

function checkedTime(req: IncomingMessage, day: string, now: number): string {
  const at = headerOf(req, 'x-amz-date');
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(at) ?? [];
  if (y === undefined || !at.startsWith(day))
    throw new Refusal(403, 'AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header');
  if (Math.abs(Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`) - now) > SKEW_MS)
    throw new Refusal(
      403,
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
    );
  return at;
}

/** `host` and every `x-amz-` header must be signed. */
function checkedNames(req: IncomingMessage, signedHeaders: string): string[] {
  const names = signedHeaders.split(';');
  const wanted = ['host', ...Object.keys(req.headers).filter((name) => name.startsWith('x-amz-'))];
  if (wanted.some((name) => !names.includes(name)))
    throw new Refusal(403, 'AccessDenied', 'There were headers present in the request which were not signed');
  return names;
}

function checkedPayload(req: IncomingMessage, body: Buffer): string {
  const given = headerOf(req, 'x-amz-content-sha256');
  if (given === '')
    throw new Refusal(400, 'InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  if (given.startsWith('STREAMING-'))
    throw new Refusal(501, 'NotImplemented', 'A header you provided implies functionality that is not implemented');
  if (given !== 'UNSIGNED-PAYLOAD' && given !== sha256(body))
    throw new Refusal(
      400,
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
  return given;
}

function canonicalRequest(req: IncomingMessage, names: readonly string[], payloadHash: string): string {
  const { pathname, searchParams } = new URL(req.url ?? '/', 'http://s3');
  // Unlike for every other service, the path is encoded once and not normalised.
  const path = pathname
    .split('/')
    .map((part) => encoded(decodeURIComponent(part)))
    .join('/');
  const query = [...searchParams]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&');
  const headers = names.map((name) => `${name}:${headerOf(req, name).trim().replace(/\s+/g, ' ')}\n`).join('');
  return [req.method, path, query, headers, names.join(';'), payloadHash].join('\n');
}

const headerOf = (req: IncomingMessage, name: string): string => [req.headers[name] ?? ''].flat().join(',');
/** RFC 3986: all but letters, digits, `-`, `.`, `_` and `~`. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const sha256 = (content: Buffer | string): string => createHash('sha256').update(content).digest('hex');

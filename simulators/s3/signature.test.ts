import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { Refusal } from './errors.ts';
import { checkSignature } from './signature.ts';

// "Examples: Signature Calculations" of Amazon's S3 API reference, with the keys of that page.
const owner = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  region: 'us-east-1',
};
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const then = Date.parse('2013-05-24T00:00:00Z');
const authorization = (signed: string, signature: string) =>
  `AWS4-HMAC-SHA256 Credential=${owner.accessKeyId}/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signed},Signature=${signature}`;

interface Given {
  method: string;
  url: string;
  headers: Record<string, string>;
}

const getObject: Given = {
  method: 'GET',
  url: '/test.txt',
  headers: {
    host: 'examplebucket.s3.amazonaws.com',
    range: 'bytes=0-9',
    'x-amz-content-sha256': EMPTY,
    'x-amz-date': '20130524T000000Z',
    authorization: authorization(
      'host;range;x-amz-content-sha256;x-amz-date',
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ),
  },
};
const putObject: Given = {
  method: 'PUT',
  url: '/test$file.text',
  headers: {
    host: 'examplebucket.s3.amazonaws.com',
    date: 'Fri, 24 May 2013 00:00:00 GMT',
    'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
    'x-amz-date': '20130524T000000Z',
    'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    authorization: authorization(
      'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ),
  },
};
const getLifecycle: Given = {
  method: 'GET',
  url: '/?lifecycle',
  headers: {
    host: 'examplebucket.s3.amazonaws.com',
    'x-amz-content-sha256': EMPTY,
    'x-amz-date': '20130524T000000Z',
    authorization: authorization(
      'host;x-amz-content-sha256;x-amz-date',
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ),
  },
};
const words = Buffer.from('Welcome to Amazon S3.');

/** The code of the refusal, or null. */
function refusalOf({ method, url, headers }: Given, body: Buffer = Buffer.alloc(0), now = then): string | null {
  try {
    checkSignature({ method, url, headers } as unknown as IncomingMessage, body, owner, now);
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}
const but = (given: Given, headers: Record<string, string>): Given => {
  return { ...given, headers: { ...given.headers, ...headers } };
};

describe('A signature', () => {
  it("is calculated as in Amazon's examples", () => {
    expect(refusalOf(getObject)).toBeNull();
    expect(refusalOf(putObject, words)).toBeNull();
    expect(refusalOf(getLifecycle)).toBeNull();
  });

  it.each<[string, Given, Buffer?, number?]>([
    ['SignatureDoesNotMatch', { ...getObject, url: '/other.txt' }],
    ['SignatureDoesNotMatch', { ...getObject, method: 'DELETE' }],
    ['SignatureDoesNotMatch', but(getObject, { range: 'bytes=0-10' })],
    ['XAmzContentSHA256Mismatch', putObject, Buffer.from('Welcome to Amazon S4.')],
    ['AccessDenied', but(getObject, { 'x-amz-acl': 'public-read' })],
    ['AccessDenied', but(getObject, { 'x-amz-date': '20130525T000000Z' })],
    ['RequestTimeTooSkewed', getObject, Buffer.alloc(0), then + 16 * 60_000],
    [
      'InvalidAccessKeyId',
      but(getObject, { authorization: authorization('host', '0'.repeat(64)).replace('AKIA', 'AKIB') }),
    ],
    ['AuthorizationHeaderMalformed', but(getObject, { authorization: 'Bearer x' })],
  ])('that is not of this request is refused: %s', (code, given, body, now) => {
    expect(refusalOf(given, body, now)).toBe(code);
  });
});

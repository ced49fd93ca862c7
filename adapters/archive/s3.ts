import { createHash } from 'node:crypto';
import { AwsClient } from 'aws4fetch';
import type { ArchivePlace } from './place.ts';

export interface BucketKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
  region?: string | undefined;
}

const DEFAULT_REGION = 'us-east-1';
const TIMEOUT_MS = 60_000;

/**
 * Objects of a bucket: `s3://bucket/prefix` at AWS, or `https://host/bucket/prefix` at a server that speaks S3, whose bucket always stands in the path.
 * Every call is signed (Signature Version 4) with the hash of its content, so a body that changed on its way is refused.
 */
export function bucketPlace(url: string, { region = DEFAULT_REGION, sessionToken, ...keys }: BucketKeys): ArchivePlace {
  const base = baseOf(url, region);
  const client = new AwsClient({
    ...keys,
    ...(sessionToken ? { sessionToken } : {}),
    region,
    service: 's3',
    retries: 3,
  });
  async function call(method: 'PUT' | 'GET', name: string, body: Buffer | null): Promise<Response> {
    const headers = {
      'x-amz-content-sha256': createHash('sha256')
        .update(body ?? '')
        .digest('hex'),
    };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const content = body === null ? {} : { body: new Uint8Array(body) };
    // A redirect means another region or host, for which the signature would not hold.
    const options = { method, headers, signal, redirect: 'manual', ...content } as const;
    // The client takes a plus for a space when it signs, S3 for a plus.
    const reply = await client.fetch(`${base}/${name}`.replaceAll('+', '%2B'), options);
    if (reply.ok) return reply;
    const [, code] = /<Code>(\w+)<\/Code>/.exec(await reply.text()) ?? [];
    throw new Error(`${method} ${name}: the archive's server answered ${reply.status}${code ? ` ${code}` : ''}`);
  }
  return {
    async put(name, content) {
      await call('PUT', name, content);
    },
    get: async (name) => Buffer.from(await (await call('GET', name, null)).arrayBuffer()),
  };
}

/** AWS names a bucket before its host, except one with dots, which no certificate of it covers. */
function baseOf(url: string, region: string): string {
  const whole = url.replace(/\/+$/, '');
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)(\/.*)?$/.exec(whole) ?? [];
  if (bucket === undefined) return whole;
  const host = `s3.${region}.amazonaws.com`;
  return bucket.includes('.') ? `https://${host}/${bucket}${prefix}` : `https://${bucket}.${host}${prefix}`;
}

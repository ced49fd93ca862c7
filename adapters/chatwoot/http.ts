import { type LookupOptions, lookup } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, type LookupFunction } from 'node:net';

/** A tenant's Chatwoot: where it is, which account, and the token of one of its agents. */
export interface ChatwootAccount {
  url: string;
  accountId: string;
  token: string;
}

export interface ChatwootHttpOptions {
  /** Tests talk to this machine over plain http. */
  isInnerAllowed?: boolean;
}

const DEADLINE_MS = 8_000;
const MOST_BYTES = 2 * 1024 * 1024;

// A tenant names this address: it must not reach into the network that we run in.
const inner = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  inner.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of [
  ['::', 127],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  inner.addSubnet(net, bits, 'ipv6');

/** Whether an address belongs to the internet at large. */
export function isPublicAddress(address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return !inner.check(plain, plain.includes(':') ? 'ipv6' : 'ipv4');
}

/** One call; follows no redirect. Status 0: no answer, or an address that leads inside. The body is what JSON says, else null. */
export function askChatwoot(
  { url, token }: Pick<ChatwootAccount, 'url' | 'token'>,
  { path, method = 'GET', body }: { path: string; method?: 'GET' | 'POST'; body?: object },
  { isInnerAllowed = false }: ChatwootHttpOptions = {},
): Promise<{ status: number; body: unknown }> {
  const address = new URL(path, url);
  const isSecure = address.protocol === 'https:';
  const host = address.hostname.replace(/^\[|\]$/g, '');
  if (!isInnerAllowed && (!isSecure || (/^[\d.]+$|:/.test(host) && !isPublicAddress(host))))
    return Promise.resolve({ status: 0, body: null });
  return new Promise((resolve) => {
    const sent = (isSecure ? httpsRequest : httpRequest)(
      address,
      {
        method,
        headers: {
          api_access_token: token,
          accept: 'application/json',
          ...(body ? { 'content-type': 'application/json' } : {}),
        },
        signal: AbortSignal.timeout(DEADLINE_MS),
        ...(isInnerAllowed ? {} : { lookup: publicOnly }),
      },
      async (reply) => resolve({ status: reply.statusCode ?? 0, body: await jsonOf(reply).catch(() => null) }),
    );
    sent.on('error', () => resolve({ status: 0, body: null })).end(body ? JSON.stringify(body) : undefined);
  });
}

async function jsonOf(reply: AsyncIterable<Buffer>): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of reply) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) return null; // leaving the loop ends the reply
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

/** Resolves as usual and refuses what leads inside, at the moment of connecting, so that a name cannot change its mind in between. */
const publicOnly: LookupFunction = (hostname, options, done) => {
  lookup(hostname, { ...(options as LookupOptions), all: true }, (error, addresses) => {
    if (error) return done(error, []);
    if (addresses.some(({ address }) => !isPublicAddress(address)))
      return done(Object.assign(new Error('not a public address'), { code: 'EACCES' }), []);
    if (options.all) return done(null, addresses);
    done(null, addresses[0]?.address ?? '', addresses[0]?.family);
  });
};

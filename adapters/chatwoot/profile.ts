import { type LookupOptions, lookup } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, type LookupFunction } from 'node:net';
import type { TestOutcome } from '../../domain/credential.ts';

const DEADLINE_MS = 8_000;

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

export interface ChatwootProfileOptions {
  /** Tests talk to this machine over plain http. */
  isInnerAllowed?: boolean;
}

/** Asks the Chatwoot at `url` whose token it is. Never throws, follows no redirect, reads no body. */
export function askChatwootProfile(
  url: string,
  token: string,
  { isInnerAllowed = false }: ChatwootProfileOptions = {},
): Promise<TestOutcome> {
  const address = new URL('/api/v1/profile', url);
  const isSecure = address.protocol === 'https:';
  const names = address.hostname.replace(/^\[|\]$/g, '');
  if (!isInnerAllowed && (!isSecure || (/^[\d.]+$|:/.test(names) && !isPublicAddress(names))))
    return Promise.resolve('no_answer');
  return new Promise((resolve) => {
    const sent = (isSecure ? httpsRequest : httpRequest)(
      address,
      {
        headers: { api_access_token: token, accept: 'application/json' },
        signal: AbortSignal.timeout(DEADLINE_MS),
        ...(isInnerAllowed ? {} : { lookup: publicOnly }),
      },
      (reply) => {
        reply.destroy();
        resolve(outcomeOf(reply.statusCode ?? 0));
      },
    );
    sent.on('error', () => resolve('no_answer')).end();
  });
}

const outcomeOf = (status: number): TestOutcome => {
  if (status >= 200 && status < 300) return 'works';
  return status === 401 || status === 403 ? 'rejected' : 'no_answer';
};

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

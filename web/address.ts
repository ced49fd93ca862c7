import { isIPv4, isIPv6 } from 'node:net';

/** A caller's address without the part that names one machine: /24 of IPv4, /48 of IPv6; null when it is neither. */
export function shortAddress(address: string | undefined): string | null {
  if (address === undefined) return null;
  const plain = address.replace(/^::ffff:/, '');
  if (isIPv4(plain)) return `${plain.split('.').slice(0, 3).join('.')}.0/24`;
  if (!isIPv6(plain)) return null;
  const [head = '', tail = ''] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const groups = plain.includes('::')
    ? [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right]
    : left;
  return `${groups.slice(0, 3).join(':')}::/48`;
}

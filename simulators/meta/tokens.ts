import type { Clock } from './clock.ts';
import { deadToken } from './errors.ts';
import { decodeToken, encodeToken } from './token-text.ts';

export type TokenKind = 'USER' | 'PAGE' | 'SYSTEM_USER' | 'APP';

/** What a token says by itself. Times in seconds; `expiresAt` 0 means never. */
export interface TokenInfo {
  readonly kind: TokenKind;
  readonly userId: string;
  readonly pageId: string;
  readonly scopes: readonly string[];
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly dataAccessExpiresAt: number;
  readonly longLived: boolean;
  readonly serial: number;
}

export type PermissionStatus = 'granted' | 'declined';

/** Every permission the dialog knows. */
export const allScopes = [
  'public_profile',
  'email',
  'ads_read',
  'ads_management',
  'business_management',
  'pages_show_list',
  'pages_read_engagement',
  'pages_manage_metadata',
  'leads_retrieval',
  'pages_manage_ads',
  'whatsapp_business_management',
  'whatsapp_business_messaging',
] as const;

/** Tokens carry their own content, signed: they survive a restart of the simulator, revocations do not. */
export interface Tokens {
  issue(info: Omit<TokenInfo, 'serial' | 'issuedAt' | 'dataAccessExpiresAt'>): string;
  /** The token's content whether alive or not; undefined when it is none of ours. */
  read(token: string): TokenInfo | undefined;
  /** The content of a living token. Throws 190 with its subcode for a dead one. */
  check(token: string): TokenInfo;
  /** Makes a token, or all tokens that a user has so far, answer 190 with the subcode. */
  kill(target: { readonly userId?: string; readonly token?: string }, subcode: number | undefined): void;
  /** Undoes `kill`: for 459 and 464 the same token may work again later. */
  revive(): void;
  permissions(info: TokenInfo): ReadonlyMap<string, PermissionStatus>;
  setPermission(userId: string, scope: string, status: PermissionStatus): void;
  declined(userId: string): readonly string[];
}

interface Kill {
  readonly userId: string | undefined;
  readonly token: string | undefined;
  readonly subcode: number | undefined;
  readonly upTo: number;
}

const DATA_ACCESS_SECONDS = 90 * 86_400;

/** A token store of one app. */
export function createTokens(app: { readonly id: string; readonly secret: string }, clock: Clock): Tokens {
  let kills: Kill[] = [];
  let serial = Date.now() * 1000;
  const decided = new Map<string, Map<string, PermissionStatus>>();
  const read = (token: string) => decodeToken(app, token);
  return {
    issue: (info) => {
      serial += 1;
      const issuedAt = clock.seconds();
      return encodeToken(app, { ...info, issuedAt, dataAccessExpiresAt: issuedAt + DATA_ACCESS_SECONDS, serial });
    },
    read,
    check: (token) => living(token, read(token), kills, clock.seconds()),
    kill: ({ userId, token }, subcode) => {
      kills.push({ userId, token, subcode, upTo: serial });
    },
    revive: () => {
      kills = [];
    },
    permissions: (info) => permissionsOf(info, decided.get(info.userId), clock.seconds()),
    setPermission: (userId, scope, status) => {
      decided.set(userId, (decided.get(userId) ?? new Map<string, PermissionStatus>()).set(scope, status));
    },
    declined: (userId) =>
      [...(decided.get(userId) ?? [])].flatMap(([scope, status]) => (status === 'declined' ? [scope] : [])),
  };
}

/** Throws 190: without a subcode for a text that is no token, with the kill's for a killed one, 463 for an expired one. */
function living(token: string, info: TokenInfo | undefined, kills: readonly Kill[], now: number): TokenInfo {
  if (info === undefined) {
    throw deadToken();
  }
  const kill = kills.find(
    ({ userId, token: killed, upTo }) =>
      killed === token || (userId !== undefined && userId === info.userId && info.serial <= upTo),
  );
  if (kill !== undefined) {
    throw deadToken(kill.subcode);
  }
  if (info.expiresAt !== 0 && info.expiresAt <= now) {
    throw deadToken(463, expiredMessage(info.expiresAt, now));
  }
  return info;
}

/**
 * The token's own permissions as they stand now, then those its user declined.
 * Past its data access it keeps only the public profile, although it still counts as valid.
 */
function permissionsOf(
  info: TokenInfo,
  decided: ReadonlyMap<string, PermissionStatus> = new Map(),
  now: number,
): Map<string, PermissionStatus> {
  if (info.dataAccessExpiresAt !== 0 && info.dataAccessExpiresAt <= now) {
    return new Map([['public_profile', 'granted']]);
  }
  const own = info.scopes.map((scope) => [scope, decided.get(scope) ?? 'granted'] as const);
  const declined = [...decided].filter(([, status]) => status === 'declined');
  return new Map([...own, ...declined]);
}

function expiredMessage(expiredAt: number, now: number): string {
  return `Error validating access token: Session has expired on ${pacificTime(expiredAt)}. The current time is ${pacificTime(now)}.`;
}

function pacificTime(seconds: number): string {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: 'America/Los_Angeles',
    weekday: 'long',
    day: '2-digit',
    month: 'short',
    year: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  });
  const part = Object.fromEntries(format.formatToParts(seconds * 1000).map(({ type, value }) => [type, value]));
  const { weekday, day, month, year, hour, minute, second, timeZoneName } = part;
  return `${weekday}, ${day}-${month}-${year} ${hour}:${minute}:${second} ${timeZoneName}`;
}

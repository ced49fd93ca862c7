import { isObject, parseJson } from './http.ts';
import type { TokenInfo } from './tokens.ts';
import { hmacHex, sameText } from './wire.ts';

interface AppKeys {
  readonly id: string;
  readonly secret: string;
}

const PREFIX = 'EAAG';
const MAC_LENGTH = 24;
const appInfo: TokenInfo = {
  kind: 'APP',
  userId: '',
  pageId: '',
  scopes: [],
  issuedAt: 0,
  expiresAt: 0,
  dataAccessExpiresAt: 0,
  longLived: true,
  serial: 0,
};

/** A token that carries its own content, signed with the app's secret; several hundred characters, as real ones may be. */
export function encodeToken(app: AppKeys, info: TokenInfo): string {
  const body = Buffer.from(JSON.stringify(info)).toString('base64url');
  return `${PREFIX}${body}${macOf(app, body)}`;
}

/** The content of a token or of `{app-id}|{app-secret}`; undefined for any other text. */
export function decodeToken(app: AppKeys, token: string): TokenInfo | undefined {
  if (token === `${app.id}|${app.secret}`) {
    return appInfo;
  }
  const body = token.slice(PREFIX.length, -MAC_LENGTH);
  if (!token.startsWith(PREFIX) || !sameText(macOf(app, body), token.slice(-MAC_LENGTH))) {
    return undefined;
  }
  const value = parseJson(Buffer.from(body, 'base64url').toString('utf8'));
  return isObject(value) ? (value as unknown as TokenInfo) : undefined;
}

function macOf(app: AppKeys, body: string): string {
  return hmacHex(app.secret, body).slice(0, MAC_LENGTH);
}

import { createHash } from 'node:crypto';
import { GraphError } from './errors.ts';
import type { GraphCall, Params } from './http.ts';
import { hash32 } from './random.ts';
import type { AuthorizationCode, Simulator } from './simulator.ts';
import { sameText } from './wire.ts';

interface TokenReply {
  readonly access_token: string;
  readonly token_type: 'bearer';
  readonly expires_in?: number;
}

/**
 * `GET|POST /oauth/access_token` for a code, for `fb_exchange_token` and for `client_credentials`.
 * Errors as the wild shows them: 101 unknown app, 1 wrong secret, 100 with 36009 used, 36007 expired, 36008 other address.
 */
export function exchangeToken(
  sim: Simulator,
  call: GraphCall,
): TokenReply | { access_token: string; token_type: string } {
  const { params } = call;
  checkClient(sim, params);
  switch (params['grant_type'] ?? 'authorization_code') {
    case 'client_credentials':
      return { access_token: `${sim.app.id}|${sim.app.secret}`, token_type: 'bearer' };
    case 'fb_exchange_token':
      return extend(sim, params['fb_exchange_token'] ?? '');
    default:
      return redeem(sim, params);
  }
}

function checkClient(sim: Simulator, params: Params): void {
  if (params['client_id'] === undefined) {
    throw new GraphError(101, 'Missing client_id parameter.');
  }
  if (params['client_id'] !== sim.app.id) {
    throw new GraphError(101, 'Error validating application. Cannot get application info due to a system error.');
  }
  if (!sameText(params['client_secret'] ?? '', sim.app.secret)) {
    throw new GraphError(1, 'Error validating client secret.');
  }
}

function redeem(sim: Simulator, params: Params): TokenReply {
  const code = sim.codes.get(params['code'] ?? '');
  if (code === undefined) {
    throw invalidCode('Invalid verification code format.');
  }
  if (code.used) {
    throw invalidCode('This authorization code has been used.', 36_009);
  }
  if (code.expiresAt <= sim.clock.now()) {
    throw invalidCode('This authorization code has expired.', 36_007);
  }
  if (params['redirect_uri'] !== code.redirectUri) {
    throw invalidCode(
      'Error validating verification code. Please make sure your redirect_uri is identical to the one you used in the OAuth dialog request',
      36_008,
    );
  }
  checkVerifier(code, params['code_verifier']);
  code.used = true;
  return code.systemUser ? systemUserToken(sim, code) : shortLivedToken(sim, code);
}

function invalidCode(message: string, subcode?: number): GraphError {
  const headers = { 'WWW-Authenticate': `OAuth "Facebook Platform" "invalid_code" "${message}"` };
  return new GraphError(100, message, { ...(subcode === undefined ? {} : { subcode }), headers });
}

function checkVerifier({ challenge, challengeMethod }: AuthorizationCode, verifier: string | undefined): void {
  if (challenge === undefined) {
    return;
  }
  const actual =
    challengeMethod === 'S256'
      ? createHash('sha256')
          .update(verifier ?? '')
          .digest('base64url')
      : (verifier ?? '');
  if (!sameText(actual, challenge)) {
    throw invalidCode('Invalid code_verifier parameter.');
  }
}

function shortLivedToken(sim: Simulator, code: AuthorizationCode): TokenReply {
  sim.exchanges += 1;
  const lifetime = 3600 + (hash32(sim.world.seed, sim.exchanges) % 3600);
  const access_token = sim.tokens.issue({
    kind: 'USER',
    userId: code.userId,
    pageId: '',
    scopes: code.scopes,
    longLived: false,
    expiresAt: sim.clock.seconds() + lifetime,
  });
  return reply(access_token, tellsExpiry(sim) ? lifetime : undefined);
}

function systemUserToken(sim: Simulator, code: AuthorizationCode): TokenReply {
  const { userId, scopes } = code;
  return reply(
    sim.tokens.issue({ kind: 'SYSTEM_USER', userId, pageId: '', scopes, longLived: true, expiresAt: 0 }),
    undefined,
  );
}

/** `expires_in` may be absent without meaning anything: here in every third exchange. */
function tellsExpiry({ settings, exchanges }: Simulator): boolean {
  return settings.expiresIn === 'always' || (settings.expiresIn === 'mixed' && exchanges % 3 !== 0);
}

/** The long-lived exchange, 60 days. A long-lived token goes the same way, and its expiry moves unless the knob says no. */
function extend(sim: Simulator, token: string): TokenReply {
  const info = sim.tokens.check(token);
  if (info.kind !== 'USER') {
    throw new GraphError(100, '(#100) Only user access tokens can be exchanged');
  }
  const now = sim.clock.seconds();
  const moves = !info.longLived || sim.settings.extensionMovesExpiry;
  const expiresAt = moves ? now + sim.settings.longLivedSeconds : info.expiresAt;
  const { kind, userId, pageId, scopes } = info;
  const access_token = sim.tokens.issue({ kind, userId, pageId, scopes, longLived: true, expiresAt });
  return reply(access_token, sim.settings.expiresIn === 'never' ? undefined : expiresAt - now);
}

function reply(access_token: string, expiresIn: number | undefined): TokenReply {
  return { access_token, token_type: 'bearer', ...(expiresIn === undefined ? {} : { expires_in: expiresIn }) };
}

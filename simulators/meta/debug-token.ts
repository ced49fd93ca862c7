import { authenticate } from './context.ts';
import { badParameter, GraphError } from './errors.ts';
import type { GraphCall } from './http.ts';
import type { Simulator } from './simulator.ts';
import type { TokenInfo } from './tokens.ts';
import { find } from './world-types.ts';

/** `GET /debug_token`: what a token is. A dead one is still HTTP 200, with `is_valid: false` and `error.subcode`. */
export function debugToken(sim: Simulator, call: GraphCall): { data: Record<string, unknown> } {
  const caller = authenticate(sim, call);
  const input = call.params['input_token'];
  if (input === undefined) {
    throw badParameter('The parameter input_token is required');
  }
  if (caller.info.kind !== 'APP' && caller.token !== input) {
    throw badParameter(
      'You must provide an app access token, or a user access token that is an owner or developer of the app',
    );
  }
  const info = sim.tokens.read(input);
  if (info === undefined) {
    const error = { code: 190, message: 'Invalid OAuth access token - Cannot parse access token' };
    return { data: { error, is_valid: false, scopes: [] } };
  }
  return { data: { ...describe(sim, info), ...validity(sim, input, info) } };
}

function describe(sim: Simulator, info: TokenInfo): Record<string, unknown> {
  return {
    app_id: sim.app.id,
    type: info.kind,
    application: sim.app.name,
    ...(info.kind === 'APP'
      ? {}
      : { data_access_expires_at: info.dataAccessExpiresAt, expires_at: info.expiresAt, user_id: info.userId }),
    ...(info.kind === 'PAGE' ? { profile_id: info.pageId } : {}),
    ...(info.longLived && info.kind !== 'APP' ? { issued_at: info.issuedAt } : {}),
  };
}

function validity(sim: Simulator, token: string, info: TokenInfo): Record<string, unknown> {
  try {
    sim.tokens.check(token);
  } catch (error) {
    if (!(error instanceof GraphError)) {
      throw error;
    }
    const { subcode } = error.details;
    return {
      is_valid: false,
      error: { code: error.code, message: error.message, ...(subcode === undefined ? {} : { subcode }) },
      scopes: [],
    };
  }
  const scopes = [...sim.tokens.permissions(info)].flatMap(([scope, status]) => (status === 'granted' ? [scope] : []));
  return info.kind === 'APP'
    ? { is_valid: true, scopes: [] }
    : { is_valid: true, scopes, granular_scopes: granular(sim, info, scopes) };
}

/** Page and business permissions name their targets; ad permissions leave them out, which proves nothing either way. */
function granular(sim: Simulator, info: TokenInfo, scopes: readonly string[]): Record<string, unknown>[] {
  const user = find(sim.world, 'user', info.userId);
  return scopes
    .filter((scope) => scope !== 'public_profile' && scope !== 'email')
    .map((scope) => {
      const targets =
        scope.startsWith('pages_') || scope === 'leads_retrieval'
          ? user?.pages
          : scope === 'business_management'
            ? user?.businesses
            : undefined;
      return targets === undefined || targets.length === 0 ? { scope } : { scope, target_ids: targets };
    });
}

import { z } from 'zod';
import { AppError } from '../../domain/error.ts';
import type { Graph } from './graph.ts';
import { allRows, metaId } from './paging.ts';

export interface DialogConfig {
  appId: string;
  version: string;
  /** The sign-in page lives on another host than Graph. */
  dialogUrl: string;
  redirectUri: string;
  /** Login for Business: its configuration replaces the scopes. */
  loginConfigId?: string | undefined;
}

export interface DialogRequest {
  state: string;
  scopes: readonly string[];
  codeChallenge?: string | undefined;
  /** Asks again for scopes that the person declined before. */
  rerequest?: boolean;
}

/** The address of Meta's sign-in dialog (reference/meta.md 1.1). */
export function dialogUrl(config: DialogConfig, { state, scopes, codeChallenge, rerequest }: DialogRequest): string {
  const url = new URL(`${config.dialogUrl.replace(/\/$/, '')}/${config.version}/dialog/oauth`);
  const params = {
    client_id: config.appId,
    redirect_uri: config.redirectUri,
    state,
    response_type: 'code',
    ...(config.loginConfigId === undefined
      ? { scope: scopes.join(',') }
      : { config_id: config.loginConfigId, override_default_response_type: 'true' }),
    ...(codeChallenge === undefined ? {} : { code_challenge: codeChallenge, code_challenge_method: 'S256' }),
    ...(rerequest === true ? { auth_type: 'rerequest' } : {}),
  };
  url.search = new URLSearchParams(params).toString();
  return url.toString();
}

const tokenReply = z
  .object({
    access_token: z.string().min(1),
    token_type: z.string().optional(),
    expires_in: z.coerce.number().optional(),
  })
  .transform((reply) => ({ accessToken: reply.access_token, tokenType: reply.token_type ?? 'bearer' }));
export type IssuedToken = z.output<typeof tokenReply>;

const neverIsNull = z.coerce
  .number()
  .optional()
  .transform((seconds) => (seconds === undefined || seconds === 0 ? null : new Date(seconds * 1000)));

const tokenState = z
  .object({
    data: z.object({
      is_valid: z.boolean(),
      type: z.string().optional(),
      user_id: metaId.optional(),
      expires_at: neverIsNull,
      data_access_expires_at: neverIsNull,
      scopes: z.array(z.string()).default([]),
      error: z.object({ code: z.coerce.number(), subcode: z.coerce.number().optional() }).optional(),
    }),
  })
  .transform(({ data }) => ({
    isValid: data.is_valid,
    /** USER, SYSTEM_USER, PAGE or APP. */
    kind: data.type ?? 'USER',
    metaUserId: data.user_id ?? null,
    /** Null = never. */
    expiresAt: data.expires_at,
    dataAccessExpiresAt: data.data_access_expires_at,
    scopes: data.scopes,
    /** Why a dead token is dead: the subcode of 190. */
    subcode: data.error?.subcode ?? null,
  }));
export type TokenState = z.output<typeof tokenState>;

const permissionRow = z.object({ permission: z.string(), status: z.string() });

/** Getting, inspecting and giving back tokens. Codes, secrets and tokens to exchange travel in POST forms, never in addresses. */
export function createOauth(graph: Graph, { redirectUri }: { redirectUri: string }) {
  const { appId, appSecret } = graph.config;
  const exchange = (params: Record<string, string>): Promise<IssuedToken> =>
    graph
      .call({
        endpoint: 'oauth_token',
        method: 'POST',
        path: 'oauth/access_token',
        token: null,
        params: { client_id: appId, client_secret: appSecret, ...params },
        schema: tokenReply,
      })
      .catch(asExchangeError);
  return {
    /** The one-time code for a token. `invalid` when the code is used, expired or another app's; never try it again. */
    exchangeCode: (code: string, { codeVerifier }: { codeVerifier?: string | undefined } = {}) =>
      exchange({
        code,
        redirect_uri: redirectUri,
        ...(codeVerifier === undefined ? {} : { code_verifier: codeVerifier }),
      }),
    /** A living token for a long-lived one. Whether the expiry moved only `inspect` tells. `reconnect_required` when it is dead. */
    extend: (token: string) => exchange({ grant_type: 'fb_exchange_token', fb_exchange_token: token }),
    /** Meta's own word on a token; a dead one is a normal answer. The address holds the token: it is never logged. */
    inspect: (token: string): Promise<TokenState> =>
      graph.call({
        endpoint: 'debug_token',
        path: 'debug_token',
        token: `${appId}|${appSecret}`,
        params: { input_token: token },
        schema: tokenState,
      }),
    /** The scopes the person granted; in classic Login some may be declined. */
    async grantedScopes(token: string): Promise<string[]> {
      const call = { endpoint: 'permissions', path: 'me/permissions', token, row: permissionRow, limit: 100 } as const;
      const rows = await allRows(graph, call);
      return rows.filter(({ status }) => status === 'granted').map(({ permission }) => permission);
    },
    /** Takes the app out of the person's account: every token of theirs dies, in every tenant. */
    async revoke(token: string): Promise<void> {
      const schema = z.object({ success: z.literal(true) });
      await graph.call({ endpoint: 'permissions', method: 'DELETE', path: 'me/permissions', token, schema });
    },
  };
}

// In the exchange, and only there, code 1 means a wrong client secret: trying again cannot help.
function asExchangeError(error: unknown): never {
  const isWrongSecret = error instanceof AppError && error.code === 'unavailable' && error.details['metaCode'] === 1;
  throw isWrongSecret ? new AppError('misconfigured', error.message, { details: error.details }) : error;
}

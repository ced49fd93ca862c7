/** What a Graph error envelope may carry beside code and message. */
export interface GraphErrorDetails {
  readonly type?: string;
  readonly subcode?: number;
  readonly status?: number;
  readonly userTitle?: string;
  readonly userMessage?: string;
  readonly transient?: boolean;
  readonly data?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Any refusal of the simulated Graph API; `reference` section 6 lists the codes. */
export class GraphError extends Error {
  override name = 'GraphError';
  readonly code: number;
  readonly details: GraphErrorDetails;

  constructor(code: number, message: string, details: GraphErrorDetails = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return this.details.status ?? 400;
  }

  /** The `{error: …}` body; optional keys are left out as Meta leaves them out. */
  body(traceId: string): { error: Record<string, unknown> } {
    const { type = 'OAuthException', subcode, userTitle, userMessage, transient, data } = this.details;
    return {
      error: {
        message: this.message,
        type,
        code: this.code,
        ...(subcode === undefined ? {} : { error_subcode: subcode }),
        ...(transient === undefined ? {} : { is_transient: transient }),
        ...(userTitle === undefined ? {} : { error_user_title: userTitle }),
        ...(userMessage === undefined ? {} : { error_user_msg: userMessage }),
        ...(data === undefined ? {} : { error_data: data }),
        fbtrace_id: traceId,
      },
    };
  }
}

/** 100: the caller sent a parameter that cannot be served. */
export function badParameter(message: string, details: GraphErrorDetails = {}): GraphError {
  return new GraphError(100, `(#100) ${message}`, details);
}

/** 100/33: the object does not exist, or this token may not see it; Meta does not say which. */
export function unknownObject(id: string, method = 'get'): GraphError {
  const text =
    `Unsupported ${method.toLowerCase()} request. Object with ID '${id}' does not exist, cannot be loaded due to missing ` +
    'permissions, or does not support this operation. Please read the Graph API documentation at ' +
    'https://developers.facebook.com/docs/graph-api';
  return new GraphError(100, text, { type: 'GraphMethodException', subcode: 33 });
}

/** 2500: no such path below this version or object. */
export function unknownPath(path: string): GraphError {
  return new GraphError(2500, `Unknown path components: /${path}`);
}

/** 200: the token lacks a permission. */
export function missingPermission(scope: string): GraphError {
  return new GraphError(200, `(#200) Requires ${scope} permission to manage the object.`, { status: 403 });
}

const deadTokenMessages: Readonly<Record<number, string>> = {
  458: 'Error validating access token: The user has not authorized application.',
  459: 'Error validating access token: You cannot access the app till you log in to www.facebook.com and follow the instructions given.',
  460: 'Error validating access token: The session has been invalidated because the user changed their password or Facebook has changed the session for security reasons.',
  464: 'Error validating access token: Sessions for the user are not allowed because the user is not a confirmed user.',
  467: 'Error validating access token: The session is invalid because the user logged out.',
  492: 'Error validating access token: The user must be an administrator, editor, or moderator of the page in order to impersonate it.',
};

/** 190 with the wording and the `WWW-Authenticate` header of the subcode. `message` replaces the wording (463 tells times). */
export function deadToken(subcode?: number, message?: string): GraphError {
  const text = message ?? deadTokenMessages[subcode ?? 0] ?? 'Invalid OAuth access token - Cannot parse access token';
  const headers = { 'WWW-Authenticate': `OAuth "Facebook Platform" "invalid_token" "${text}"` };
  return new GraphError(190, text, { ...(subcode === undefined ? {} : { subcode }), status: 401, headers });
}

const throttleMessages: Readonly<Record<number, string>> = {
  4: '(#4) Application request limit reached',
  17: '(#17) User request limit reached',
  32: '(#32) Page request limit reached',
  341: '(#341) Application limit reached',
  613: '(#613) Calls to this api have exceeded the rate limit.',
};

/** A throttle as Meta sends it: HTTP 400, an OAuthException, no `Retry-After`. */
export function throttled(code: number, subcode?: number): GraphError {
  const usual = code === 17 || code >= 80_000 ? 2_446_079 : undefined;
  const chosen = subcode ?? usual;
  const text =
    throttleMessages[code] ??
    `(#${code}) There have been too many calls to this ad-account. Wait a bit and try again. For more info, please refer to https://developers.facebook.com/docs/graph-api/overview/rate-limiting.`;
  return new GraphError(code, text, chosen === undefined ? {} : { subcode: chosen });
}

/** True for the codes that mean "too many calls" (reference 5.3). */
export function isThrottle(code: number): boolean {
  return [4, 17, 32, 341, 613].includes(code) || (code >= 80_000 && code <= 80_014);
}

/** The error that a fault asks for by code alone, with the shape the real code has. */
export function errorOfCode(code: number, subcode?: number, status?: number): GraphError {
  if (code === 190) {
    return deadToken(subcode);
  }
  if (isThrottle(code)) {
    return throttled(code, subcode);
  }
  const transient = code === 1 || code === 2 || code < 0;
  return new GraphError(code, codeMessages[code] ?? `(#${code}) Simulated error`, {
    ...(subcode === undefined ? {} : { subcode }),
    ...(transient ? { transient: true } : {}),
    status: status ?? (transient ? 500 : code === 10 || (code >= 200 && code < 300) ? 403 : 400),
  });
}

/** The error that a fault asks for by HTTP status alone: the code that usually comes with it. */
export function errorOfStatus(status: number, subcode?: number): GraphError {
  const usual: Readonly<Record<number, number>> = { 401: 190, 403: 200, 429: 4, 503: 2 };
  const { code, message, details } = errorOfCode(usual[status] ?? (status >= 500 ? 1 : 100), subcode);
  return new GraphError(code, message, { ...details, status });
}

const codeMessages: Readonly<Record<number, string>> = {
  1: 'An unknown error occurred',
  2: 'Service temporarily unavailable',
  10: '(#10) Application does not have permission for this action',
  100: '(#100) Invalid parameter',
  102: 'Session key invalid or no longer valid',
  104: 'Incorrect signature',
  200: '(#200) Permissions error',
  294: '(#294) Managing advertisements requires an access token with the extended permission ads_management',
  368: 'The action attempted has been deemed abusive or is otherwise disallowed',
  803: '(#803) Some of the aliases you requested do not exist',
  960: 'Batch request timed out',
  2635: '(#2635) You are calling a deprecated version of the Ads API. Please update to the latest version: v26.0.',
  3018: '(#3018) The start date of the time range cannot be beyond 37 months from the current date',
};

import type { ServerResponse } from 'node:http';

/** A refusal in YCloud's error envelope. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly status: number;
  readonly code: string;
  readonly target: string | undefined;
  readonly metaCode: string | undefined;

  constructor(status: number, code: string, message: string, more: { target?: string; metaCode?: string } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.target = more.target;
    this.metaCode = more.metaCode;
  }
}

const codeOfStatus: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'ALREADY_EXISTS',
  413: 'CONTENT_TOO_LARGE',
  429: 'TOO_MANY_REQUESTS',
  500: 'INTERNAL_SERVER_ERROR',
  503: 'SERVICE_UNAVAILABLE',
};

/** The refusal that goes with a bare HTTP status. */
export const refusalOf = (status: number): Refusal =>
  new Refusal(
    status,
    codeOfStatus[status] ?? (status >= 500 ? 'INTERNAL_SERVER_ERROR' : 'BAD_REQUEST'),
    `simulated ${status}`,
  );

/** Writes the envelope; 429 names its wait. */
export function sendRefusal(res: ServerResponse, refusal: Refusal, requestId: string, retryAfterS = 2): void {
  const { status, code, message, target, metaCode } = refusal;
  const whatsappApiError =
    metaCode === undefined
      ? undefined
      : { message: `(#${metaCode}) ${message}`, type: 'OAuthException', code: metaCode, fbtrace_id: `A${requestId}` };
  const error = {
    status,
    code,
    message: metaCode === undefined ? message : `(#${metaCode}) ${message}`,
    ...(whatsappApiError ? { target: 'whatsappApiError', whatsappApiError } : target === undefined ? {} : { target }),
    docUrl: 'https://example.test/errors',
    requestId,
  };
  sendJson(res, status, { error }, status === 429 ? { 'Retry-After': String(retryAfterS) } : {});
}

export function sendJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const text = body === undefined ? '' : JSON.stringify(body);
  res.writeHead(status, {
    'Content-Type': 'application/json;charset=UTF-8',
    'Content-Length': String(Buffer.byteLength(text)),
    ...headers,
  });
  res.end(text);
}

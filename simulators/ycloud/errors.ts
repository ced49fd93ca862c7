import { metaHttp } from './meta-codes.ts';

interface More {
  target?: string;
  /** Seconds the caller should wait; a 429 always names some. */
  retryAfterS?: number;
  /** Meta was asked and said no: its code, and what it holds in `error_data`. */
  meta?: { code: string; errorData: unknown };
}

/** A refusal in YCloud's error envelope. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly status: number;
  readonly code: string;
  readonly more: More;

  constructor(status: number, code: string, message: string, more: More = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.more = more;
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

/** YCloud's catalogue, as far as its names do not tell the status themselves. */
const statusOfCode: Readonly<Record<string, number>> = {
  PARAM_INVALID: 400,
  PARAM_INVALID_LENGTH: 400,
  PARAM_MISSING: 400,
  PARAM_NOT_MATCH: 400,
  MESSAGING_REGION_UNSUPPORTED: 400,
  WHATSAPP_DIRECT_SEND_UNSUPPORTED_COMPONENT: 400,
  ACCOUNT_LIMITED: 403,
  ACCOUNT_UNAVAILABLE: 403,
  BALANCE_INSUFFICIENT: 403,
  CONTENT_PROHIBITED: 403,
  RECIPIENT_IN_BLOCK_LIST: 403,
  RECIPIENT_UNSUBSCRIBED: 403,
  SENDER_ID_UNAVAILABLE: 403,
  WHATSAPP_BUSINESS_ACCOUNT_UNAVAILABLE: 403,
  WHATSAPP_WABA_UNAVAILABLE: 403,
  WHATSAPP_PHONE_NUMBER_UNAVAILABLE: 403,
  WHATSAPP_TEMPLATE_UNAVAILABLE: 403,
  WHATSAPP_TEMPLATE_UNEDITABLE: 403,
  ACCOUNT_RATE_LIMITED: 429,
  SENDER_RATE_LIMITED: 429,
  ...Object.fromEntries(Object.entries(codeOfStatus).map(([status, code]) => [code, Number(status)])),
};

/** The refusal that goes with a bare HTTP status. */
export const refusalOf = (status: number): Refusal =>
  new Refusal(
    status,
    codeOfStatus[status] ?? (status >= 500 ? 'INTERNAL_SERVER_ERROR' : 'BAD_REQUEST'),
    `simulated ${status}`,
  );

/** The refusal that goes with a code: YCloud's own by its catalogue, a number as Meta's. */
export function refusalOfCode(code: string): Refusal {
  const status = statusOfCode[code];
  return status === undefined ? metaRefusal(code) : new Refusal(status, code, `simulated ${code}`);
}

/** Meta was asked and refused. Templates get their `error_data` as plain text, messages as an object. */
export function metaRefusal(code: string, details = 'refused by WhatsApp', isTemplate = false): Refusal {
  const status = metaHttp(code) ?? 400;
  return new Refusal(status, codeOfStatus[status] ?? 'BAD_REQUEST', details, {
    meta: { code, errorData: isTemplate ? details : { messaging_product: 'whatsapp', details } },
  });
}

export const missing = (target: string): Refusal =>
  new Refusal(400, 'PARAM_MISSING', `${target} is required`, { target });
export const invalid = (target: string, message: string): Refusal =>
  new Refusal(400, 'PARAM_INVALID', message, { target });
export const tooLong = (target: string, message: string): Refusal =>
  new Refusal(400, 'PARAM_INVALID_LENGTH', message, { target });
export const notFound = (): Refusal => new Refusal(404, 'NOT_FOUND', 'The requested resource does not exist.');

/** The envelope of section 1.1; with `whatsappApiError` only when Meta itself refused. */
export function envelopeOf({ status, code, message, more: { target, meta } }: Refusal, requestId: string): object {
  if (!meta)
    return {
      error: { status, code, message, ...(target === undefined ? {} : { target }), docUrl: DOC_URL, requestId },
    };
  const text = `(#${meta.code}) ${message}`;
  const whatsappApiError = {
    message: text,
    type: 'OAuthException',
    code: meta.code, // text, never a number
    error_subcode: '0',
    fbtrace_id: `A${requestId}`,
    error_user_title: '',
    error_user_msg: '',
    error_data: meta.errorData,
  };
  return {
    error: { status, code, message: text, target: 'whatsappApiError', docUrl: DOC_URL, requestId, whatsappApiError },
  };
}

const DOC_URL = 'https://example.test/errors';

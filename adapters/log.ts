import { type Logger as PinoLogger, pino } from 'pino';

export type Logger = PinoLogger;

/** Keys whose values never reach a log, at any of the first three levels. Free text is cleaned by `cleanText`. */
const secretKeys = [
  'access_token',
  'accessToken',
  'token',
  'secret',
  'password',
  'authorization',
  'cookie',
  'code',
  'phone',
  'email',
  'full_name',
  'body',
  'text',
];
const redact = secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);

/** Tokens, proofs, phone numbers and mail addresses inside messages, stacks and URLs become `[redacted]`. */
export function cleanText(text: string): string {
  return text
    .replace(
      /\b(access_token|appsecret_proof|client_secret|code|fb_exchange_token|input_token|signed_request)=[^&\s"']+/gi,
      '$1=[redacted]',
    )
    .replace(/\b(EAA[A-Za-z0-9]{8,}|gAAAAA[A-Za-z0-9_=-]{20,}|whsec_[A-Za-z0-9]+)/g, '[redacted]')
    .replace(/\b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+\b/g, '[redacted]')
    .replace(/\+\d[\d\s-]{7,}\d/g, '[redacted]');
}

function serializeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: cleanText(String(error)) };
  const { code, details } = error as Error & { code?: unknown; details?: unknown };
  return {
    type: error.name,
    message: cleanText(error.message),
    ...(code === undefined ? {} : { code }),
    ...(details === undefined ? {} : { details }),
    ...(error.stack === undefined ? {} : { stack: cleanText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: serializeError(error.cause) }),
  };
}

/** One JSON line an event, on standard output. `program` is `server` or `worker`. */
export function createLogger(program: string, { level = 'info', environment = 'development' } = {}): Logger {
  return pino({
    level,
    base: { program, environment },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: redact, censor: '[redacted]' },
    serializers: { err: serializeError, error: serializeError },
  });
}

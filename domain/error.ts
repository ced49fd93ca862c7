/** Every expected failure in the system is one of these. HTTP statuses: web/errors.ts; retries: adapters/temporal/failures.ts. */
export type ErrorCode =
  | 'not_found'
  | 'invalid'
  | 'conflict'
  | 'unauthorized'
  | 'forbidden'
  | 'reconnect_required'
  | 'permission_missing'
  | 'rate_limited'
  | 'too_much_data'
  | 'unavailable'
  | 'misconfigured';

export interface AppErrorOptions extends ErrorOptions {
  /** How long to wait before trying again, in milliseconds. */
  retryAfterMs?: number;
  /** Ids, codes and counts that explain the failure. Never a provider's text, a token or personal data. */
  details?: Readonly<Record<string, string | number | boolean>>;
  /** What a program that called is told to mend: names of fields and rules, never a value. */
  problems?: readonly string[];
}

/** An expected failure. `message` is for logs and operators: codes and ids only, never personal data or a provider's words. */
export class AppError extends Error {
  override name = 'AppError';
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly details: Readonly<Record<string, string | number | boolean>>;
  readonly problems: readonly string[];

  constructor(code: ErrorCode, message: string, { retryAfterMs, details, problems, ...options }: AppErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.details = details ?? {};
    this.problems = problems ?? [];
  }
}

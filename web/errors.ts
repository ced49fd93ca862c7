import { randomUUID } from 'node:crypto';
import type { ErrorRequestHandler, Request, Response } from 'express';
import type { Logger } from '../adapters/log.ts';
import { AppError, type ErrorCode } from '../domain/error.ts';
import { translator } from './i18n.ts';
import { renderPage } from './render.ts';

/** The status a caller sees for each expected failure; the words are in locales/…/errors.json under the same code. */
export const statusOf: Readonly<Record<ErrorCode, number>> = {
  not_found: 404,
  invalid: 422,
  conflict: 409,
  unauthorized: 401,
  forbidden: 403,
  reconnect_required: 409,
  permission_missing: 403,
  rate_limited: 429,
  too_much_data: 413,
  unavailable: 503,
  misconfigured: 500,
};

const requestIds = new WeakMap<Request, string>();
export const setRequestId = (req: Request, id: string): void => void requestIds.set(req, id);
/** Names this request in logs, audit rows and on error pages. */
export const requestIdOf = (req: Request): string => requestIds.get(req) ?? randomUUID();

interface Problem {
  code: ErrorCode | 'unexpected' | 'too_large' | 'bad_request' | 'method_not_allowed';
  status: number;
  retryAfterMs?: number | undefined;
  problems?: readonly string[] | undefined;
}

/** Turns any failure into an answer: JSON for programs, a page with a reference number for people. Unknown failures show a bland text and are logged whole. */
export const answerErrors = (log: Logger, countError: () => void): ErrorRequestHandler =>
  function onError(error, req, res, _next) {
    const problem = problemOf(error);
    const reference = requestIdOf(req);
    if (problem.status >= 500) {
      countError();
      log.error({ err: error, requestId: reference, path: req.path }, 'request failed');
    }
    if (res.headersSent) return void res.destroy();
    if (problem.retryAfterMs !== undefined) res.set('retry-after', String(Math.ceil(problem.retryAfterMs / 1000)));
    answer(req, res, problem, reference);
  };

function answer(req: Request, res: Response, { code, status, problems }: Problem, reference: string): void {
  const t = translator(req);
  const [message, todo] = [t(`errors:${code}.what`), t(`errors:${code}.todo`)];
  if (wantsJson(req)) {
    const named = problems === undefined || problems.length === 0 ? {} : { problems };
    return void res.status(status).json({ error: { code, message, todo, ...named, reference } });
  }
  renderPage(req, res, 'errors/page', { title: message, status, what: message, todo, reference }, { status });
}

/** Programs get JSON: the API, and whoever does not ask for HTML first. */
export function wantsJson(req: Request): boolean {
  if (req.path.startsWith('/api/')) return true;
  return req.accepts(['json', 'html']) === 'json';
}

function problemOf(error: unknown): Problem {
  if (error instanceof AppError)
    return {
      code: error.code,
      status: statusOf[error.code],
      retryAfterMs: error.retryAfterMs,
      problems: error.problems,
    };
  const { status, type } = (error ?? {}) as { status?: number; type?: string };
  if (type === 'entity.too.large') return { code: 'too_large', status: 413 };
  if (status === 405) return { code: 'method_not_allowed', status };
  if (typeof status === 'number' && status >= 400 && status < 500) return { code: 'bad_request', status };
  if (isDatabaseDown(error)) return { code: 'unavailable', status: 503, retryAfterMs: 5000 };
  return { code: 'unexpected', status: 500 };
}

/** Whether PostgreSQL could not be reached or went away under the query. */
export function isDatabaseDown(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const text = `${error.name} ${error.message} ${(error as { code?: string }).code ?? ''}`;
  if (
    /ECONNREFUSED|ECONNRESET|EPIPE|BackendTerminated|ConnectionError|terminat|not accepting connections|57P0[123]|starting up|shutting down/i.test(
      text,
    )
  )
    return true;
  return isDatabaseDown(error.cause);
}

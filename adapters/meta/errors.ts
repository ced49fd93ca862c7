import { z } from 'zod';
import { PAGE_ROLE_LOST } from '../../domain/connection.ts';
import { AppError, type ErrorCode } from '../../domain/error.ts';

/** What Graph said went wrong, without its words: those may name people. */
export interface GraphProblem {
  code: number;
  subcode?: number;
  /** Meta's id of the call, for its support. */
  fbtraceId?: string;
  isTransient: boolean;
  /** The message asks for less data, or speaks of the app secret proof: the two cases where only words tell. */
  hint: 'reduce_data' | 'appsecret_proof' | null;
}

const optionalNumber = z.coerce.number().optional().catch(undefined);
const envelope = z.object({
  error: z.object({
    message: z.string().catch(''),
    code: z.coerce.number(),
    error_subcode: optionalNumber,
    subcode: optionalNumber,
    is_transient: z.boolean().catch(false),
    fbtrace_id: z.string().optional().catch(undefined),
  }),
});

/** Graph's error in a reply of any HTTP status (200 too), or null when there is none. */
export function problemIn(body: unknown): GraphProblem | null {
  const parsed = envelope.safeParse(body);
  if (!parsed.success) return null;
  const { message, code, error_subcode, subcode, is_transient, fbtrace_id } = parsed.data.error;
  const sub = error_subcode ?? subcode;
  return {
    code,
    ...(sub === undefined ? {} : { subcode: sub }),
    ...(fbtrace_id === undefined ? {} : { fbtraceId: fbtrace_id }),
    isTransient: is_transient,
    hint: hintIn(message),
  };
}

const THROTTLES: ReadonlySet<number> = new Set([
  4, 17, 32, 341, 613, 80000, 80001, 80002, 80003, 80004, 80005, 80006, 80008, 80009, 80014,
]);
const TOO_MUCH: ReadonlySet<string> = new Set(['100/1487534', '100/1504018', '-3/1504045', '1/99']);
const BY_CODE: Readonly<Record<number, ErrorCode>> = {
  [-2]: 'unavailable',
  1: 'unavailable',
  2: 'unavailable',
  3: 'permission_missing',
  10: 'permission_missing',
  101: 'misconfigured',
  102: 'reconnect_required',
  104: 'misconfigured',
  190: 'reconnect_required',
  294: 'permission_missing',
  368: 'forbidden',
  801: 'not_found',
  803: 'not_found',
  960: 'unavailable',
  2635: 'misconfigured',
};

/** The one table from Graph's code and subcode to ours (reference/meta.md sections 3.4, 5.3 and 6). `type` is never looked at. */
export function errorCodeOf({ code, subcode, isTransient, hint }: GraphProblem, httpStatus: number): ErrorCode {
  if (hint === 'appsecret_proof') return 'misconfigured';
  if (THROTTLES.has(code)) return 'rate_limited';
  if (hint === 'reduce_data' || TOO_MUCH.has(`${code}/${subcode}`)) return 'too_much_data';
  if (code === 100 && subcode === 33) return 'not_found';
  if (code === 100 && subcode === 3191001) return 'permission_missing';
  if (code === 190 && subcode === PAGE_ROLE_LOST) return 'permission_missing'; // one page's token: the person's own lives on
  if (code === 2 && subcode === 1504041) return 'invalid';
  const known = BY_CODE[code];
  if (known !== undefined) return known;
  if (code >= 200 && code <= 299) return 'permission_missing';
  return isTransient || httpStatus >= 500 ? 'unavailable' : 'invalid';
}

/** Graph's error as ours: codes, trace id and asset only. `retryAfterMs` is set for throttles. */
export function graphError(
  problem: GraphProblem,
  call: { endpoint: string; httpStatus: number; retryAfterMs?: number | undefined; assetId?: string | undefined },
): AppError {
  const code = errorCodeOf(problem, call.httpStatus);
  const { fbtraceId, subcode } = problem;
  return new AppError(code, `Graph ${call.endpoint}: ${problem.code}${subcode === undefined ? '' : `/${subcode}`}`, {
    ...(code === 'rate_limited' && call.retryAfterMs !== undefined ? { retryAfterMs: call.retryAfterMs } : {}),
    details: {
      endpoint: call.endpoint,
      metaCode: problem.code,
      httpStatus: call.httpStatus,
      ...(subcode === undefined ? {} : { subcode }),
      ...(fbtraceId === undefined ? {} : { fbtraceId }),
      ...(call.assetId === undefined ? {} : { assetId: call.assetId }),
    },
  });
}

/** No readable reply: connection lost, deadline passed, HTML, an empty or cut body. */
export const unreadable = (endpoint: string, why: string, httpStatus = 0): AppError =>
  new AppError('unavailable', `Graph ${endpoint}: ${why}`, { details: { endpoint, httpStatus, why } });

function hintIn(message: string): GraphProblem['hint'] {
  if (/appsecret_proof/i.test(message)) return 'appsecret_proof';
  return /reduce the amount of data/i.test(message) ? 'reduce_data' : null;
}

import type { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { ActivityInterceptors } from '@temporalio/worker';
import { AppError, type ErrorCode } from '../../domain/error.ts';
import type { Logger } from '../log.ts';

/** Which expected failures Temporal tries again. Everything that is not an AppError is retried by the activity's own policy. */
const retried: ReadonlySet<ErrorCode> = new Set(['rate_limited', 'unavailable']);

/**
 * Turns an AppError into an ApplicationFailure with `type` = its code; anything else becomes a bare retryable failure.
 * Causes and provider texts stay out: failures are stored in histories.
 */
export const failures =
  (log: Logger) =>
  (ctx: Context): ActivityInterceptors => ({
    inbound: {
      async execute(input, next) {
        try {
          return await next(input);
        } catch (error) {
          if (error instanceof ApplicationFailure || isCancellation(error)) throw error;
          const { activityType, attempt, workflowExecution } = ctx.info;
          const where = {
            activity: activityType,
            attempt,
            workflowId: workflowExecution?.workflowId,
            runId: workflowExecution?.runId,
          };
          if (!(error instanceof AppError)) {
            log.error({ err: error, ...where }, 'activity failed');
            throw ApplicationFailure.create({ message: `unexpected ${nameOf(error)}`, type: 'unexpected' });
          }
          log.warn({ code: undefined, errorCode: error.code, details: error.details, ...where }, 'activity refused');
          throw toFailure(error);
        }
      },
    },
  });

export function toFailure(error: AppError): ApplicationFailure {
  return ApplicationFailure.create({
    message: error.message,
    type: error.code,
    nonRetryable: !retried.has(error.code),
    category: ApplicationFailureCategory.BENIGN,
    details: [error.details],
    ...(error.retryAfterMs === undefined ? {} : { nextRetryDelay: error.retryAfterMs }),
  });
}

const isCancellation = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'CancelledFailure' || error.name === 'AbortError');
const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);

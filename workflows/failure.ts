import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';

/** What really failed: an ordinary activity wraps it, a local one throws it as it is. */
export const failureOf = (error: unknown): unknown => (error instanceof ActivityFailure ? error.cause : error);

/** The failure's code (`AppError.code`), or null when it is none of ours: cancellation, time-out. */
export function codeOf(error: unknown): string | null {
  const failure = failureOf(error);
  return failure instanceof ApplicationFailure ? (failure.type ?? null) : null;
}

/** The ids and codes that explain the failure. */
export function detailsOf(error: unknown): Readonly<Record<string, unknown>> {
  const failure = failureOf(error);
  const [details] = failure instanceof ApplicationFailure ? (failure.details ?? []) : [];
  return typeof details === 'object' && details !== null ? (details as Record<string, unknown>) : {};
}

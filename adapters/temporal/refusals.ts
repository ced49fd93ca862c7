import { type Client, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { ActivityFailure, ApplicationFailure } from '@temporalio/common';
import { AppError, type AppErrorOptions, type ErrorCode } from '../../domain/error.ts';

const codes: ReadonlySet<string> = new Set<ErrorCode>([
  'not_found',
  'invalid',
  'conflict',
  'unauthorized',
  'forbidden',
  'reconnect_required',
  'permission_missing',
  'rate_limited',
  'too_much_data',
  'unavailable',
  'misconfigured',
]);
const isCode = (text: string | null | undefined): text is ErrorCode => typeof text === 'string' && codes.has(text);

/** Temporal's failures in our words: what an update refused keeps its code and details, everything else means Temporal is not there. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const refusal = error instanceof WorkflowUpdateFailedError ? applicationFailureIn(error.cause) : undefined;
  if (refusal !== undefined && isCode(refusal.type))
    return new AppError(refusal.type, `refused: ${refusal.message}`, detailsOf(refusal));
  if (error instanceof WorkflowNotFoundError) return new AppError('not_found', 'no such workflow runs');
  return new AppError('unavailable', 'Temporal does not answer', { cause: error });
}

function applicationFailureIn(cause: unknown): ApplicationFailure | undefined {
  const inner = cause instanceof ActivityFailure ? cause.cause : cause;
  return inner instanceof ApplicationFailure ? inner : undefined;
}

function detailsOf({ details }: ApplicationFailure): AppErrorOptions {
  const [first] = details ?? [];
  return typeof first === 'object' && first !== null
    ? { details: first as NonNullable<AppErrorOptions['details']> }
    : {};
}

const UP_WITHIN_MS = 3000;

/**
 * Asks Temporal while a person waits: `unavailable` within seconds when it is down. The client by itself would try for half a minute.
 * `withinMs` bounds the answer, which for an update is as long as its activities take.
 */
export async function ask<T>(client: Client, question: () => Promise<T>, { withinMs = 10_000 } = {}): Promise<T> {
  try {
    await client.withDeadline(Date.now() + UP_WITHIN_MS, () => client.workflowService.getSystemInfo({}));
    return await client.withDeadline(Date.now() + withinMs, question);
  } catch (error) {
    throw asAppError(error);
  }
}

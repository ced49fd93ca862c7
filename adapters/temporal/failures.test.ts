import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import { AppError, type ErrorCode } from '../../domain/error.ts';
import type { Logger } from '../log.ts';
import { failures, toFailure } from './failures.ts';

const PHONE = '+54 9 11 5555 0101';

/** What an activity's failure becomes, and what was logged of it. */
async function failureOf(error: unknown) {
  const lines: { level: string; fields: object }[] = [];
  const level = (name: string) => (fields: object) => void lines.push({ level: name, fields });
  const log = { warn: level('warn'), error: level('error') } as unknown as Logger;
  const env = new MockActivityEnvironment(
    { attempt: 3, activityType: 'captureLead' },
    { interceptors: [failures(log)], logger: new DefaultLogger('ERROR', () => {}) },
  );
  const failure = await env
    .run(() => Promise.reject(error))
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  return { failure, lines };
}

describe('The failure of an activity', () => {
  it.each<[ErrorCode, boolean]>([
    ['rate_limited', false],
    ['unavailable', false],
    ['not_found', true],
    ['invalid', true],
    ['conflict', true],
    ['unauthorized', true],
    ['forbidden', true],
    ['reconnect_required', true],
    ['permission_missing', true],
    ['too_much_data', true],
    ['misconfigured', true],
  ])('of code %s is final: %s', (code, nonRetryable) => {
    expect(toFailure(new AppError(code, 'why'))).toMatchObject({ type: code, nonRetryable });
  });

  it('waits as long as Meta asked', () => {
    const { nextRetryDelay } = toFailure(new AppError('rate_limited', 'why', { retryAfterMs: 90_000 }));
    expect(nextRetryDelay).toBe(90_000);
    expect(toFailure(new AppError('unavailable', 'why')).nextRetryDelay).toBeUndefined();
  });

  it('keeps codes and ids, and nothing of what caused it', async () => {
    const cause = new Error(`sent to ${PHONE}`);
    const error = new AppError('reconnect_required', 'Graph lead: 190', { cause, details: { subcode: 463 } });
    const { failure, lines } = await failureOf(error);
    expect(failure).toMatchObject({ type: 'reconnect_required', details: [{ subcode: 463 }], nonRetryable: true });
    expect((failure as Error).cause).toBeUndefined();
    expect(lines).toMatchObject([{ level: 'warn', fields: { errorCode: 'reconnect_required', attempt: 3 } }]);
  });

  it('is retried, and bare of its words, when nobody expected it', async () => {
    const { failure, lines } = await failureOf(new TypeError(`cannot read ${PHONE}`));
    expect(failure).toMatchObject({ type: 'unexpected', message: 'unexpected TypeError', nonRetryable: false });
    expect(JSON.stringify(failure)).not.toContain(PHONE);
    expect(lines).toMatchObject([{ level: 'error', fields: { activity: 'captureLead' } }]);
  });

  it('is bare also when something was thrown that is no error', async () => {
    expect((await failureOf(PHONE)).failure).toMatchObject({ message: 'unexpected string' });
  });

  it.each([
    ['a failure made on purpose', ApplicationFailure.nonRetryable('enough')],
    ['a cancellation', new CancelledFailure('cancelled')],
    ['an aborted call', Object.assign(new Error('aborted'), { name: 'AbortError' })],
  ])('stays what it is when it is %s', async (_, error) => {
    const { failure, lines } = await failureOf(error);
    expect(failure).toBe(error);
    expect(lines).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { AppError, type ErrorCode } from '../../domain/error.ts';
import { errorCodeOf, graphError, problemIn } from './errors.ts';
import { parseLossless } from './json.ts';

const problem = (code: number, subcode?: number) => ({
  code,
  ...(subcode === undefined ? {} : { subcode }),
  isTransient: false,
  hint: null,
});

describe('What Graph says and what it means for us', () => {
  it.each<[string, number, number | undefined, ErrorCode]>([
    ['an expired token asks for a person', 190, 463, 'reconnect_required'],
    ['an app removed by the user asks for a person', 190, 458, 'reconnect_required'],
    ['a role lost on one page is that page’s matter', 190, 492, 'permission_missing'],
    ['a dead session asks for a person', 102, undefined, 'reconnect_required'],
    ['the app is throttled', 4, undefined, 'rate_limited'],
    ['an account is throttled', 17, 2446079, 'rate_limited'],
    ['insights are throttled', 80000, undefined, 'rate_limited'],
    ['lead reading is throttled', 80005, undefined, 'rate_limited'],
    ['a permission is missing', 200, undefined, 'permission_missing'],
    ['a capability is missing', 3, undefined, 'permission_missing'],
    ['ads management is missing', 294, undefined, 'permission_missing'],
    ['an object is unknown or hidden', 100, 33, 'not_found'],
    ['a parameter is wrong', 100, undefined, 'invalid'],
    ['too many rows', 100, 1487534, 'too_much_data'],
    ['too large a report', -3, 1504045, 'too_much_data'],
    ['Meta asks to reduce the data', 1, 99, 'too_much_data'],
    ['the service is down', 2, undefined, 'unavailable'],
    ['an unknown failure', 1, undefined, 'unavailable'],
    ['a failed report', -2, 2490547, 'unavailable'],
    ['our app id is wrong', 101, undefined, 'misconfigured'],
    ['our version is gone', 2635, undefined, 'misconfigured'],
    ['a policy block', 368, undefined, 'forbidden'],
    ['before 37 months', 3018, undefined, 'invalid'],
  ])('%s', (_title, code, subcode, expected) => {
    expect(errorCodeOf(problem(code, subcode), 400)).toBe(expected);
  });

  it('takes an unknown code for temporary only when Meta or the status says so', () => {
    expect(errorCodeOf(problem(99999), 400)).toBe('invalid');
    expect(errorCodeOf(problem(99999), 503)).toBe('unavailable');
    expect(errorCodeOf({ ...problem(99999), isTransient: true }, 400)).toBe('unavailable');
  });

  it('knows by its words that the app secret proof is wrong, and that less data is asked for', () => {
    const body = (message: string) => ({ error: { message, code: 100, type: 'GraphMethodException' } });
    expect(errorCodeOf(problemIn(body('Invalid appsecret_proof provided')) ?? problem(0), 400)).toBe('misconfigured');
    expect(errorCodeOf(problemIn(body('Please reduce the amount of data')) ?? problem(0), 500)).toBe('too_much_data');
  });

  it("keeps codes, trace id and asset, never Meta's words", () => {
    const found = problemIn({
      error: { message: 'Session of Ana García has expired', code: 190, error_subcode: 463, fbtrace_id: 'AbC' },
    });
    const error = graphError(found ?? problem(0), { endpoint: 'insights', httpStatus: 400, assetId: '1002' });
    expect(error).toBeInstanceOf(AppError);
    expect(error.message).toBe('Graph insights: 190/463');
    expect(error.details).toEqual({
      endpoint: 'insights',
      metaCode: 190,
      subcode: 463,
      fbtraceId: 'AbC',
      assetId: '1002',
      httpStatus: 400,
    });
    expect(JSON.stringify(error)).not.toContain('García');
  });

  it('reads an id beyond 2^53 digit by digit', () => {
    expect(parseLossless('{"id":12021000000000000123,"n":7,"f":1.5}')).toEqual({
      id: '12021000000000000123',
      n: 7,
      f: 1.5,
    });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { knownSendErrors, MOST_ATTEMPTS, nextAttemptAfterMs, sendErrorOf } from './send-errors.ts';

const HOUR_MS = 3_600_000;
const NEVER_TAKEN = ['130429', '131056', '131049'];
const TEMPLATE = ['132000', '132001', '132007', '132012', '132015', '132016'];
const ACCOUNT = ['3', '10', '190', '200', '368', '131005', '131031', '131037', '131042', '131048', '133010', '139000'];
const CATALOGUE = {
  stop_step: [
    ...['BAD_REQUEST', 'PARAM_INVALID', 'PARAM_INVALID_LENGTH', 'PARAM_MISSING', 'PARAM_NOT_MATCH'],
    ...['MESSAGING_REGION_UNSUPPORTED', 'CONTENT_PROHIBITED', 'RECIPIENT_IN_BLOCK_LIST', 'RECIPIENT_UNSUBSCRIBED'],
    ...['CONTENT_TOO_LARGE', 'ACCOUNT_RATE_LIMITED', 'SENDER_RATE_LIMITED', 'TOO_MANY_REQUESTS'],
    ...['INTERNAL_SERVER_ERROR', 'SERVICE_UNAVAILABLE'],
    ...['1', '130472', '131000', '131009', '131013', '131021', '131026', '131047', '131050', '131052', '131053'],
    ...['131057', '131062', '132005', '135000'],
  ],
  stop_rule: [...TEMPLATE, 'WHATSAPP_TEMPLATE_UNAVAILABLE', 'WHATSAPP_DIRECT_SEND_UNSUPPORTED_COMPONENT'],
  stop_sender: [
    ...ACCOUNT,
    ...['ACCOUNT_LIMITED', 'ACCOUNT_UNAVAILABLE', 'BALANCE_INSUFFICIENT', 'FORBIDDEN', 'SENDER_ID_UNAVAILABLE'],
    ...['UNAUTHORIZED', 'WHATSAPP_BUSINESS_ACCOUNT_UNAVAILABLE', 'WHATSAPP_WABA_UNAVAILABLE'],
    'WHATSAPP_PHONE_NUMBER_UNAVAILABLE',
  ],
  retry: ['130429', '131056'],
  wait: ['131049'],
} as const;

describe('the code of a failed message', () => {
  it.each(Object.entries(CATALOGUE))('means %s', (kind, codes) => {
    expect(codes.map((code) => [code, sendErrorOf(code).class])).toEqual(codes.map((code) => [code, kind]));
  });

  it('is known only when its meaning is', () => {
    expect([...knownSendErrors].sort()).toEqual(Object.values(CATALOGUE).flat().sort());
  });

  it('that nobody has described ends its message and nothing else', () => {
    for (const code of [null, '', '999999', 'BRAND_NEW', 'constructor', 'no_answer', 'person_says_lost'])
      expect([sendErrorOf(code), nextAttemptAfterMs(code, 1)]).toEqual([{ class: 'stop_step' }, null]);
  });

  it('says why a rule rests whenever it stops one', () => {
    for (const code of CATALOGUE.stop_rule) expect(sendErrorOf(code).reason).toMatch(/^template_/);
  });
});

describe('another attempt', () => {
  it('follows only what Meta never took', () => {
    const tried = knownSendErrors.filter((code) => nextAttemptAfterMs(code, 1) !== null);
    expect(tried.sort()).toEqual([...NEVER_TAKEN].sort());
  });

  it('comes later each time, never within a day of what Meta withheld, and not for ever', () => {
    fc.assert(
      fc.property(fc.constantFrom(...NEVER_TAKEN), fc.integer({ min: 1, max: 50 }), (code, attempt) => {
        const [now, next] = [nextAttemptAfterMs(code, attempt), nextAttemptAfterMs(code, attempt + 1)];
        if (attempt >= MOST_ATTEMPTS) expect([now, next]).toEqual([null, null]);
        else if (next !== null) expect(next).toBeGreaterThan(now ?? Number.POSITIVE_INFINITY);
      }),
    );
    expect(nextAttemptAfterMs('131049', 1)).toBeGreaterThan(24 * HOUR_MS);
  });
});

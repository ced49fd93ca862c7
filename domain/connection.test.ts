import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  adAccountState,
  CONNECTION_MOVES,
  canMove,
  isRenewed,
  mayAct,
  missingScopes,
  nextReminder,
  nextRenewal,
  pageProblem,
  REQUIRED_SCOPES,
  rejectionReason,
  tokenEnd,
} from './connection.ts';

const DAY = 24 * 60 * 60_000;
const never = { expiresAt: null, dataAccessExpiresAt: null };

describe('When people are reminded', () => {
  const ends = { expiresAt: 60 * DAY, dataAccessExpiresAt: null };
  const unmoved = { at: 52 * DAY, outcome: 'unmoved' } as const;

  it('comes 7, 3 and 1 days before the end, once a renewal brought nothing', () => {
    expect(nextReminder(ends, unmoved, null, 52 * DAY)).toEqual({ at: 53 * DAY, days: 7 });
    expect(nextReminder(ends, unmoved, 7, 53 * DAY)).toEqual({ at: 57 * DAY, days: 3 });
    expect(nextReminder(ends, unmoved, 3, 57 * DAY)).toEqual({ at: 59 * DAY, days: 1 });
    expect(nextReminder(ends, unmoved, 1, 59 * DAY)).toBeNull();
  });

  it('is only the latest of those that an outage held back', () => {
    expect(nextReminder(ends, unmoved, null, 58 * DAY)).toEqual({ at: 57 * DAY, days: 3 });
    expect(nextReminder(ends, unmoved, 7, 59.5 * DAY)).toEqual({ at: 59 * DAY, days: 1 });
  });

  it('never comes while renewing works, nor for a token that never ends', () => {
    expect(nextReminder(ends, null, null, 59 * DAY)).toBeNull();
    expect(nextReminder(ends, { at: 53 * DAY, outcome: 'moved' }, null, 59 * DAY)).toBeNull();
    expect(nextReminder(never, unmoved, null, 59 * DAY)).toBeNull();
  });
});

describe('When a token is renewed', () => {
  it('starts 7 days before the earlier of the two ends', () => {
    expect(nextRenewal({ expiresAt: 60 * DAY, dataAccessExpiresAt: 90 * DAY }, null, 0)).toBe(53 * DAY);
    expect(nextRenewal({ expiresAt: 60 * DAY, dataAccessExpiresAt: 30 * DAY }, null, 0)).toBe(23 * DAY);
  });

  it('spreads renewals by up to 12 hours, always earlier', () => {
    expect(nextRenewal({ expiresAt: 60 * DAY, dataAccessExpiresAt: null }, null, 1)).toBe(52.5 * DAY);
  });

  it('never comes for a token that never ends', () => {
    expect(nextRenewal(never, null, 0.5)).toBeNull();
    expect(tokenEnd(never)).toBeNull();
  });

  it('tries again a day after the expiry did not move, and 8 hours after Meta did not answer', () => {
    const ends = { expiresAt: 60 * DAY, dataAccessExpiresAt: null };
    expect(nextRenewal(ends, { at: 53 * DAY, outcome: 'unmoved' }, 0)).toBe(54 * DAY);
    expect(nextRenewal(ends, { at: 53 * DAY, outcome: 'failed' }, 0)).toBe(53 * DAY + DAY / 3);
  });

  it('never waits past the end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 * DAY }), fc.integer({ min: 0, max: 100 * DAY }), (end, at) => {
        const next = nextRenewal({ expiresAt: end, dataAccessExpiresAt: null }, { at, outcome: 'unmoved' }, 0.3);
        return next !== null && next <= end;
      }),
    );
  });

  it('plans anew after the expiry moved', () => {
    const ends = { expiresAt: 113 * DAY, dataAccessExpiresAt: null };
    expect(nextRenewal(ends, { at: 53 * DAY, outcome: 'moved' }, 0)).toBe(106 * DAY);
  });

  it('knows a renewal that moved the end from one that did not', () => {
    const before = { expiresAt: 60 * DAY, dataAccessExpiresAt: null };
    const renewed = (
      after: typeof before | typeof never | { expiresAt: number; dataAccessExpiresAt: number },
      now = 53 * DAY,
    ) => isRenewed(before, after, now);
    expect(renewed({ expiresAt: 113 * DAY, dataAccessExpiresAt: null })).toBe(true);
    expect(renewed({ expiresAt: 60 * DAY + 1000, dataAccessExpiresAt: null })).toBe(false);
    expect(renewed({ expiresAt: 113 * DAY, dataAccessExpiresAt: 60 * DAY })).toBe(false);
    expect(renewed(never)).toBe(true);
    expect(renewed(before, DAY)).toBe(true);
  });
});

describe('What may follow what', () => {
  it('reaches every status, and leaves every status', () => {
    const reached = new Set(Object.values(CONNECTION_MOVES).flat());
    for (const [status, next] of Object.entries(CONNECTION_MOVES)) {
      expect(next.length, status).toBeGreaterThan(0);
      if (status !== 'not_connected') expect(reached, status).toContain(status);
    }
  });

  it('needs a sign-in before a connection lives', () => {
    expect(canMove('not_connected', 'connected')).toBe(false);
    expect(canMove('disconnected', 'connected')).toBe(false);
    expect(canMove('reconnect_needed', 'connected')).toBe(true);
  });

  it('lets a person choose another business until the end, and confirm only what was chosen', () => {
    expect(mayAct('assets_selected', 'selectBusiness')).toBe(true);
    expect(mayAct('business_selected', 'confirm')).toBe(false);
    expect(mayAct('confirmed', 'selectBusiness')).toBe(false);
    expect(mayAct('superseded', 'confirm')).toBe(false);
  });
});

describe('What is missing', () => {
  it('names the scopes that were declined', () => {
    expect(missingScopes(REQUIRED_SCOPES)).toEqual([]);
    expect(missingScopes(REQUIRED_SCOPES.filter((scope) => scope !== 'leads_retrieval'))).toEqual(['leads_retrieval']);
  });

  it('says why a page cannot deliver leads', () => {
    expect(pageProblem({ tasks: ['ANALYZE'], hasToken: true })).toBe('task_missing');
    expect(pageProblem({ tasks: ['MANAGE'], hasToken: false })).toBe('token_missing');
    expect(pageProblem({ tasks: ['ANALYZE', 'ADVERTISE'], hasToken: true })).toBeNull();
  });

  it("puts Meta's numbers in words", () => {
    expect([1, 2, 3, 7, 9, 101, 201].map(adAccountState)).toEqual([
      'active',
      'disabled',
      'unsettled',
      'in_review',
      'unsettled',
      'closed',
      'other',
    ]);
    expect([458, 463, 492, 1, null].map(rejectionReason)).toEqual([
      'app_removed',
      'expired',
      'page_role_lost',
      'invalid',
      'invalid',
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import { halvesOf, reportStep } from './insight-reports.ts';

const askedAt = new Date('2026-11-24T12:00:00Z');
const minutesOn = (minutes: number) => new Date(askedAt.getTime() + minutes * 60_000);
const report = (given: Partial<Parameters<typeof reportStep>[0]> = {}) => ({
  askedAt,
  polls: 0,
  attempts: 1,
  ...given,
});

describe('A report', () => {
  it('is read only when it is completed, whole', () => {
    expect(reportStep(report(), { status: 'Job Completed', percent: 100 }, minutesOn(1))).toEqual({ step: 'read' });
    expect(reportStep(report(), { status: 'Job Completed', percent: 87 }, minutesOn(1))).toMatchObject({
      step: 'wait',
    });
  });

  it('that failed is asked for again, though it says 100 per cent, and split after the third', () => {
    const failed = { status: 'Job Failed', percent: 100 };
    expect(reportStep(report(), failed, minutesOn(1))).toEqual({ step: 'again' });
    expect(reportStep(report({ attempts: 3 }), failed, minutesOn(1))).toEqual({ step: 'split' });
  });

  it('is looked after more and more rarely, from 10 seconds to 5 minutes', () => {
    const waits = [0, 1, 2, 5, 12].map((polls) =>
      reportStep(report({ polls }), { status: 'Job Running', percent: 3 }, minutesOn(1)),
    );
    expect(waits).toEqual([10_000, 20_000, 40_000, 300_000, 300_000].map((ms) => ({ step: 'wait', ms })));
  });

  it('that Meta does not find yet is waited for', () => {
    expect(reportStep(report(), null, minutesOn(0))).toEqual({ step: 'wait', ms: 10_000 });
  });

  it('is stuck after an hour and no sooner', () => {
    const running = { status: 'Job Running', percent: 60 };
    expect(reportStep(report({ polls: 14 }), running, minutesOn(59))).toMatchObject({ step: 'wait' });
    expect(reportStep(report({ polls: 15 }), running, minutesOn(60))).toEqual({ step: 'again' });
  });
});

describe('A window that is too large', () => {
  it('is halved without gap or overlap, down to a day', () => {
    expect(halvesOf({ since: '2026-11-01', until: '2026-11-05' })).toEqual([
      { since: '2026-11-03', until: '2026-11-05' },
      { since: '2026-11-01', until: '2026-11-02' },
    ]);
    expect(halvesOf({ since: '2026-11-01', until: '2026-11-02' })).toEqual([
      { since: '2026-11-02', until: '2026-11-02' },
      { since: '2026-11-01', until: '2026-11-01' },
    ]);
    expect(halvesOf({ since: '2026-11-01', until: '2026-11-01' })).toBeNull();
  });
});

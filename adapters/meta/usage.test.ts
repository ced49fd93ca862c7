import { describe, expect, it } from 'vitest';
import { namedWaitMs, usageIn } from './usage.ts';

const headers = (values: Record<string, unknown>) =>
  new Headers(Object.entries(values).map(([name, value]) => [name, JSON.stringify(value)]));

describe("Meta's usage headers", () => {
  it('counts the regain time of the business header in minutes and that of the account header in seconds', () => {
    const usages = usageIn(
      headers({
        'x-business-use-case-usage': {
          '1002': [
            {
              type: 'ads_insights',
              call_count: 100,
              total_cputime: 1,
              total_time: 1,
              estimated_time_to_regain_access: 3,
            },
          ],
        },
        'x-ad-account-usage': { acc_id_util_pct: 100, reset_time_duration: 90 },
      }),
      '1002',
    );
    expect(usages.map(({ scope, ratio, regainMs }) => ({ scope, ratio, regainMs }))).toEqual([
      { scope: '1002:ads', ratio: 1, regainMs: 90_000 },
      { scope: '1002:ads_insights', ratio: 1, regainMs: 180_000 },
    ]);
    expect(namedWaitMs(usages)).toBe(180_000);
  });

  it('names no wait while an account is far from its limit', () => {
    const calm = usageIn(headers({ 'x-ad-account-usage': { acc_id_util_pct: 9.67, reset_time_duration: 100 } }), '1');
    expect(namedWaitMs(calm)).toBeUndefined();
  });

  it('takes the highest of the three app percentages', () => {
    const [usage] = usageIn(headers({ 'x-app-usage': { call_count: 28, total_time: 61, total_cputime: 25 } }));
    expect(usage).toMatchObject({ scope: 'app', ratio: 0.61 });
  });

  it('labels a type it does not know as other, so that the metric stays bounded', () => {
    const entry = { type: 'new_thing', call_count: 1, total_cputime: 1, total_time: 1 };
    const [usage] = usageIn(headers({ 'x-business-use-case-usage': { '5': [entry] } }));
    expect(usage?.label).toEqual({ scope: 'business', type: 'other' });
  });

  it('lets a call live whose headers cannot be read', () => {
    expect(usageIn(new Headers({ 'x-app-usage': 'oops', 'x-business-use-case-usage': '[1]' }))).toEqual([]);
  });
});

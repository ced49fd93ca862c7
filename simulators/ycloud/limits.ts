import { Refusal } from './errors.ts';
import type { Settings } from './settings.ts';

interface Window {
  end: number;
  used: number;
}

export type Limits = ReturnType<typeof createLimits>;

/** YCloud's own rate limits, in the simulator's time. A 429 here means that nothing was taken in. */
export function createLimits(settings: Settings, now: () => number) {
  const windows = new Map<string, Window>();

  const spend = (name: string, limit: number, lengthMs: number, code: string): number => {
    if (limit === 0) return Number.POSITIVE_INFINITY;
    const known = windows.get(name);
    const window = known && known.end > now() ? known : { end: now() + lengthMs, used: 0 };
    windows.set(name, window);
    if (window.used >= limit)
      throw new Refusal(429, code, 'too many requests', {
        retryAfterS: Math.max(1, Math.ceil((window.end - now()) / 1000)),
      });
    window.used++;
    return limit - window.used;
  };

  return {
    /** The two send routes count apart, each for its sender. Throws Refusal `SENDER_RATE_LIMITED`. */
    send: (sender: string, isDirect: boolean) =>
      spend(
        `${isDirect ? 'direct' : 'queued'}:${sender}`,
        isDirect ? settings.directPerSecond : settings.queuedPerSecond,
        1000,
        'SENDER_RATE_LIMITED',
      ),
    /** One quota for everything else of an account; returns its beta headers. Throws Refusal `ACCOUNT_RATE_LIMITED`. */
    manage(accountId: string): Record<string, string> {
      spend(`hour:${accountId}`, settings.managementPerHour, 3_600_000, 'ACCOUNT_RATE_LIMITED');
      const left = spend(`second:${accountId}`, settings.managementPerSecond, 1000, 'ACCOUNT_RATE_LIMITED');
      if (!Number.isFinite(left)) return {};
      return {
        'RateLimit-Limit': String(settings.managementPerSecond),
        'RateLimit-Remaining': String(left),
        'RateLimit-Reset': '1',
      };
    },
    clear: () => windows.clear(),
  };
}

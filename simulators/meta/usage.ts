import type { Settings } from './settings.ts';

/** Which meter a call runs on. */
export interface Meter {
  /** Ad account digits, page id or business id. */
  readonly objectId: string;
  readonly type: 'ads_insights' | 'ads_management' | 'pages' | 'leadgen';
  /** What the formula multiplies: active ads, people engaged with a page, or leads of a page. */
  readonly size: number;
}

/** Calls of the last hour per object and type, and of the app. */
export interface Usage {
  record(key: string, now: number): void;
  lastHour(key: string, now: number): number;
  clear(): void;
}

const MINUTE_MS = 60_000;

/** Nothing counted at first. Counts by minute, so an hour is sixty numbers. */
export function createUsage(): Usage {
  const minutes = new Map<string, Map<number, number>>();
  return {
    record: (key, now) => {
      const counts = minutes.get(key) ?? new Map<number, number>();
      const minute = Math.floor(now / MINUTE_MS);
      counts.set(minute, (counts.get(minute) ?? 0) + 1);
      for (const old of counts.keys()) {
        if (old <= minute - 60) {
          counts.delete(old);
        }
      }
      minutes.set(key, counts);
    },
    lastHour: (key, now) => {
      const since = Math.floor(now / MINUTE_MS) - 60;
      return [...(minutes.get(key) ?? [])].reduce((sum, [minute, count]) => (minute > since ? sum + count : sum), 0);
    },
    clear: () => minutes.clear(),
  };
}

/** Calls an hour by Meta's formulas (reference 5.2), or the knob's number. */
export function hourlyLimit(meter: Meter, settings: Settings): number {
  if (settings.hourlyLimit > 0) {
    return settings.hourlyLimit;
  }
  const development = settings.tier === 'development_access';
  switch (meter.type) {
    case 'ads_insights':
      return (development ? 600 : 190_000) + 400 * meter.size;
    case 'ads_management':
      return (development ? 300 : 100_000) + 40 * meter.size;
    default:
      return 4800 * Math.max(1, meter.size);
  }
}

/** One state of a meter, as the headers tell it. */
export interface Reading {
  readonly meter: Meter | undefined;
  /** Per cent of the meter, and of the app. */
  readonly percent: number;
  readonly appPercent: number;
  readonly regainMinutes: number;
  readonly tier: string;
}

/** The usage headers of a reading: JSON text; regain in minutes, reset in seconds. */
export function usageHeaders({ meter, percent, appPercent, regainMinutes, tier }: Reading): Record<string, string> {
  const app = {
    call_count: appPercent,
    total_cputime: Math.floor(appPercent / 3),
    total_time: Math.floor(appPercent / 2),
  };
  const headers: Record<string, string> = { 'X-App-Usage': JSON.stringify(app) };
  if (meter === undefined) {
    return headers;
  }
  const ads = meter.type.startsWith('ads_');
  const entry = {
    type: meter.type,
    call_count: percent,
    total_cputime: Math.floor(percent / 4),
    total_time: Math.floor(percent / 4),
    estimated_time_to_regain_access: regainMinutes,
    ...(ads ? { ads_api_access_tier: tier } : {}),
  };
  headers['X-Business-Use-Case-Usage'] = JSON.stringify({ [meter.objectId]: [entry] });
  if (ads) {
    headers['X-Ad-Account-Usage'] = JSON.stringify({
      acc_id_util_pct: percent,
      reset_time_duration: regainMinutes * 60,
      ads_api_access_tier: tier,
    });
  }
  if (meter.type === 'ads_insights') {
    headers['X-Fb-Ads-Insights-Throttle'] = JSON.stringify({
      app_id_util_pct: appPercent,
      acc_id_util_pct: percent,
      ads_api_access_tier: tier,
    });
  }
  return headers;
}

import { z } from 'zod';
import { type ScopeUsage, STOP_RATIO } from '../../domain/meta-usage.ts';

/** How much of one of Meta's limits is used, as a reply's headers say. */
export interface Usage extends ScopeUsage {
  /** Bounded names for the metric. */
  label: { scope: 'app' | 'ad_account' | 'business' | 'insights'; type: string };
}

const percent = z.coerce.number().catch(0);
const appUsage = z.object({ call_count: percent, total_time: percent, total_cputime: percent });
const accountUsage = z.object({ acc_id_util_pct: percent, reset_time_duration: percent });
const insightsUsage = z.object({ app_id_util_pct: percent, acc_id_util_pct: percent });
const businessUsage = z.record(
  z.string(),
  z.array(appUsage.extend({ type: z.string(), estimated_time_to_regain_access: percent })),
);
const KNOWN_TYPES: ReadonlySet<string> = new Set([
  'ads_insights',
  'ads_management',
  'custom_audience',
  'instagram',
  'leadgen',
  'messenger',
  'pages',
  'whatsapp',
]);

/** Every limit a reply speaks of. `assetId` is the ad account of the call: two of the four headers do not name theirs. */
export function usageIn(headers: Headers, assetId?: string): Usage[] {
  return [
    ...appUsageIn(headers),
    ...accountUsageIn(headers, assetId),
    ...insightsUsageIn(headers, assetId),
    ...businessUsageIn(headers),
  ];
}

/** The longest wait that Meta named in these headers, in milliseconds, or undefined. */
export function namedWaitMs(usages: readonly Usage[]): number | undefined {
  const longest = Math.max(0, ...usages.map(({ regainMs }) => regainMs));
  return longest > 0 ? longest : undefined;
}

function appUsageIn(headers: Headers): Usage[] {
  const usage = read(headers, 'x-app-usage', appUsage);
  if (usage === null) return [];
  return [{ scope: 'app', ratio: highest(usage), regainMs: 0, label: { scope: 'app', type: 'calls' } }];
}

function accountUsageIn(headers: Headers, assetId?: string): Usage[] {
  const usage = read(headers, 'x-ad-account-usage', accountUsage);
  if (usage === null || assetId === undefined) return [];
  const ratio = usage.acc_id_util_pct / 100;
  // Seconds here, minutes in the business header.
  const regainMs = ratio >= STOP_RATIO ? usage.reset_time_duration * 1000 : 0;
  return [{ scope: `${assetId}:ads`, ratio, regainMs, label: { scope: 'ad_account', type: 'ads' } }];
}

function insightsUsageIn(headers: Headers, assetId?: string): Usage[] {
  const usage = read(headers, 'x-fb-ads-insights-throttle', insightsUsage);
  if (usage === null) return [];
  const label = { scope: 'insights', type: 'app' } as const;
  const app: Usage = { scope: 'app:insights', ratio: usage.app_id_util_pct / 100, regainMs: 0, label };
  if (assetId === undefined) return [app];
  const ratio = usage.acc_id_util_pct / 100;
  return [app, { scope: `${assetId}:ads_insights`, ratio, regainMs: 0, label: { scope: 'insights', type: 'account' } }];
}

function businessUsageIn(headers: Headers): Usage[] {
  const byObject = read(headers, 'x-business-use-case-usage', businessUsage) ?? {};
  return Object.entries(byObject).flatMap(([objectId, entries]) =>
    entries.map((entry) => ({
      scope: `${objectId}:${entry.type}`,
      ratio: highest(entry),
      regainMs: entry.estimated_time_to_regain_access * 60_000,
      label: { scope: 'business' as const, type: KNOWN_TYPES.has(entry.type) ? entry.type : 'other' },
    })),
  );
}

const highest = (usage: z.output<typeof appUsage>): number =>
  Math.max(usage.call_count, usage.total_time, usage.total_cputime) / 100;

// Headers are absent at low use and an unreadable one must never fail the call it came with.
function read<T>(headers: Headers, name: string, schema: z.ZodType<T>): T | null {
  const text = headers.get(name);
  if (text === null) return null;
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

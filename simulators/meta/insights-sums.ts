import { type AdDay, adDay } from './figures.ts';
import type { Span } from './insights-range.ts';
import type { Simulator } from './simulator.ts';
import { type Ad, type AdAccount, get } from './world-types.ts';

/** Added-up figures of one or more ads over a span; counts are whole, money in minor units. */
export interface Sums {
  readonly impressions: number;
  readonly clicks: number;
  readonly linkClicks: number;
  readonly spend: number;
  readonly formLeads: number;
  readonly viewLeads: number;
  readonly pixelLeads: number;
  readonly purchases: number;
  readonly purchaseValue: number;
  /** People, not additive: never more than the impressions, never less than the best day. */
  readonly reach: number;
}

const additive = [
  'impressions',
  'clicks',
  'linkClicks',
  'spend',
  'formLeads',
  'viewLeads',
  'pixelLeads',
  'purchases',
  'purchaseValue',
] as const;

/** The sums of some ads of one account over a span, as they stand on `today`. */
export function sumsOf(sim: Simulator, account: AdAccount, ads: readonly Ad[], span: Span, today: number): Sums {
  const days: AdDay[] = [];
  for (const ad of ads) {
    const campaign = get(sim.world, 'campaign', ad.campaignId);
    for (let day = span.since; day <= Math.min(span.until, today); day += 1) {
      const figures = adDay(account, campaign, ad, day, today, sim.restatements.count(account, day));
      if (figures !== undefined) {
        days.push(figures);
      }
    }
  }
  return addUp(days);
}

function addUp(days: readonly AdDay[]): Sums {
  const sums = Object.fromEntries(additive.map((name) => [name, 0])) as Record<(typeof additive)[number], number>;
  let reachSum = 0;
  let bestDay = 0;
  for (const day of days) {
    for (const name of additive) {
      sums[name] += day[name];
    }
    reachSum += day.reach;
    bestDay = Math.max(bestDay, day.reach);
  }
  // The same people come back: the more days and ads, the smaller the share of new ones.
  const reach = days.length === 0 ? 0 : Math.max(bestDay, Math.round(reachSum / (1 + 0.3 * Math.log(days.length))));
  return { ...sums, reach };
}

/** One part of a sum that is split by breakdowns; parts add up to the whole. */
export interface Part {
  readonly keys: Readonly<Record<string, string>>;
  readonly sums: Sums;
}

const dimensions: Readonly<Record<string, readonly (readonly [string, number])[]>> = {
  publisher_platform: [
    ['facebook', 0.42],
    ['instagram', 0.53],
    ['audience_network', 0.05],
  ],
  age: [
    ['18-24', 0.12],
    ['25-34', 0.34],
    ['35-44', 0.31],
    ['45-54', 0.15],
    ['55-64', 0.06],
    ['65+', 0.02],
  ],
  gender: [
    ['female', 0.61],
    ['male', 0.37],
    ['unknown', 0.02],
  ],
  country: [
    ['AR', 0.9],
    ['UY', 0.1],
  ],
  device_platform: [
    ['mobile', 0.93],
    ['desktop', 0.07],
  ],
  impression_device: [
    ['android_smartphone', 0.66],
    ['iphone', 0.27],
    ['desktop', 0.07],
  ],
  platform_position: [
    ['feed', 0.55],
    ['instagram_stories', 0.3],
    ['facebook_reels', 0.15],
  ],
};

/** Names that `breakdowns` may hold here. */
export const breakdownNames = Object.keys(dimensions);

/** Splits a sum by one dimension after the other, without losing a cent: the last part takes the rest. */
export function splitBy(sums: Sums, breakdowns: readonly string[]): Part[] {
  return breakdowns.reduce<Part[]>(
    (parts, name) => parts.flatMap((part) => splitOnce(part, name, dimensions[name] ?? [])),
    [{ keys: {}, sums }],
  );
}

function splitOnce(part: Part, name: string, shares: readonly (readonly [string, number])[]): Part[] {
  let left: Sums = part.sums;
  return shares.map(([key, share], index) => {
    const keys = { ...part.keys, [name]: key };
    if (index === shares.length - 1) {
      return { keys, sums: left };
    }
    const taken = scale(part.sums, share);
    left = subtract(left, taken);
    return { keys, sums: taken };
  });
}

function scale(sums: Sums, share: number): Sums {
  return mapSums((name) => Math.floor(sums[name] * share));
}

function subtract(left: Sums, right: Sums): Sums {
  return mapSums((name) => left[name] - right[name]);
}

function mapSums(value: (name: keyof Sums) => number): Sums {
  const entries = [...additive, 'reach' as const].map((name) => [name, value(name)] as const);
  return Object.fromEntries(entries) as Record<keyof Sums, number>;
}

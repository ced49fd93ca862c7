import { dayIn, dayText } from './clock.ts';
import { fraction, mix } from './random.ts';
import type { Ad, AdAccount, Campaign } from './world-types.ts';

/** What one ad did on one day, in whole counts and minor units of Meta's own offset table. */
export interface AdDay {
  readonly impressions: number;
  readonly reach: number;
  readonly clicks: number;
  readonly linkClicks: number;
  readonly spend: number;
  /** On-Facebook leads, and how many of them are credited to a view. */
  readonly formLeads: number;
  readonly viewLeads: number;
  readonly pixelLeads: number;
  readonly purchases: number;
  readonly purchaseValue: number;
}

/** A later change of days that were already over, made by `/_control/restate`. */
export interface Restatements {
  /** Restates the last `days` days of the account, today included. */
  add(account: AdAccount, days: number, now: number): void;
  /** How often that day was restated. */
  count(account: AdAccount, day: number): number;
  clear(): void;
}

/** No restatement at first. */
export function createRestatements(): Restatements {
  const counts = new Map<string, number>();
  const key = (account: AdAccount, day: number) => `${account.id}:${dayText(day)}`;
  return {
    add: (account, days, now) => {
      const today = dayIn(account.timeZone, now);
      for (let day = today; day > today - days; day -= 1) {
        counts.set(key(account, day), (counts.get(key(account, day)) ?? 0) + 1);
      }
    },
    count: (account, day) => counts.get(key(account, day)) ?? 0,
    clear: () => counts.clear(),
  };
}

/** After this many days nothing is credited to a day any more. */
export const SETTLED_AFTER_DAYS = 28;
const TODAY_SO_FAR = 0.55;

/**
 * The figures of an ad on a day as seen on `today`: a function of the ad's seed and the two days, so a day's conversions
 * grow while it is younger than 28 days and stand still within a day. Undefined when the ad did not deliver.
 */
export function adDay(
  account: AdAccount,
  campaign: Campaign,
  ad: Ad,
  day: number,
  today: number,
  restated: number,
): AdDay | undefined {
  const age = today - day;
  if (age < 0 || day < campaign.startsOn || (campaign.stopsOn !== undefined && day > campaign.stopsOn)) {
    return undefined;
  }
  if (mix(ad.seed, day, 1) % 40 === 0) {
    return undefined; // a day without delivery: Meta has no row for it
  }
  const { costPerThousand, clickRate, costPerLead, pixelShare } = account.economics;
  const soFar = age === 0 ? TODAY_SO_FAR : 1;
  const spend = Math.max(1, Math.round(campaign.dailyBudget * ad.share * pace(ad, day) * soFar));
  const major = spend / account.offset;
  const impressions = Math.max(1, Math.round((major / costPerThousand) * 1000 * (0.8 + 0.4 * noise(ad, day, 3))));
  const clicks = chance(impressions * clickRate * (0.7 + 0.6 * noise(ad, day, 4)), noise(ad, day, 5));
  const final = leadsInTheEnd(campaign, major / costPerLead, ad, day);
  const seen = creditedBy(final, ad, day, age) + (campaign.objective === 'OUTCOME_LEADS' ? restated : 0);
  const pixelLeads = Math.round(seen * pixelShare);
  const purchases = campaign.objective === 'OUTCOME_SALES' ? chance(clicks * 0.02, noise(ad, day, 8)) : 0;
  const allClicks = clicks + restated * (1 + (mix(ad.seed, day, 9) % 3));
  return {
    impressions: impressions + allClicks - clicks,
    reach: Math.max(1, Math.round(impressions * (0.75 + 0.2 * noise(ad, day, 6)))),
    clicks: allClicks,
    linkClicks: Math.round(allClicks * 0.8),
    spend: spend + restated * Math.max(1, Math.round(spend * 0.004)),
    formLeads: seen - pixelLeads,
    viewLeads: Math.floor((seen - pixelLeads) / 6),
    pixelLeads,
    purchases,
    purchaseValue: Math.round(purchases * costPerLead * 6 * account.offset * (0.8 + 0.4 * noise(ad, day, 10))),
  };
}

function pace(ad: Ad, day: number): number {
  // Day 0 of the epoch was a Thursday: 2 and 3 are the weekend, when clinics spend less.
  const weekend = day % 7 === 2 || day % 7 === 3 ? 0.7 : 1;
  return weekend * (0.75 + 0.4 * noise(ad, day, 2));
}

function leadsInTheEnd(campaign: Campaign, expected: number, ad: Ad, day: number): number {
  const rate = { OUTCOME_AWARENESS: 0, OUTCOME_SALES: 0.2 }[campaign.objective] ?? 1;
  return chance(expected * rate * (0.6 + 0.8 * noise(ad, day, 11)), noise(ad, day, 12));
}

/** How many of a day's conversions have been credited after so many days: most at once, the last by day 28. */
function creditedBy(final: number, ad: Ad, day: number, age: number): number {
  if (age >= SETTLED_AFTER_DAYS) {
    return final;
  }
  let seen = 0;
  for (let index = 0; index < final; index += 1) {
    const draw = fraction(mix(ad.seed, day, 100 + index));
    const delay = draw < 0.6 ? 0 : 1 + Math.floor((SETTLED_AFTER_DAYS - 1) * ((draw - 0.6) / 0.4) ** 2);
    seen += delay <= age ? 1 : 0;
  }
  return seen;
}

function noise(ad: Ad, day: number, salt: number): number {
  return fraction(mix(ad.seed, day, salt));
}

/** Rounds so that small expectations still happen now and then. */
function chance(expected: number, draw: number): number {
  return Math.floor(expected + draw);
}

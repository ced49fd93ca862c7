import { attribute, countingTouches, type Share } from './attribution.ts';
import { dayIn, type Period } from './days.ts';
import { decimal } from './decimal.ts';
import type { StatsInput, StatsQuestion } from './stats.ts';

export type Outcome = StatsInput['outcomes'][number];

/** One touch's part of an opportunity or a sale. */
export interface OutcomePart extends Share {
  /** 1 on the part that counts the outcome: a shared sale is one sale, and the last of its campaigns counts it. */
  one: 0 | 1;
}

/** The moment that decides the window: what happened then, or when the person arrived. */
export const countedAt = (outcome: Outcome, { view }: Pick<StatsQuestion, 'view'>): Date =>
  view === 'date' ? outcome.at : (outcome.arrived_at ?? outcome.at);

/** How an outcome is shared by the question's model; empty when no campaign's touch counts for it. */
export function partsOf(
  outcome: Outcome,
  { tenant }: Pick<StatsInput, 'tenant'>,
  { model }: Pick<StatsQuestion, 'model'>,
): OutcomePart[] {
  const touches = outcome.touches.map(({ campaign_id, at, adset_id, ad_id }) => ({
    campaignId: campaign_id,
    at,
    adsetId: adset_id ?? null,
    adId: ad_id ?? null,
  }));
  const counting = countingTouches(touches, outcome.at, tenant.lookBackDays);
  const shares = attribute(model, counting, decimal(outcome.amount), outcome.currency);
  return shares.map((share, place) => ({ ...share, one: place === shares.length - 1 ? 1 : 0 }));
}

/** Which zone and days a campaign has: those of its account. */
export class Places {
  readonly #byCampaign: ReadonlyMap<string, { timeZone: string; period: Period | undefined }>;

  constructor(input: Pick<StatsInput, 'accounts' | 'campaigns'>, periods: ReadonlyMap<string, Period>) {
    const zones = new Map(input.accounts.map((account) => [account.ad_account_id, account.time_zone]));
    // One look-up a row: there may be a million of them.
    this.#byCampaign = new Map(
      input.campaigns.map(({ meta_campaign_id, ad_account_id }) => {
        return [meta_campaign_id, { timeZone: zones.get(ad_account_id) ?? 'UTC', period: periods.get(ad_account_id) }];
      }),
    );
  }

  knows(campaignId: string): boolean {
    return this.#byCampaign.has(campaignId);
  }

  dayOf(campaignId: string, at: Date): string {
    return dayIn(this.#byCampaign.get(campaignId)?.timeZone ?? 'UTC', at);
  }

  /** Whether the day is in the period of the campaign's account. */
  covers(campaignId: string, day: string): boolean {
    const period = this.#byCampaign.get(campaignId)?.period;
    return period !== undefined && day >= period.since && day <= period.until;
  }
}

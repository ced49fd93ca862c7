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

/** Which account, currency and days a campaign has. */
export class Places {
  readonly #accounts: ReadonlyMap<string, { timeZone: string; currency: string; period: Period | undefined }>;
  readonly #accountOf: ReadonlyMap<string, string>;

  constructor(input: Pick<StatsInput, 'accounts' | 'campaigns'>, periods: ReadonlyMap<string, Period>) {
    this.#accounts = new Map(
      input.accounts.map(({ ad_account_id, time_zone, currency }) => {
        return [ad_account_id, { timeZone: time_zone, currency, period: periods.get(ad_account_id) }] as const;
      }),
    );
    this.#accountOf = new Map(input.campaigns.map((row) => [row.meta_campaign_id, row.ad_account_id]));
  }

  knows(campaignId: string): boolean {
    return this.#accountOf.has(campaignId);
  }

  dayOf(campaignId: string, at: Date): string {
    return dayIn(this.#accountIn(campaignId)?.timeZone ?? 'UTC', at);
  }

  /** Whether the day is in the period of the campaign's account. */
  covers(campaignId: string, day: string): boolean {
    const period = this.#accountIn(campaignId)?.period;
    return period !== undefined && day >= period.since && day <= period.until;
  }

  #accountIn(campaignId: string) {
    return this.#accounts.get(this.#accountOf.get(campaignId) ?? '');
  }
}

import { shares, unitOf } from './decimal.ts';

export type AttributionModel = 'last' | 'first' | 'linear';

/** A form submission or click-to-WhatsApp with a campaign. */
export interface Touch {
  campaignId: string;
  at: Date;
  adsetId?: string | null;
  adId?: string | null;
}

/** A part of an amount, and the touch it is owed to. */
export interface Share extends Omit<Touch, 'at'> {
  amount: bigint;
}

const DAY_MS = 86_400_000;

/** The touches that count for something that happened at `at`: before it, by at most the look-back; earliest first. */
export function countingTouches(touches: readonly Touch[], at: Date, lookBackDays: number): Touch[] {
  const from = at.getTime() - lookBackDays * DAY_MS;
  return touches
    .filter((touch) => touch.at.getTime() <= at.getTime() && touch.at.getTime() >= from)
    .sort((a, b) => a.at.getTime() - b.at.getTime());
}

/**
 * Which campaigns an amount belongs to: first and last touch take the whole, linear shares it equally to the smallest unit of the currency,
 * remainders to the earliest. No counting touch, no share: the amount is unattributed. `counting` comes from `countingTouches`.
 */
export function attribute(
  model: AttributionModel,
  counting: readonly Touch[],
  amount: bigint,
  currency: string,
): Share[] {
  const chosen =
    model === 'linear'
      ? counting
      : [model === 'first' ? counting[0] : counting.at(-1)].filter((touch) => touch !== undefined);
  if (chosen.length === 0) return [];
  const amounts = shares(amount, chosen.length, unitOf(currency));
  return chosen.map(({ at: _at, ...touch }, i) => ({ ...touch, amount: amounts[i] ?? 0n }));
}

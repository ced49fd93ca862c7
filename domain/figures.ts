import { digitsOf, quotient, ratio, ZERO } from './decimal.ts';
import type { MissingRate } from './rates.ts';

/** Sums of a campaign, an account, a day or a currency. Money is scaled integers (`decimal.ts`). */
export interface Figures {
  spend: bigint;
  impressions: number;
  clicks: number;
  leads: number;
  metaLeads: number;
  opportunities: number;
  sales: number;
  revenue: bigint;
  /** Sales in a currency without a rate: revenue and every ratio of it are unknown. */
  unconverted: number;
  /** Spend in a currency without a rate: then the spend is unknown too. */
  unconvertedSpend: number;
  /** The first rate that was looked for in vain: what to enter so that the figure can be shown. */
  missingRate: MissingRate | null;
}

export const nothing = (): Figures => ({
  spend: ZERO,
  impressions: 0,
  clicks: 0,
  leads: 0,
  metaLeads: 0,
  opportunities: 0,
  sales: 0,
  revenue: ZERO,
  unconverted: 0,
  unconvertedSpend: 0,
  missingRate: null,
});

/** Null while a sale lacks a rate: a part of the revenue is not the revenue. */
export const knownRevenue = ({ revenue, unconverted }: Pick<Figures, 'revenue' | 'unconverted'>): bigint | null =>
  unconverted > 0 ? null : revenue;
/** Null while a day's spend lacks a rate. */
export const knownSpend = ({ spend, unconvertedSpend }: Pick<Figures, 'spend' | 'unconvertedSpend'>): bigint | null =>
  unconvertedSpend > 0 ? null : spend;

const isKnown = ({ unconverted, unconvertedSpend }: Figures): boolean => unconverted + unconvertedSpend === 0;
export const roiPercentage = (figures: Figures): string | null =>
  isKnown(figures) ? ratio(figures.revenue - figures.spend, figures.spend, 100n) : null;
export const roas = (figures: Figures): string | null =>
  isKnown(figures) ? ratio(figures.revenue, figures.spend) : null;
/** Rounded to the currency's last digit. */
export const costPerLead = ({ spend, leads, unconvertedSpend }: Figures, currency: string): string | null =>
  unconvertedSpend > 0 ? null : quotient(spend, BigInt(leads), digitsOf(currency));

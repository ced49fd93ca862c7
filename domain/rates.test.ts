import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimal, toText } from './decimal.ts';
import { createConverter, type Rate } from './rates.ts';
import { addUp, costPerLead, roas, roiPercentage, type StatsInput } from './stats.ts';

const aRate = (currency: string, base: string, day: string, rate: string): Rate => ({ currency, base, day, rate });
const rates = [
  aRate('USD', 'ARS', '2026-11-01', '1400.5'),
  aRate('USD', 'ARS', '2026-11-10', '1450.25'),
  aRate('CLP', 'ARS', '2026-11-10', '1.52'),
];
const convert = (amount: string, from: string, to: string, day: string, digits = 2) => {
  const value = createConverter(rates)(decimal(amount), from, to, day);
  return value === null ? null : toText(value, digits);
};

describe('An amount in another currency', () => {
  it('takes the latest rate on or before its own day', () => {
    expect(convert('10.00', 'USD', 'ARS', '2026-11-05')).toBe('14005.00');
    expect(convert('10.00', 'USD', 'ARS', '2026-11-10')).toBe('14502.50');
    expect(convert('10.00', 'USD', 'ARS', '2026-11-17')).toBe('14502.50');
  });

  it('has no rate before the first one, nor when the last is older than a week', () => {
    expect(convert('10.00', 'USD', 'ARS', '2026-10-31')).toBeNull();
    expect(convert('10.00', 'USD', 'ARS', '2026-11-09')).toBeNull();
    expect(convert('10.00', 'USD', 'ARS', '2026-11-18')).toBeNull();
    expect(convert('10.00', 'EUR', 'ARS', '2026-11-10')).toBeNull();
  });

  it('goes the other way round, and over a currency that both have a rate in', () => {
    expect(convert('14502.50', 'ARS', 'USD', '2026-11-10')).toBe('10.00');
    expect(convert('1000', 'CLP', 'USD', '2026-11-10')).toBe('1.05');
  });

  it('of its own currency, and nothing at all, need no rate', () => {
    expect(convert('12.34', 'PEN', 'PEN', '2026-11-10')).toBe('12.34');
    expect(convert('0', 'PEN', 'ARS', '2026-11-10')).toBe('0.00');
  });

  it('loses nothing on the way: parts converted one by one make up the whole to the cent', () => {
    const cents = fc.array(fc.bigInt({ min: 1n, max: 10_000_000n }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(cents, (parts) => {
        const one = createConverter(rates);
        const sum = parts.reduce((all, part) => all + (one(part * 10_000n, 'ARS', 'USD', '2026-11-10') ?? 0n), 0n);
        const whole =
          one(
            parts.reduce((all, part) => all + part * 10_000n, 0n),
            'ARS',
            'USD',
            '2026-11-10',
          ) ?? 0n;
        const apart = sum - whole;
        return apart * apart <= 100n * 100n; // a ten-thousandth of a unit at most
      }),
    );
  });
});

describe('All accounts in one currency', () => {
  const account = (ad_account_id: string, currency: string) => ({
    ad_account_id,
    name: ad_account_id,
    currency,
    time_zone: 'America/Bogota',
    last_synced_at: null,
  });
  const campaign = (meta_campaign_id: string, ad_account_id: string, currency: string) => ({
    meta_campaign_id,
    ad_account_id,
    name: meta_campaign_id,
    status: 'ACTIVE',
    currency,
  });
  const day = (meta_campaign_id: string, on: string, spend: string) => ({
    meta_campaign_id,
    day: on,
    spend,
    impressions: 100,
    clicks: 10,
    meta_leads: 1,
  });
  const sale = (campaign_id: string, amount: string, currency: string, on: string) => ({
    kind: 'sale' as const,
    at: new Date(`${on}T15:00:00Z`),
    arrived_at: new Date('2026-11-10T15:00:00Z'),
    amount,
    currency,
    touches: [{ campaign_id, at: new Date('2026-11-10T15:00:00Z') }],
  });
  const input: StatsInput = {
    tenant: { timeZone: 'America/Bogota', currency: 'ARS', lookBackDays: 90 },
    accounts: [account('1', 'ARS'), account('2', 'USD')],
    campaigns: [campaign('pesos', '1', 'ARS'), campaign('dollars', '2', 'USD')],
    days: [day('pesos', '2026-11-11', '14502.50'), day('dollars', '2026-11-11', '20.00')],
    leadDays: [{ meta_campaign_id: 'pesos', day: '2026-11-11', earlier: null, leads: 3 }],
    leadsWithoutCampaign: [],
    outcomes: [sale('dollars', '100.00', 'USD', '2026-11-12'), sale('pesos', '5.00', 'USD', '2026-11-12')],
    rates,
  };
  const question = { days: 7, view: 'date', model: 'last', now: new Date('2026-11-15T15:00:00Z') } as const;

  it('adds what was converted, spend and revenue at the rate of their own days', () => {
    const { totals } = addUp(input, { ...question, reportIn: 'ARS' });
    expect(totals).toHaveLength(1);
    const [total] = totals;
    if (total === undefined) throw new Error('no total');
    // 14,502.50 + 20 × 1,450.25; (100 + 5) × 1,450.25
    expect([toText(total.spend, 2), toText(total.revenue, 2)]).toEqual(['43507.50', '152276.25']);
    expect([roas(total), roiPercentage(total), costPerLead(total, 'ARS')]).toEqual(['3.50', '250.00', '14502.50']);
  });

  it('converts a sale in another currency into its campaign’s account', () => {
    const { campaigns } = addUp(input, question);
    const pesos = campaigns.find(({ campaignId }) => campaignId === 'pesos');
    expect([toText(pesos?.revenue ?? 0n, 2), pesos?.unconverted]).toEqual(['7251.25', 0]);
  });

  it('gives no ratio when one rate is missing, and names it', () => {
    const lacking = { ...input, days: [...input.days, day('dollars', '2026-11-09', '1.00')] };
    const [total] = addUp(lacking, { ...question, reportIn: 'ARS' }).totals;
    if (total === undefined) throw new Error('no total');
    expect([roas(total), roiPercentage(total), costPerLead(total, 'ARS')]).toEqual([null, null, null]);
    expect(total.missingRate).toEqual({ currency: 'USD', day: '2026-11-09' });
  });

  it('changes nothing about the figures of each currency alone', () => {
    expect(addUp({ ...input, rates: [] }, question).totals.map(({ spend }) => spend)).toEqual(
      addUp(input, question).totals.map(({ spend }) => spend),
    );
  });
});

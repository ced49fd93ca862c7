import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toText } from './decimal.ts';
import { addUp, costPerLead, roas, roiPercentage, type StatsInput, type StatsQuestion } from './stats.ts';

const now = new Date('2026-11-24T15:00:00Z');
const question: StatsQuestion = { days: 30, view: 'date', model: 'last', now };

function rows(given: Partial<StatsInput> = {}): StatsInput {
  return {
    tenant: { timeZone: 'America/Argentina/Buenos_Aires', currency: 'ARS', lookBackDays: 90 },
    accounts: [
      {
        ad_account_id: '100',
        name: 'Aurora',
        currency: 'ARS',
        time_zone: 'America/Argentina/Buenos_Aires',
        last_synced_at: now,
      },
    ],
    campaigns: [
      { meta_campaign_id: 'implantes', ad_account_id: '100', name: 'Implantes', status: 'ACTIVE', currency: 'ARS' },
      { meta_campaign_id: 'urgencias', ad_account_id: '100', name: 'Urgencias', status: 'PAUSED', currency: 'ARS' },
    ],
    days: [
      {
        meta_campaign_id: 'implantes',
        day: '2026-11-20',
        spend: '600.00',
        impressions: 900,
        clicks: 30,
        meta_leads: 3,
      },
      {
        meta_campaign_id: 'implantes',
        day: '2026-11-21',
        spend: '400.00',
        impressions: 600,
        clicks: 20,
        meta_leads: 1,
      },
      { meta_campaign_id: 'urgencias', day: '2026-10-25', spend: '77.00', impressions: 10, clicks: 1, meta_leads: 0 },
    ],
    leadDays: [{ meta_campaign_id: 'implantes', day: '2026-11-20', earlier: null, leads: 4 }],
    leadsWithoutCampaign: [{ day: '2026-11-23', leads: 2 }],
    outcomes: [aSale('3500.00')],
    ...given,
  };
}

function aSale(amount: string, given: Partial<StatsInput['outcomes'][number]> = {}): StatsInput['outcomes'][number] {
  const touches = [{ campaign_id: 'implantes', at: new Date('2026-11-20T12:00:00Z') }];
  return {
    kind: 'sale',
    at: new Date('2026-11-22T12:00:00Z'),
    arrived_at: new Date('2026-11-20T12:00:00Z'),
    amount,
    currency: 'ARS',
    touches,
    ...given,
  };
}

describe('figures', () => {
  it('works out spend 1,000.00 and revenue 3,500.00 as ROI 250.00 and ROAS 3.50', () => {
    const [total] = addUp(rows(), question).totals;
    if (!total) throw new Error('no total');
    expect(toText(total.spend, 2)).toBe('1000.00');
    expect([roiPercentage(total), roas(total)]).toEqual(['250.00', '3.50']);
    expect(costPerLead(total, 'ARS')).toBe('250.00');
  });

  it("takes each account's own days, today included", () => {
    const { period, accounts } = addUp(rows(), question);
    expect(period).toEqual({ since: '2026-10-26', until: '2026-11-24' });
    expect(accounts[0]?.period).toEqual(period);
  });

  it('puts the day before the period into the period before', () => {
    const before = addUp(rows(), question, true);
    expect(before.period).toEqual({ since: '2026-09-26', until: '2026-10-25' });
    expect(toText(before.totals[0]?.spend ?? 0n, 2)).toBe('77.00');
  });

  it('shows what belongs to no campaign instead of hiding it', () => {
    const { unattributed } = addUp(rows({ outcomes: [aSale('50.00', { touches: [] })] }), question);
    expect(unattributed).toMatchObject({ leads: 2, sales: 1 });
    expect(toText(unattributed.revenue, 2)).toBe('50.00');
  });

  it('rounds the cost of a lead once, however many leads there are', () => {
    const leadDays = [{ meta_campaign_id: 'implantes', day: '2026-11-20', earlier: null, leads: 30_000 }];
    const day = { meta_campaign_id: 'implantes', day: '2026-11-20', impressions: 0, clicks: 0, meta_leads: 0 };
    const [total] = addUp(rows({ leadDays, days: [{ ...day, spend: '3750.01' }] }), question).totals;
    expect(total && costPerLead(total, 'ARS')).toBe('0.13'); // 0.1250003…: not the half that goes to the even 0.12
  });

  it('counts a person again only in another period', () => {
    const touched = (day: string, earlier: string | null) => ({
      meta_campaign_id: 'implantes',
      day,
      earlier,
      leads: 1,
    });
    const leadDays = [
      touched('2026-10-20', null),
      touched('2026-11-20', '2026-10-20'),
      touched('2026-11-21', '2026-11-20'),
    ];
    expect(addUp(rows({ leadDays }), question).totals[0]?.leads).toBe(1);
    expect(addUp(rows({ leadDays }), question, true).totals[0]?.leads).toBe(1);
  });

  it('computes no ratio over a sale in another currency', () => {
    const [total] = addUp(rows({ outcomes: [aSale('10.00', { currency: 'USD' })] }), question).totals;
    expect(total && [roiPercentage(total), roas(total)]).toEqual([null, null]);
  });

  it('counts a late sale of this cohort in the cohort view only', () => {
    const late = rows({ outcomes: [aSale('100.00', { at: new Date('2026-12-24T12:00:00Z') })] });
    expect(addUp(late, question).totals[0]?.sales).toBe(0);
    expect(addUp(late, { ...question, view: 'cohort' }).totals[0]?.sales).toBe(1);
  });

  it('adds daily rows, campaigns and accounts up to the same total, whatever the rows', () => {
    const day = fc.record({
      meta_campaign_id: fc.constantFrom('implantes', 'urgencias'),
      day: fc.constantFrom('2026-11-01', '2026-11-15', '2026-11-24', '2026-10-01'),
      spend: fc.integer({ min: 0, max: 10_000_000 }).map((cents) => toText(BigInt(cents) * 10_000n, 2)),
      impressions: fc.nat(),
      clicks: fc.nat(1000),
      meta_leads: fc.nat(20),
    });
    fc.assert(
      fc.property(fc.array(day), (days) => {
        const { totals, campaigns, accounts, series } = addUp(rows({ days }), question);
        const sum = (figures: readonly { spend: bigint }[]) => figures.reduce((all, { spend }) => all + spend, 0n);
        expect([sum(campaigns), sum(accounts), sum(series.get('ARS') ?? [])]).toEqual([
          sum(totals),
          sum(totals),
          sum(totals),
        ]);
      }),
    );
  });
});

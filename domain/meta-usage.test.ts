import { describe, expect, it } from 'vitest';
import { createMemoryGate } from './meta-usage.ts';

describe('The gate', () => {
  it('closes its own scope for as long as Meta named, and no other', async () => {
    let now = 0;
    const gate = createMemoryGate(() => now);
    await gate.record({ scope: '1:ads_insights', ratio: 0.96, regainMs: 120_000 });
    expect(await gate.waitMs('1:ads_insights')).toBe(120_000);
    expect(await gate.waitMs('2:ads_insights')).toBe(0);
    now = 120_001;
    expect(await gate.waitMs('1:ads_insights')).toBe(0);
  });

  it('stays open below 95 %', async () => {
    const gate = createMemoryGate(() => 0);
    await gate.record({ scope: 'app', ratio: 0.94, regainMs: 0 });
    expect(await gate.waitMs('app')).toBe(0);
  });

  it('never shortens a wait', async () => {
    const gate = createMemoryGate(() => 0);
    await gate.close('app', 60_000);
    await gate.close('app', 1000);
    expect(await gate.waitMs('app')).toBe(60_000);
  });

  it('slows from 80 % on, up to two seconds just before the stop, and forgets after ten minutes', async () => {
    let now = 0;
    const gate = createMemoryGate(() => now);
    const paceAt = async (ratio: number) => {
      await gate.record({ scope: 'app', ratio, regainMs: 0 });
      return gate.paceMs('app');
    };
    expect([await paceAt(0.79), await paceAt(0.8), await paceAt(0.875), await paceAt(0.94)]).toEqual([
      0, 0, 1000, 1867,
    ]);
    now = 10 * 60_000 + 1;
    expect(await gate.paceMs('app')).toBe(0);
  });

  it('lets 200 calls an hour go of which Meta says nothing', async () => {
    let now = 0;
    const gate = createMemoryGate(() => now);
    for (let i = 0; i < 199; i++) await gate.countBlind('1:unsaid');
    expect(await gate.waitMs('1:unsaid')).toBe(0);
    now = 60_000;
    await gate.countBlind('1:unsaid');
    expect(await gate.waitMs('1:unsaid')).toBe(59 * 60_000);
    now = 60 * 60_000;
    await gate.countBlind('1:unsaid');
    expect(await gate.waitMs('1:unsaid')).toBe(0);
  });
});

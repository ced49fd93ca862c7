import { describe, expect, it } from 'vitest';
import { runChaos } from '../dev/chaos/run.ts';
import { demoStack } from './demo-stack.ts';

const stack = demoStack();

describe('the fault run, in short', () => {
  it('loses no lead, messages nobody twice or against their will, and mirrors every message', {
    timeout: 240_000,
  }, async () => {
    const { faults, unconfirmed, ...result } = await runChaos(
      { ...stack, bundle: '', pageId: '' },
      { leads: 100, seconds: 20, settleSeconds: 180, say: () => {} },
    );
    expect(result).toEqual({
      leads: 100,
      lost: 0,
      doubled: 0,
      ghosts: 0,
      suppressedMessaged: 0,
      unaccounted: 0,
      inboxPending: 0,
    });
    for (const name of ['worker', 'server', 'temporal', 'postgres', 'valkey'])
      expect(faults[`kill ${name}`]).toBeGreaterThanOrEqual(1);
    expect(faults['send again']).toBeGreaterThanOrEqual(1);
    expect(unconfirmed).toBeLessThan(100);
  });
});

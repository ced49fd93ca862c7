import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { connectRedis, type RedisConnections } from './client.ts';
import { createUsageGate } from './usage-gate.ts';

let one: RedisConnections;
let two: RedisConnections;
beforeAll(async () => {
  one = connectRedis(inject('redisUrl'));
  two = connectRedis(inject('redisUrl'));
  for (const redis of [one, two]) await vi.waitFor(async () => expect(await redis.isUp()).toBe(true), 20_000);
});
afterAll(() => {
  for (const redis of [one, two]) redis.close();
});
const aScope = () => `${randomUUID()}:ads_insights`;
const near = (ms: number) => expect.toSatisfy((value: number) => value <= ms && value > ms - 5000);

describe("Meta's limits, shared by all workers", () => {
  it('close for everybody when one worker learns of it, for as long as Meta named', async () => {
    const scope = aScope();
    await createUsageGate(one).record({ scope, ratio: 0.96, regainMs: 120_000 });
    const elsewhere = createUsageGate(two);
    expect(await elsewhere.waitMs(scope)).toEqual(near(120_000));
    expect(await elsewhere.waitMs(aScope())).toBe(0);
  });

  it('are never opened earlier by a shorter wait', async () => {
    const scope = aScope();
    await createUsageGate(one).close(scope, 60_000);
    await createUsageGate(two).close(scope, 1000);
    expect(await createUsageGate(two).waitMs(scope)).toEqual(near(60_000));
    await createUsageGate(two).close(scope, 90_000);
    expect(await createUsageGate(one).waitMs(scope)).toEqual(near(90_000));
  });

  it('slow everybody from 80 % on', async () => {
    const scope = aScope();
    await createUsageGate(one).record({ scope, ratio: 0.875, regainMs: 0 });
    expect(await createUsageGate(two).paceMs(scope)).toBe(1000);
    expect(await createUsageGate(two).waitMs(scope)).toBe(0);
  });

  it('count calls of which Meta says nothing together: 200 an hour', async () => {
    const scope = `${randomUUID()}:unsaid`;
    const gates = [createUsageGate(one), createUsageGate(two)];
    for (let i = 0; i < 199; i++) await gates[i % 2]?.countBlind(scope);
    expect(await gates[0]?.waitMs(scope)).toBe(0);
    await gates[1]?.countBlind(scope);
    expect(await gates[0]?.waitMs(scope)).toEqual(near(3_600_000));
  });

  it('can be read for the page that tells of them', async () => {
    const [full, calm] = [aScope(), aScope()];
    await createUsageGate(one).record({ scope: full, ratio: 0.97, regainMs: 60_000 });
    expect(await createUsageGate(two).readings([full, calm])).toEqual([
      { scope: full, ratio: 0.97, waitMs: near(60_000) },
      { scope: calm, ratio: null, waitMs: 0 },
    ]);
  });
});

describe('while Redis is away', () => {
  it('each worker keeps the restraint it learnt itself, and the page knows nothing', async () => {
    const away = connectRedis('redis://127.0.0.1:1');
    const gate = createUsageGate(away);
    const scope = aScope();
    await gate.record({ scope, ratio: 0.99, regainMs: 30_000 });
    expect(await gate.waitMs(scope)).toEqual(near(30_000));
    expect(await gate.paceMs(scope)).toBe(2000);
    expect(await gate.readings([scope])).toBeNull();
    away.close();
  });

  it('works without any Redis at all', async () => {
    const gate = createUsageGate(undefined);
    const scope = aScope();
    await gate.close(scope, 5000);
    expect(await gate.waitMs(scope)).toEqual(near(5000));
  });
});

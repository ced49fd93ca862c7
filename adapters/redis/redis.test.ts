import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { startValkey, type Valkey } from '../../dev/stack/valkey.ts';
import type { LiveTopic } from '../../domain/live.ts';
import { createCache } from './cache.ts';
import { connectRedis, type RedisConnections } from './client.ts';
import { createRateLimit } from './limits.ts';
import { createLiveUpdates } from './live-updates.ts';

const patience = { timeout: 20_000, interval: 50 };
let nextTenant = 700_000;
let tenantId: number;
beforeEach(() => {
  tenantId = nextTenant++;
});

async function connected(url: string): Promise<RedisConnections> {
  const redis = connectRedis(url);
  afterAll(() => redis.close());
  await vi.waitFor(async () => expect(await redis.isUp()).toBe(true), patience);
  return redis;
}
/** Something made that counts how often. */
function counted() {
  let made = 0;
  return { make: async () => ({ made: ++made }), times: () => made };
}

describe('with Redis', () => {
  let one: RedisConnections;
  let two: RedisConnections;
  beforeAll(async () => {
    one = await connected(inject('redisUrl'));
    two = await connected(inject('redisUrl'));
  });

  describe('the cache', () => {
    it('makes a value once for all servers, until it is over', async () => {
      const { make, times } = counted();
      expect(await createCache(one).remember(tenantId, 'stats', 900, make)).toEqual({ made: 1 });
      expect(await createCache(two).remember(tenantId, 'stats', 900, make)).toEqual({ made: 1 });
      expect(times()).toBe(1);
      const keys = await one.commands.keys(`hub:${tenantId}:cache:*`);
      expect(keys).toHaveLength(1);
      const left = await one.commands.ttl(keys[0] ?? '');
      expect([left > 890, left <= 900]).toEqual([true, true]);
    });

    it('makes a value once for all who ask at the same moment', async () => {
      const cache = createCache(one);
      const { make, times } = counted();
      const values = await Promise.all(Array.from({ length: 20 }, () => cache.remember(tenantId, 'stats', 900, make)));
      expect([times(), values.length]).toEqual([1, 20]);
    });

    it('forgets everything of a tenant at once, on every server, and nothing of another', async () => {
      const [cache, elsewhere] = [createCache(one), createCache(two)];
      const other = nextTenant++;
      for (const id of [tenantId, other]) await cache.remember(id, 'stats', 900, async () => 'old');
      await elsewhere.invalidate(tenantId);
      expect(await cache.remember(tenantId, 'stats', 900, async () => 'new')).toBe('new');
      expect(await cache.remember(other, 'stats', 900, async () => 'new')).toBe('old');
    });

    it('keeps no value that was begun before the change', async () => {
      const cache = createCache(one);
      const begun = Promise.withResolvers<string>();
      const slow = cache.remember(tenantId, 'stats', 900, () => begun.promise);
      await vi.waitFor(async () => expect(await one.isUp()).toBe(true), patience);
      await cache.invalidate(tenantId);
      const fresh = cache.remember(tenantId, 'stats', 900, async () => 'new');
      expect(await fresh).toBe('new');
      begun.resolve('old');
      expect(await slow).toBe('old');
      expect(await cache.remember(tenantId, 'stats', 900, async () => 'newer')).toBe('new');
    });

    it('keeps near only what Redis still vouches for', async () => {
      const [cache, elsewhere] = [createCache(one), createCache(two)];
      const { make, times } = counted();
      await cache.invalidate(tenantId);
      for (let visit = 0; visit < 3; visit++) await cache.remember(tenantId, 'stats', 900, make);
      expect(times()).toBe(1);
      await one.commands.del(await one.commands.keys(`hub:${tenantId}:cache:*`));
      expect(await cache.remember(tenantId, 'stats', 900, make)).toEqual({ made: 2 });
      await elsewhere.invalidate(tenantId);
      expect(await cache.remember(tenantId, 'stats', 900, make)).toEqual({ made: 3 });
    });

    it('keeps nothing of a failure, and the next one tries again', async () => {
      const cache = createCache(one);
      await expect(cache.remember(tenantId, 'stats', 900, () => Promise.reject(new Error('x')))).rejects.toThrow('x');
      expect(await cache.remember(tenantId, 'stats', 900, async () => 'fine')).toBe('fine');
    });
  });

  describe('a limit', () => {
    it('is shared by all servers, a key at a time, and says how long to wait', async () => {
      const given = { points: 3, seconds: 60 };
      const [here, there] = [createRateLimit(one, 'test', given), createRateLimit(two, 'test', given)];
      await here.count(`${tenantId}:a`);
      await there.count(`${tenantId}:a`);
      await here.count(`${tenantId}:a`);
      await expect(there.count(`${tenantId}:a`)).rejects.toMatchObject({
        code: 'rate_limited',
        retryAfterMs: expect.any(Number),
      });
      await here.count(`${tenantId}:b`);
    });
  });

  describe('live updates', () => {
    it('reach the pages of every server, of that tenant only', async () => {
      const [here, there] = [createLiveUpdates(one), createLiveUpdates(two)];
      const heard: string[] = [];
      here.subscribe(tenantId, (topic) => heard.push(`here ${topic}`));
      const leave = there.subscribe(tenantId, (topic) => heard.push(`there ${topic}`));
      there.subscribe(nextTenant++, (topic) => heard.push(`stranger ${topic}`));
      await vi.waitFor(() => {
        here.publish(tenantId, 'sync');
        expect(new Set(heard)).toEqual(new Set(['here sync', 'there sync']));
      }, patience);
      leave();
      heard.length = 0;
      await vi.waitFor(() => {
        here.publish(tenantId, 'leads');
        expect(heard).toContain('here leads');
      }, patience);
      expect(heard.filter((each) => !each.startsWith('here'))).toEqual([]);
    });
  });
});

describe('while Redis is away', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hub-valkey-'));
  let valkey: Valkey;
  let redis: RedisConnections;
  beforeAll(async () => {
    vi.stubEnv('REDIS_URL', '');
    valkey = await startValkey({ logFile: join(folder, 'valkey.log') });
    redis = await connected(valkey.url);
  });
  afterAll(async () => {
    await valkey.stop();
    rmSync(folder, { recursive: true });
    vi.unstubAllEnvs();
  });

  async function away<T>(work: () => Promise<T>): Promise<T> {
    await valkey.program?.stop();
    await vi.waitFor(async () => expect(await redis.isUp()).toBe(false), patience);
    try {
      return await work();
    } finally {
      await valkey.restart();
      await vi.waitFor(async () => expect(await redis.isUp()).toBe(true), patience);
    }
  }

  it('values are kept in memory and still made once, and a change still forgets them', () =>
    away(async () => {
      const cache = createCache(redis);
      const { make, times } = counted();
      await Promise.all([cache.remember(tenantId, 'stats', 900, make), cache.remember(tenantId, 'stats', 900, make)]);
      expect(await cache.remember(tenantId, 'stats', 900, make)).toEqual({ made: 1 });
      await cache.invalidate(tenantId);
      expect(await cache.remember(tenantId, 'stats', 900, make)).toEqual({ made: 2 });
      expect(times()).toBe(2);
    }));

  it('no value that was begun before a change outlives it', () =>
    away(async () => {
      const cache = createCache(redis);
      const begun = Promise.withResolvers<string>();
      const slow = cache.remember(tenantId, 'stats', 900, () => begun.promise);
      await cache.remember(tenantId, 'other', 900, async () => 'settled');
      await cache.invalidate(tenantId);
      expect(await cache.remember(tenantId, 'stats', 900, async () => 'new')).toBe('new');
      begun.resolve('old');
      expect(await slow).toBe('old');
      expect(await cache.remember(tenantId, 'stats', 900, async () => 'newer')).toBe('new');
    }));

  it('a change is made good on every server when Redis is back with its old values', async () => {
    const [cache, elsewhere] = [createCache(redis), createCache(await connected(valkey.url))];
    await cache.remember(tenantId, 'stats', 900, async () => 'old');
    const told = vi.spyOn(redis.commands, 'set').mockRejectedValueOnce(new Error('Command timed out'));
    await cache.invalidate(tenantId);
    expect(await elsewhere.remember(tenantId, 'stats', 900, async () => 'new')).toBe('old');
    redis.commands.emit('ready');
    await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(2), patience);
    await told.mock.results[1]?.value;
    told.mockRestore();
    expect(await elsewhere.remember(tenantId, 'stats', 900, async () => 'new')).toBe('new');
    expect(await cache.remember(tenantId, 'stats', 900, async () => 'newer')).toBe('new');
  });

  it('a change nobody heard of is made good before this server reads again', async () => {
    const cache = createCache(redis);
    await cache.remember(tenantId, 'stats', 900, async () => 'old');
    vi.spyOn(redis.commands, 'set').mockRejectedValueOnce(new Error('Command timed out'));
    await cache.invalidate(tenantId);
    expect(await cache.remember(tenantId, 'stats', 900, async () => 'new')).toBe('new');
  });

  it('limits count on in this server alone', () =>
    away(async () => {
      const limit = createRateLimit(redis, 'test', { points: 2, seconds: 60 });
      await limit.count(`${tenantId}`);
      await limit.count(`${tenantId}`);
      await expect(limit.count(`${tenantId}`)).rejects.toMatchObject({ code: 'rate_limited' });
    }));

  it('live updates stay within this server, and go out again once it is back', async () => {
    const live = createLiveUpdates(redis);
    const elsewhere = createLiveUpdates(await connected(valkey.url));
    const [here, there]: LiveTopic[][] = [[], []];
    live.subscribe(tenantId, (topic) => here?.push(topic));
    elsewhere.subscribe(tenantId, (topic) => there?.push(topic));
    await away(async () => {
      live.publish(tenantId, 'sync');
      await vi.waitFor(() => expect(here).toEqual(['sync']), patience); // the client may notice only by trying
    });
    await vi.waitFor(() => {
      live.publish(tenantId, 'leads');
      expect([here?.includes('leads'), there?.includes('leads')]).toEqual([true, true]);
    }, patience);
  });
});

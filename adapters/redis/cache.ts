import type { RedisConnections } from './client.ts';

export interface Cache {
  /** The stored value of `key`, else what `make` gives, stored for `ttlS` seconds. Callers at the same moment share one `make`. */
  remember<T>(tenantId: number, key: string, ttlS: number, make: () => Promise<T>): Promise<T>;
  /** Forgets everything of the tenant, on every server. */
  invalidate(tenantId: number): Promise<void>;
}

const MEMORY_ENTRIES = 500;

/**
 * JSON values by tenant. A tenant's keys carry its generation, so one increment forgets them all. While Redis is away values live in this process, for
 * at most a minute, because the other servers' changes cannot be heard.
 */
export function createCache(redis: RedisConnections | undefined): Cache {
  const memory = new Map<string, { value: string; until: number }>();
  const making = new Map<string, Promise<unknown>>();

  const read = async (
    tenantId: number,
    key: string,
  ): Promise<{ stored: string | null; name: string; shared: boolean }> => {
    try {
      if (!redis) throw new Error('no redis');
      const generation = (await redis.commands.get(`hub:${tenantId}:cache:generation`)) ?? '0';
      const name = `hub:${tenantId}:cache:${generation}:${key}`;
      return { stored: await redis.commands.get(name), name, shared: true };
    } catch {
      const name = `${tenantId}:${key}`;
      const entry = memory.get(name);
      return { stored: entry && entry.until > Date.now() ? entry.value : null, name, shared: false };
    }
  };

  const write = async (name: string, shared: boolean, value: string, ttlS: number): Promise<void> => {
    if (shared) return void (await redis?.commands.set(name, value, 'EX', ttlS).catch(() => {}));
    if (memory.size >= MEMORY_ENTRIES) memory.delete(memory.keys().next().value ?? '');
    memory.set(name, { value, until: Date.now() + Math.min(ttlS, 60) * 1000 });
  };

  return {
    async remember<T>(tenantId: number, key: string, ttlS: number, make: () => Promise<T>): Promise<T> {
      const { stored, name, shared } = await read(tenantId, key);
      if (stored !== null) return JSON.parse(stored) as T;
      const underway = making.get(name) as Promise<T> | undefined;
      if (underway) return underway;
      const promise = make().finally(() => making.delete(name));
      making.set(name, promise);
      const value = await promise;
      await write(name, shared, JSON.stringify(value), ttlS);
      return value;
    },
    async invalidate(tenantId) {
      for (const name of memory.keys()) if (name.startsWith(`${tenantId}:`)) memory.delete(name);
      await redis?.commands.incr(`hub:${tenantId}:cache:generation`).catch(() => {});
    },
  };
}

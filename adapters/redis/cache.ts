import { randomUUID } from 'node:crypto';
import type { RedisConnections } from './client.ts';

export interface Cache {
  /** The stored value of `key`, else what `make` gives, stored for `ttlS` seconds. Callers at the same moment share one `make`; nobody may change what they get. */
  remember<T>(tenantId: number, key: string, ttlS: number, make: () => Promise<T>): Promise<T>;
  /** Forgets everything of the tenant, on every server. */
  invalidate(tenantId: number): Promise<void>;
}

const MEMORY_ENTRIES = 500;
const NEAR_ENTRIES = 100;
const NEAR_MS = 60_000;

/**
 * JSON values by tenant. A tenant's keys carry its generation, so a new one forgets them all, and a value begun before it is never found after it.
 * What Redis gave stays near for a minute: then only the generation is asked for, and no megabyte is read again.
 * While Redis is away values live in this process, for at most a minute, because the other servers' changes cannot be heard.
 */
export function createCache(redis: RedisConnections | undefined): Cache {
  const memory = new Map<string, { value: string; until: number }>();
  const making = new Map<string, Promise<unknown>>();
  const generations = new Map<number, number>();
  /** Tenants of whose change Redis has not heard: it may come back with their old values. */
  const unheard = new Set<number>();

  const near = new Map<string, { value: unknown; until: number }>();
  const keepNear = (name: string, value: unknown): void => {
    if (near.size >= NEAR_ENTRIES) near.delete(near.keys().next().value ?? '');
    near.set(name, { value, until: Date.now() + NEAR_MS });
  };
  const nearTo = (name: string): unknown => {
    const entry = near.get(name);
    if (entry !== undefined && entry.until > Date.now()) return entry.value;
    near.delete(name);
    return undefined;
  };

  // Its value is never used twice: a Redis that lost its keys would count from the start.
  const generationKey = (tenantId: number) => `hub:${tenantId}:cache:generation`;
  const announce = async (connections: RedisConnections, tenantId: number): Promise<void> => {
    unheard.delete(tenantId);
    try {
      await connections.commands.set(generationKey(tenantId), randomUUID());
    } catch (error) {
      unheard.add(tenantId);
      throw error;
    }
  };
  redis?.commands.on('ready', () => {
    for (const tenantId of unheard) announce(redis, tenantId).catch(() => {}); // stays unheard
  });

  const read = async (tenantId: number, key: string): Promise<{ found: unknown; name: string; shared: boolean }> => {
    try {
      if (!redis) throw new Error('no redis');
      if (unheard.has(tenantId)) await announce(redis, tenantId);
      const generation = await redis.commands.get(generationKey(tenantId));
      const name = `hub:${tenantId}:cache:${generation ?? '0'}:${key}`;
      const known = generation === null ? undefined : nearTo(name);
      if (known !== undefined) return { found: known, name, shared: true };
      const found = parsed(await redis.commands.get(name));
      if (found !== undefined) keepNear(name, found);
      return { found, name, shared: true };
    } catch {
      const name = `${tenantId}:${generations.get(tenantId) ?? 0}:${key}`;
      const entry = memory.get(name);
      return { found: parsed(entry && entry.until > Date.now() ? entry.value : null), name, shared: false };
    }
  };

  const write = async (name: string, shared: boolean, value: string, ttlS: number): Promise<void> => {
    if (shared) return void (await redis?.commands.set(name, value, 'EX', ttlS).catch(() => {}));
    if (memory.size >= MEMORY_ENTRIES) memory.delete(memory.keys().next().value ?? '');
    memory.set(name, { value, until: Date.now() + Math.min(ttlS, 60) * 1000 });
  };

  return {
    async remember<T>(tenantId: number, key: string, ttlS: number, make: () => Promise<T>): Promise<T> {
      const { found, name, shared } = await read(tenantId, key);
      if (found !== undefined) return found as T;
      const underway = making.get(name) as Promise<T> | undefined;
      if (underway) return underway;
      // Until it is stored: whoever looked before that finds it here.
      const promise = make()
        .then(async (value) => {
          await write(name, shared, JSON.stringify(value), ttlS);
          return value;
        })
        .finally(() => making.delete(name));
      making.set(name, promise);
      return promise;
    },
    async invalidate(tenantId) {
      generations.set(tenantId, (generations.get(tenantId) ?? 0) + 1);
      for (const name of memory.keys()) if (name.startsWith(`${tenantId}:`)) memory.delete(name);
      if (redis) await announce(redis, tenantId).catch(() => {}); // made good as soon as it is back
    },
  };
}

const parsed = (stored: string | null): unknown => (stored === null ? undefined : JSON.parse(stored));

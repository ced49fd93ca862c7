import {
  BLIND_CALLS_AN_HOUR,
  closesFor,
  createMemoryGate,
  HOUR_MS,
  paceFor,
  READING_MS,
  type ScopeReading,
  type UsageGate,
} from '../../domain/meta-usage.ts';
import type { RedisConnections } from './client.ts';

const closedKey = (scope: string): string => `hub:meta:closed:${scope}`;
const ratioKey = (scope: string): string => `hub:meta:ratio:${scope}`;
const blindKey = (scope: string): string => `hub:meta:blind:${scope}`;

export interface SharedUsageGate extends UsageGate {
  /** What is known of these scopes; null while Redis is away, for then nobody knows what the workers know. */
  readings(scopes: readonly string[]): Promise<ScopeReading[] | null>;
}

/**
 * Meta's limits, shared by all workers: who hits one closes it for everybody. Each process also keeps what it saw itself, so that a Redis that is
 * away costs the sharing and not the restraint.
 */
export function createUsageGate(redis: RedisConnections | undefined, now: () => number = Date.now): SharedUsageGate {
  const memory = createMemoryGate(now);
  const orNothing = async <T>(ask: (commands: RedisConnections['commands']) => Promise<T>): Promise<T | undefined> => {
    try {
      return redis === undefined ? undefined : await ask(redis.commands);
    } catch {
      return undefined; // /readyz says that Redis is away
    }
  };
  const close = async (scope: string, ms: number): Promise<void> => {
    await memory.close(scope, ms);
    const left = Math.max(1, Math.round(ms));
    await orNothing(async (commands) => {
      const made = await commands.set(closedKey(scope), '1', 'PX', left, 'NX');
      if (made === null) await commands.pexpire(closedKey(scope), left, 'GT'); // a longer wait is not made shorter
    });
  };
  return {
    async waitMs(scope) {
      const shared = await orNothing((commands) => commands.pttl(closedKey(scope)));
      return Math.max(await memory.waitMs(scope), shared ?? 0, 0);
    },
    async paceMs(scope) {
      const shared = await orNothing((commands) => commands.get(ratioKey(scope)));
      return Math.max(await memory.paceMs(scope), paceFor(Number(shared ?? 0)));
    },
    async record(usage) {
      await memory.record(usage);
      await orNothing((commands) => commands.set(ratioKey(usage.scope), usage.ratio.toFixed(4), 'PX', READING_MS));
      const ms = closesFor(usage);
      if (ms > 0) await close(usage.scope, ms);
    },
    async countBlind(scope) {
      await memory.countBlind(scope);
      await orNothing(async (commands) => {
        const calls = await commands.incr(blindKey(scope));
        if (calls === 1) await commands.pexpire(blindKey(scope), HOUR_MS);
        if (calls >= BLIND_CALLS_AN_HOUR) await close(scope, Math.max(1, await commands.pttl(blindKey(scope))));
      });
    },
    close,
    async readings(scopes) {
      const found = await orNothing(async (commands) =>
        Promise.all(
          scopes.map(async (scope): Promise<ScopeReading> => {
            const [ratio, wait] = [await commands.get(ratioKey(scope)), await commands.pttl(closedKey(scope))];
            return { scope, ratio: ratio === null ? null : Number(ratio), waitMs: Math.max(0, wait) };
          }),
        ),
      );
      return found ?? null;
    },
  };
}

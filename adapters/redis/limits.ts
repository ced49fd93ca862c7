import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { AppError } from '../../domain/error.ts';
import type { RedisConnections } from './client.ts';

export interface RateLimit {
  /** Counts one call of `key`. Throws `AppError('rate_limited')` with `retryAfterMs` when there were too many. */
  count(key: string): Promise<void>;
}

/** At most `points` calls in `seconds` a key, shared by all servers; each counts alone while Redis is away. */
export function createRateLimit(
  redis: RedisConnections | undefined,
  name: string,
  { points, seconds }: { points: number; seconds: number },
): RateLimit {
  const memory = new RateLimiterMemory({ points, duration: seconds });
  const limiter = redis
    ? new RateLimiterRedis({
        storeClient: redis.commands,
        keyPrefix: `hub:limit:${name}`,
        points,
        duration: seconds,
        insuranceLimiter: memory,
      })
    : memory;
  return {
    async count(key) {
      try {
        await limiter.consume(key);
      } catch (error) {
        if (!(error instanceof RateLimiterRes)) throw error;
        throw new AppError('rate_limited', `more than ${points} calls in ${seconds} s`, {
          retryAfterMs: error.msBeforeNext,
        });
      }
    },
  };
}

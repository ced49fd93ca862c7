import { Redis } from 'ioredis';

export interface RedisConnections {
  /** For commands; each fails at once while the server is away. */
  commands: Redis;
  /** For subscriptions, which ioredis restores by itself. */
  subscriber: Redis;
  /** Whether Redis answers now. Never throws. */
  isUp(): Promise<boolean>;
  close(): void;
}

/** Redis may vanish at any moment: nothing here waits for it, queues for it or stops the program. */
export function connectRedis(url: string): RedisConnections {
  const commands = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 1000,
    commandTimeout: 500,
    retryStrategy: (times) => Math.min(200 * times, 2000),
  });
  const subscriber = commands.duplicate({
    enableOfflineQueue: true,
    maxRetriesPerRequest: null,
    commandTimeout: undefined as never,
  });
  for (const redis of [commands, subscriber]) redis.on('error', () => {}); // shown by /readyz; without a listener it is printed
  return {
    commands,
    subscriber,
    async isUp() {
      try {
        return (await commands.ping()) === 'PONG';
      } catch {
        return false;
      }
    },
    close() {
      commands.disconnect();
      subscriber.disconnect();
    },
  };
}

import type { MetaReply } from '../../domain/meta-reply.ts';
import type { RedisConnections } from './client.ts';

const KEPT = 20;
const DAY_S = 24 * 60 * 60;
const keyOf = (assetId: string): string => `hub:meta:replies:${assetId}`;

/** The last replies of each ad account, for the debug switch: workers put them there, the server shows them. They may vanish. */
export function createMetaReplies(redis: RedisConnections | undefined) {
  return {
    keep(reply: MetaReply): void {
      if (redis === undefined || reply.assetId === null) return;
      const key = keyOf(reply.assetId);
      const kept = redis.commands
        .multi()
        .lpush(key, JSON.stringify(reply))
        .ltrim(key, 0, KEPT - 1)
        .expire(key, DAY_S);
      kept.exec().catch(() => {}); // a look behind the scenes is worth no failure
    },
    /** Newest first, of these accounts; none while Redis is away. */
    async of(assetIds: readonly string[]): Promise<MetaReply[]> {
      if (redis === undefined) return [];
      const { commands } = redis;
      const lists = await Promise.all(assetIds.map((id) => commands.lrange(keyOf(id), 0, -1))).catch(() => []);
      const replies = lists.flat().map((text) => JSON.parse(text) as MetaReply);
      return replies.sort((a, b) => b.at.localeCompare(a.at));
    },
  };
}

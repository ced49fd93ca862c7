import { EventEmitter } from 'node:events';
import type { LiveTopic, LiveUpdates } from '../../domain/live.ts';
import type { RedisConnections } from './client.ts';

const prefix = 'hub:live:';

/** Live updates over Redis, so that every web instance hears them; inside this process alone while Redis is away. */
export function createLiveUpdates(redis: RedisConnections | undefined): LiveUpdates {
  const here = new EventEmitter().setMaxListeners(0);
  const isConnected = () => redis?.commands.status === 'ready';
  redis?.subscriber.psubscribe(`${prefix}*`).catch(() => {}); // restored by ioredis when the server is back
  redis?.subscriber.on('pmessage', (_pattern, channel, topic) => here.emit(channel.slice(prefix.length), topic));
  return {
    publish(tenantId, topic) {
      if (!isConnected()) return void here.emit(String(tenantId), topic);
      redis?.commands.publish(`${prefix}${tenantId}`, topic).catch(() => here.emit(String(tenantId), topic));
    },
    subscribe(tenantId, listener: (topic: LiveTopic) => void) {
      here.on(String(tenantId), listener);
      return () => here.off(String(tenantId), listener);
    },
  };
}

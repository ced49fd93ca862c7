import type { Request, Response } from 'express';
import type { LiveUpdates } from '../domain/live.ts';
import { callerOf, type Route } from './route.ts';

const HEARTBEAT_MS = 25_000;

export interface LiveStreams {
  routes: Route[];
  /** Ends every open stream: an open one keeps the server from closing. */
  close(): void;
}

/** Server-sent events: the names of what changed, never data. Each live region reloads itself; nothing is replayed. */
export function createLiveStreams(live: LiveUpdates): LiveStreams {
  const open = new Set<Response>();
  const stream = (req: Request, res: Response): void => {
    res
      .status(200)
      .set({ 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    res.flushHeaders();
    res.write(': connected\n\n');
    const unsubscribe = live.subscribe(callerOf(req).tenantId, (topic) => res.write(`event: ${topic}\ndata: \n\n`));
    const heartbeat = setInterval(() => res.write(': still here\n\n'), HEARTBEAT_MS);
    open.add(res);
    res.once('close', () => {
      clearInterval(heartbeat);
      unsubscribe();
      open.delete(res);
    });
  };
  return {
    routes: [{ method: 'get', path: '/events', access: 'person', handler: stream }],
    close() {
      for (const res of open) res.end();
    },
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from './log.ts';

/** Tries again every second until it works: at start, the database or Temporal may come up a moment after us. */
export async function retrying<T>(what: string, log: Logger, attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === 1 || tries % 30 === 0) log.warn({ err: error, tries }, `${what} does not answer yet`);
      await sleep(1000);
    }
  }
}

import type { Logger } from '../adapters/log.ts';
import type { Access } from '../adapters/postgres/system-events.ts';

export interface AccessLog {
  add(access: Access): void;
  /** Writes what is left. */
  close(): Promise<void>;
}

const EVERY_MS = 1000;
const MOST = 10_000;

/** Collects access rows and writes them in batches, outside of requests. While the database is away the newest are kept, up to a bound. */
export function createAccessLog(save: (accesses: readonly Access[]) => Promise<void>, log: Logger): AccessLog {
  let waiting: Access[] = [];
  let writing: Promise<void> = Promise.resolve();

  const write = async () => {
    if (waiting.length === 0) return;
    const batch = waiting;
    waiting = [];
    try {
      await save(batch);
    } catch (error) {
      log.warn({ err: error, rows: batch.length }, 'access rows wait for the database');
      waiting = [...batch, ...waiting].slice(-MOST);
    }
  };
  const timer = setInterval(() => {
    writing = writing.then(write);
  }, EVERY_MS);
  timer.unref();

  return {
    add: (access) => void waiting.push(access),
    async close() {
      clearInterval(timer);
      await writing;
      await write();
    },
  };
}

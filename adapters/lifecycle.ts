import type { Logger } from './log.ts';

const STOP_WITHIN_MS = 20_000;

/**
 * Runs `stop` once on SIGINT, SIGTERM or the parent's death, and ends the process within 20 seconds whatever happens.
 * npm does not pass SIGTERM on, so the parent's pid is watched; a parent that gave us a pipe as stdin also ends us by closing it.
 */
export function stopWithParent(log: Logger, stop: () => Promise<void>): void {
  let stopping = false;
  const end = async (why: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ why }, 'stopping');
    setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
    try {
      await stop();
      process.exit(0);
    } catch (error) {
      log.error({ err: error }, 'stopping failed');
      process.exit(1);
    }
  };
  process.once('SIGINT', () => void end('SIGINT'));
  process.once('SIGTERM', () => void end('SIGTERM'));
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) void end('parent died');
  }, 500).unref();
  if (process.env['STOP_ON_STDIN_END'] === 'true') {
    process.stdin.resume();
    process.stdin.once('end', () => void end('parent closed stdin'));
  }
}

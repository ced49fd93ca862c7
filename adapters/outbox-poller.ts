import type { Logger } from './log.ts';

export interface OutboxPollerDeps {
  /** What is due, the oldest first. */
  due: () => Promise<readonly { tenant_id: number; object_id: string }[]>;
  /** Does one; its failure is its own matter, and it is due again later. */
  work: (tenantId: number, id: string) => Promise<void>;
  everyMs: number;
  log: Logger;
}

const AT_ONCE = 4;

/** Works off an outbox that nothing waits for, apart from the inbox's dispatcher: however slow its other side, nothing else is held up. */
export function startOutboxPoller({ due, work, everyMs, log }: OutboxPollerDeps): { stop(): Promise<void> } {
  let stopping = false;
  let wake = () => {};
  const rest = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, everyMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const one = ({ tenant_id: tenantId, object_id: id }: { tenant_id: number; object_id: string }) =>
    work(tenantId, id).catch((error: unknown) => log.warn({ err: error, tenantId }, 'a copy will be tried again'));
  const running = (async () => {
    while (!stopping) {
      const rows = await due().catch((error: unknown) => {
        log.warn({ err: error }, 'the outbox cannot be read');
        return [];
      });
      for (let at = 0; at < rows.length && !stopping; at += AT_ONCE)
        await Promise.all(rows.slice(at, at + AT_ONCE).map(one));
      if (rows.length === 0 && !stopping) await rest();
    }
  })();
  return {
    async stop() {
      stopping = true;
      wake();
      await running;
    },
  };
}

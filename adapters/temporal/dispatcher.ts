import { AppError } from '../../domain/error.ts';
import type { Logger } from '../log.ts';

/** A leased inbox row. */
export interface InboxRow {
  id: number;
  tenant_id: number | null;
  provider: 'meta' | 'ycloud';
  kind: string;
  subject: string | null;
  source_id: string | null;
  attempts: number;
  received_at: Date;
}

export interface DispatcherDeps {
  take: (max: number, perTenant: number) => Promise<readonly InboxRow[]>;
  done: (tenantId: number, ids: readonly number[]) => Promise<unknown>;
  failed: (tenantId: number, ids: readonly number[], error: string) => Promise<number>;
  release: (tenantId: number, ids: readonly number[]) => Promise<unknown>;
  dueWork: () => Promise<readonly { work: string; tenant_id: number; object_id: string }[]>;
  /** Starts the intake of one Meta lead. */
  startIntake: (lead: {
    tenantId: number;
    leadgenId: string;
    pageId: string | null;
    receivedAt: number;
  }) => Promise<void>;
  /** Applies one tenant's YCloud rows, marking each done, to be tried again, or ignored. */
  applyYcloud: (tenantId: number, rows: readonly InboxRow[]) => Promise<void>;
  work: Readonly<Record<string, (tenantId: number, objectId: string) => Promise<void>>>;
  onParked: (count: number) => void;
  log: Logger;
}

export interface Dispatcher {
  /** There is something new: look now. */
  nudge(): void;
  /** Finishes the round under way, hands back what it did not get to. */
  stop(): Promise<void>;
}

const BATCH = 100;
const PER_TENANT = 20;
const IDLE_MS = 1_000;
const AFTER_ERROR_MS = 2_000;
const DUE_WORK_EVERY_MS = 2_000;
const DUE_AT_ONCE = 20;

/**
 * Moves inbox rows on: leads into Temporal, everything of YCloud straight into the tables. A loop in each process and not a workflow, because it must run
 * while Temporal is down. Order is assumed nowhere.
 */
export function startDispatcher(deps: DispatcherDeps): Dispatcher {
  const { log } = deps;
  let stopping = false;
  let wake = () => {};
  let nudged = false;
  let dueWorkAt = 0;

  const rest = (ms: number) =>
    new Promise<void>((resolve) => {
      if (nudged || stopping) return resolve();
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const loop = async () => {
    while (!stopping) {
      nudged = false;
      try {
        const taken = await deps.take(BATCH, PER_TENANT);
        await dispatch(deps, taken, () => stopping);
        if (Date.now() >= dueWorkAt) {
          dueWorkAt = Date.now() + DUE_WORK_EVERY_MS;
          await doDueWork(deps, () => stopping);
        }
        if (taken.length === 0) await rest(IDLE_MS);
      } catch (error) {
        log.warn({ err: error }, 'dispatcher round failed');
        nudged = false;
        await rest(AFTER_ERROR_MS);
      }
    }
  };
  const running = loop();
  return {
    nudge() {
      nudged = true;
      wake();
    },
    async stop() {
      stopping = true;
      wake();
      await running;
    },
  };
}

async function dispatch(deps: DispatcherDeps, taken: readonly InboxRow[], isStopping: () => boolean): Promise<void> {
  const byTenant = Map.groupBy(taken, (row) => row.tenant_id ?? 0);
  await Promise.all(
    [...byTenant].map(async ([tenantId, rows]) => {
      if (isStopping()) return void (await deps.release(tenantId, idsOf(rows)));
      const [leads, messages] = [
        rows.filter((row) => row.provider === 'meta'),
        rows.filter((row) => row.provider === 'ycloud'),
      ];
      await Promise.all([startIntakes(deps, tenantId, leads), applyMessages(deps, tenantId, messages)]);
    }),
  );
}

/** Each start stands alone: one that fails does not hold the others back. */
async function startIntakes(deps: DispatcherDeps, tenantId: number, rows: readonly InboxRow[]): Promise<void> {
  const results = await Promise.allSettled(
    rows.map(({ subject, source_id, received_at }) =>
      deps.startIntake({ tenantId, leadgenId: subject ?? '', pageId: source_id, receivedAt: received_at.getTime() }),
    ),
  );
  const started = rows.filter((_, i) => results[i]?.status === 'fulfilled');
  const refused = rows.filter((_, i) => results[i]?.status === 'rejected');
  if (started.length > 0) await deps.done(tenantId, idsOf(started));
  if (refused.length > 0)
    await retryLater(deps, tenantId, refused, results.find((result) => result.status === 'rejected')?.reason);
}

/** One that cannot be applied holds no other up: where together they failed, each is tried alone. */
async function applyMessages(deps: DispatcherDeps, tenantId: number, rows: readonly InboxRow[]): Promise<void> {
  if (rows.length === 0) return;
  try {
    await deps.applyYcloud(tenantId, rows);
  } catch (error) {
    if (rows.length === 1 || error instanceof AppError) return retryLater(deps, tenantId, rows, error);
    for (const row of rows) await applyMessages(deps, tenantId, [row]);
  }
}

async function retryLater(
  deps: DispatcherDeps,
  tenantId: number,
  rows: readonly InboxRow[],
  error: unknown,
): Promise<void> {
  const code = error instanceof AppError ? error.code : 'unexpected';
  deps.log.warn({ err: error, tenantId, rows: rows.length }, 'inbox rows will be tried again');
  const parked = await deps.failed(tenantId, idsOf(rows), code);
  if (parked > 0) deps.onParked(parked);
}

/** Some at a time, so that neither many nor a slow one hold the inbox up; of a kind whose other side is away no more are begun. */
async function doDueWork({ dueWork, work, log }: DispatcherDeps, isStopping: () => boolean): Promise<void> {
  const due = [...(await dueWork())];
  const away = new Set<string>();
  while (due.length > 0 && !isStopping()) {
    const some = due.splice(0, DUE_AT_ONCE).filter((each) => !away.has(each.work));
    await Promise.all(
      some.map(async ({ work: name, tenant_id, object_id }) => {
        try {
          await work[name]?.(tenant_id, object_id);
        } catch (error) {
          if (error instanceof AppError && error.code === 'unavailable') away.add(name);
          log.warn({ err: error, work: name, tenantId: tenant_id }, 'due work will be tried again');
        }
      }),
    );
  }
}

const idsOf = (rows: readonly InboxRow[]): number[] => rows.map((row) => row.id);

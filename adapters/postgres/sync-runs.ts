import { sql } from 'slonik';
import { z } from 'zod';
import { type Actor, system } from '../../domain/actor.ts';
import { instant } from './instant.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const kind = z.enum(['first', 'scheduled', 'manual']);
export type SyncKind = z.output<typeof kind>;

export const syncRunRow = z
  .object({
    id: z.string(),
    kind,
    state: z.enum(['running', 'done', 'failed']),
    error_code: z.string().nullable(),
    accounts_total: z.number(),
    accounts_done: z.number(),
    campaigns: z.number(),
    insight_rows: z.number(),
    calls: z.number(),
    started_at: instant,
    finished_at: instant.nullable(),
  })
  .transform((row) => ({
    id: row.id,
    kind: row.kind,
    state: row.state,
    errorCode: row.error_code,
    accountsTotal: row.accounts_total,
    accountsDone: row.accounts_done,
    campaigns: row.campaigns,
    insightRows: row.insight_rows,
    calls: row.calls,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  }));
export type SyncRun = z.output<typeof syncRunRow>;

const idRow = z.object({ id: z.string() });
const askedRow = z.object({ asked_at: z.date().nullable(), run_at: z.date().nullable() });
const sinceRow = z.object({ since: z.date().nullable() });

const SYNC = { type: 'sync', id: 'campaigns' };

export type SyncRuns = ReturnType<typeof createSyncRuns>;

/** One row a campaign sync, its progress counted while it runs. */
export function createSyncRuns({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** The run of this Temporal run id: made once, found again by a repeat. Runs that were left `running` by a lost one end as failed. */
    start: (tenantId: number, run: { kind: SyncKind; workflowRunId: string; accountsTotal: number }): Promise<string> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          UPDATE sync_runs SET state = 'failed', error_code = 'interrupted', finished_at = now()
          WHERE tenant_id = ${tenantId} AND state = 'running' AND workflow_run_id <> ${run.workflowRunId}`);
        const made = await tx.maybeOne(sql.type(idRow)`
          INSERT INTO sync_runs (tenant_id, kind, workflow_run_id, accounts_total)
          VALUES (${tenantId}, ${run.kind}, ${run.workflowRunId}, ${run.accountsTotal})
          ON CONFLICT (tenant_id, workflow_run_id) DO NOTHING
          RETURNING id`);
        if (made === null) {
          const found = await tx.one(sql.type(idRow)`
            SELECT id FROM sync_runs WHERE tenant_id = ${tenantId} AND workflow_run_id = ${run.workflowRunId}`);
          return found.id;
        }
        const details = { runId: made.id, kind: run.kind, accounts: run.accountsTotal };
        await audited(tx, { tenantId, name: 'sync.started', actor: system('campaign-sync'), object: SYNC, details });
        return made.id;
      }),
    /** Calls made and campaigns read so far: added, in the sync's own steps. */
    addProgress: (
      tenantId: number,
      runId: string,
      { calls = 0, campaigns = 0, accounts = 0 }: { calls?: number; campaigns?: number; accounts?: number },
    ): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          UPDATE sync_runs SET calls = calls + ${calls}, campaigns = campaigns + ${campaigns}, accounts_done = accounts_done + ${accounts}
          WHERE tenant_id = ${tenantId} AND id = ${runId}`);
      }),
    /** Ends a run, once. */
    finish: (tenantId: number, runId: string, errorCode: string | null): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(sql.type(syncRunRow)`
          UPDATE sync_runs SET state = ${errorCode === null ? 'done' : 'failed'}, error_code = ${errorCode}, finished_at = now()
          WHERE tenant_id = ${tenantId} AND id = ${runId} AND state = 'running'
          RETURNING ${columns}`);
        if (row === null) return;
        const { accountsDone: accounts, campaigns, insightRows, calls } = row;
        const details = { runId, accounts, campaigns, insightRows, calls, errorCode };
        await audited(tx, { tenantId, name: 'sync.finished', actor: system('campaign-sync'), object: SYNC, details });
      }),
    /** The newest run, or null before the first. */
    maybeLatest: (tenantId: number): Promise<SyncRun | null> => inTenant(tenantId, (tx) => latestRun(tx, tenantId)),
    /** The newest runs. */
    recent: (tenantId: number, limit = 20): Promise<readonly SyncRun[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(syncRunRow)`
          SELECT ${columns} FROM sync_runs WHERE tenant_id = ${tenantId} ORDER BY started_at DESC LIMIT ${limit}`),
      ),
    /** Since when every selected account is copied: the oldest of their last syncs, or null when one never was. */
    syncedSince: (tenantId: number): Promise<Date | null> => inTenant(tenantId, (tx) => syncedSince(tx, tenantId)),
    /** How long until a person may ask for a sync again, in milliseconds; 0 = now. */
    cooldownLeftMs: (tenantId: number, cooldownMs: number): Promise<number> =>
      inTenant(tenantId, (tx) => cooldownLeft(tx, tenantId, cooldownMs)),
    /**
     * Notes that a person asked for a sync now, unless one was asked for less than `cooldownMs` ago: then the milliseconds left.
     * The next run finds the note and calls itself manual.
     */
    ask: (tenantId: number, actor: Actor, cooldownMs: number): Promise<number> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`SELECT pg_advisory_xact_lock(hashtextextended(${`sync:${tenantId}`}, 0))`);
        const leftMs = await cooldownLeft(tx, tenantId, cooldownMs);
        if (leftMs > 0) return leftMs;
        await audited(tx, { tenantId, name: 'sync.asked', actor, object: SYNC });
        return 0;
      }),
    /** Whether a person asked for a sync that no run has answered yet. */
    isAsked: (tenantId: number): Promise<boolean> =>
      inTenant(tenantId, async (tx) => {
        const { asked_at, run_at } = await tx.one(sql.type(askedRow)`${askedQuery(tenantId)}`);
        return asked_at !== null && (run_at === null || asked_at > run_at);
      }),
  };
}

const columns = sql.fragment`id, kind, state, error_code, accounts_total, accounts_done, campaigns, insight_rows, calls, started_at, finished_at`;

const askedQuery = (tenantId: number) => sql.fragment`
  SELECT
    (SELECT max(created_at) FROM system_events
      WHERE tenant_id = ${tenantId} AND object_type = ${SYNC.type} AND object_id = ${SYNC.id} AND name = 'sync.asked') AS asked_at,
    (SELECT max(started_at) FROM sync_runs WHERE tenant_id = ${tenantId}) AS run_at`;

async function cooldownLeft(tx: Tx, tenantId: number, cooldownMs: number): Promise<number> {
  const { asked_at } = await tx.one(sql.type(askedRow)`${askedQuery(tenantId)}`);
  return asked_at === null ? 0 : Math.max(0, asked_at.getTime() + cooldownMs - Date.now());
}

/** The newest run, inside a transaction that reads more. */
export const latestRun = (tx: Tx, tenantId: number): Promise<SyncRun | null> =>
  tx.maybeOne(sql.type(syncRunRow)`${latestRunQuery(tenantId)}`);

export const latestRunQuery = (tenantId: number) =>
  sql.fragment`SELECT ${columns} FROM sync_runs WHERE tenant_id = ${tenantId} ORDER BY started_at DESC LIMIT 1`;

/** Since when every selected account is copied, inside a transaction that reads more. */
export async function syncedSince(tx: Tx, tenantId: number): Promise<Date | null> {
  const row = await tx.one(sql.type(sinceRow)`${syncedSinceQuery(tenantId)}`);
  return row.since;
}

export const syncedSinceQuery = (tenantId: number) => sql.fragment`
  SELECT CASE WHEN bool_and(last_synced_at IS NOT NULL) THEN min(last_synced_at) END AS since
  FROM ad_accounts WHERE tenant_id = ${tenantId} AND is_selected`;

import { sql } from 'slonik';
import { z } from 'zod';
import { connectionQuery, connectionRow, NOT_CONNECTED } from './connections.ts';
import { firstStepsQuery, stepsRow } from './first-steps.ts';
import { instant } from './instant.ts';
import { listRow, recentLeadsQuery } from './lead-pages.ts';
import type { Database } from './pool.ts';
import { latestRunQuery, syncedSinceQuery, syncRunRow } from './sync-runs.ts';

const RECENT_LEADS = 8;

const besideRow = z.object({
  connection: connectionRow.nullable(),
  latest: syncRunRow.nullable(),
  synced_at: instant.nullable(),
  recent: z.array(listRow),
  steps: stepsRow.nullable(),
});

/** What the hub shows beside its figures. */
export function createHubPage({ rowInTenant }: Pick<Database, 'rowInTenant'>) {
  return {
    /** All of it in one round trip, which is what a page costs. */
    async forTenant(tenantId: number, { withSteps }: { withSteps: boolean }) {
      const { connection, synced_at, ...beside } = await rowInTenant(
        tenantId,
        withSteps ? 'hub_page_with_steps' : 'hub_page',
        besideRow,
        sql.fragment`
          (SELECT to_jsonb(c) FROM (${connectionQuery(tenantId)}) AS c) AS connection,
          (SELECT to_jsonb(r) FROM (${latestRunQuery(tenantId)}) AS r) AS latest,
          (${syncedSinceQuery(tenantId)}) AS synced_at,
          (SELECT coalesce(jsonb_agg(l), '[]') FROM (${recentLeadsQuery(tenantId, RECENT_LEADS)}) AS l) AS recent,
          ${withSteps ? sql.fragment`(SELECT to_jsonb(s) FROM (${firstStepsQuery(tenantId)}) AS s)` : sql.fragment`NULL::jsonb`} AS steps`,
      );
      return { ...beside, connection: connection ?? NOT_CONNECTED, syncedAt: synced_at };
    },
  };
}
export type HubPage = ReturnType<typeof createHubPage>;

import { sql } from 'slonik';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import type { PageTrouble } from '../../domain/connection.ts';
import type { Vault } from '../../domain/vault.ts';
import { connectionOf } from './oauth-attempts.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const pageRow = z
  .object({
    page_id: z.string(),
    name: z.string(),
    tasks: z.array(z.string()),
    subscribed_at: z.date().nullable(),
    problem: z.enum(['page_role_lost', 'leads_access_missing', 'token_missing', 'app_removed']).nullable(),
  })
  .transform((row) => ({
    pageId: row.page_id,
    name: row.name,
    tasks: row.tasks,
    /** Since when its leads come here; null = not (any more). */
    subscribedAt: row.subscribed_at,
    /** Why it gives no leads now; null = nothing is known to be wrong. */
    problem: row.problem,
  }));
export type TenantPage = z.output<typeof pageRow>;

const tokenRow = z.object({ page_id: z.string(), access_token: z.string().nullable() });
const tenantRow = z.object({ tenant_id: z.number() });

/** A page to be connected, with its token in the clear: for one call's length only. */
export interface PageToConnect {
  pageId: string;
  name: string;
  tasks: readonly string[];
  accessToken: string;
}

export type Pages = ReturnType<typeof createPages>;

/** The pages whose leads a tenant receives. Page tokens are sealed. */
export function createPages({ pool, inTenant, vault }: Pick<Database, 'pool' | 'inTenant'> & { vault: Vault }) {
  return {
    listForTenant: (tenantId: number, limit = 500): Promise<readonly TenantPage[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(pageRow)`
          SELECT page_id, name, tasks, subscribed_at, problem FROM pages
          WHERE tenant_id = ${tenantId} AND subscribed_at IS NOT NULL
          ORDER BY name, page_id
          LIMIT ${limit}`),
      ),
    /** What a call to the page found; null when it answered. True when that is news. */
    markProblem: (tenantId: number, pageId: string, problem: PageTrouble | null): Promise<boolean> =>
      inTenant(tenantId, async (tx) => {
        const { rowCount } = await tx.query(sql.unsafe`
          UPDATE pages SET problem = ${problem}, updated_at = now()
          WHERE tenant_id = ${tenantId} AND page_id = ${pageId} AND subscribed_at IS NOT NULL AND problem IS DISTINCT FROM ${problem}`);
        if (rowCount === 0) return false;
        await audited(tx, {
          tenantId,
          name: problem === null ? 'connection.page_answers' : 'connection.page_refused',
          actor: system('connection'),
          object: connectionOf(tenantId),
          details: { pageId, problem },
        });
        return true;
      }),
    /** The page's own token, or null when the page is not connected here or has none. */
    maybeToken: (tenantId: number, pageId: string): Promise<string | null> =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(sql.type(tokenRow)`
          SELECT page_id, access_token FROM pages WHERE tenant_id = ${tenantId} AND page_id = ${pageId}`);
        return row?.access_token == null ? null : vault.open(row.access_token);
      }),
    /** The pages subscribed now, each with its token. */
    subscribedTokens: (tenantId: number): Promise<{ pageId: string; accessToken: string }[]> =>
      inTenant(tenantId, async (tx) => {
        const rows = await tx.any(sql.type(tokenRow)`
          SELECT page_id, access_token FROM pages
          WHERE tenant_id = ${tenantId} AND subscribed_at IS NOT NULL AND access_token IS NOT NULL
          ORDER BY page_id`);
        return rows.map((row) => ({ pageId: row.page_id, accessToken: vault.open(row.access_token ?? '') }));
      }),
    /** Every tenant that receives this page's leads, across tenants: ids only. */
    tenantsOf: async (pageId: string): Promise<number[]> => {
      const rows = await pool.any(sql.type(tenantRow)`SELECT tenant_id FROM tenants_of_page(${pageId})`);
      return rows.map((row) => row.tenant_id);
    },
  };
}

/** Makes exactly these pages the connected ones and adopts the leads that came for them before; inside the caller's transaction. */
export async function connectPages(
  tx: Tx,
  tenantId: number,
  pages: readonly PageToConnect[],
  vault: Vault,
): Promise<number> {
  const ids = pages.map(({ pageId }) => pageId);
  await releasePages(tx, tenantId, ids);
  if (pages.length === 0) return 0;
  const tuples = pages.map((page) => [
    tenantId,
    page.pageId,
    page.name,
    JSON.stringify(page.tasks),
    vault.seal(page.accessToken),
  ]);
  await tx.query(sql.unsafe`
    INSERT INTO pages (tenant_id, page_id, name, tasks, access_token, subscribed_at)
    SELECT tenant_id, page_id, name, ARRAY(SELECT jsonb_array_elements_text(tasks)), access_token, now()
    FROM ${sql.unnest(tuples, ['int4', 'text', 'text', 'jsonb', 'text'])} AS given (tenant_id, page_id, name, tasks, access_token)
    ON CONFLICT (tenant_id, page_id) DO UPDATE SET name = excluded.name, tasks = excluded.tasks,
      access_token = excluded.access_token, problem = NULL, subscribed_at = coalesce(pages.subscribed_at, excluded.subscribed_at),
      updated_at = now()`);
  return adoptOrphans(tx, tenantId, ids);
}

/** Stops receiving leads of every page but `except`, and erases their tokens; inside the caller's transaction. */
export async function releasePages(tx: Tx, tenantId: number, except: readonly string[] = []): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE pages SET subscribed_at = NULL, access_token = NULL, problem = NULL, updated_at = now()
    WHERE tenant_id = ${tenantId} AND NOT page_id = ANY(${sql.array([...except], 'text')})`);
}

// Each tenant that connects the page takes a copy: the row itself stays for the next one, and counts as an orphan only while nobody has the page.
async function adoptOrphans(tx: Tx, tenantId: number, pageIds: string[]): Promise<number> {
  const adopted = await tx.query(sql.unsafe`
    INSERT INTO webhook_events (provider, dedupe_key, tenant_id, kind, subject, source_id, payload, received_at)
    SELECT provider, dedupe_key || ':' || ${String(tenantId)}, ${tenantId}, kind, subject, source_id, payload, received_at FROM webhook_events
    WHERE provider = 'meta' AND state = 'orphan' AND tenant_id IS NULL AND source_id = ANY(${sql.array(pageIds, 'text')})
    ON CONFLICT DO NOTHING`);
  return adopted.rowCount;
}

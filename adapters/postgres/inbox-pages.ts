import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import { INBOX_ROWS_A_PAGE, type InboxState, inboxStates } from '../../domain/inbox.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

const countRow = z.object({ state: z.enum(inboxStates), rows: z.number(), oldest: z.date().nullable() });
const listRow = z.object({
  id: z.number(),
  provider: z.string(),
  kind: z.string(),
  received_at: z.date(),
  attempts: z.number(),
  next_attempt_at: z.date(),
  error: z.string().nullable(),
  page_name: z.string().nullable(),
});
export type InboxListRow = z.output<typeof listRow>;
const eventRow = listRow.extend({ state: z.string(), payload: z.string(), first_payload: z.string().nullable() });

// Counting on is not worth its time: "1,000 and more" says it all.
const MOST_COUNTED = 1000;

/** What the inbox's page shows and what a person may do there. */
export function createInboxPages({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** How many rows are in each state, and since when the oldest is. */
    counts: (tenantId: number) =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(countRow)`
          ${sql.join(
            inboxStates.map(
              (state) => sql.fragment`
                SELECT ${state}::text AS state, count(*) AS rows, min(e.received_at) AS oldest FROM (${rowsOf(tenantId, state)} LIMIT ${MOST_COUNTED}) e`,
            ),
            sql.fragment` UNION ALL `,
          )}`),
      ),

    /** The newest rows of a state, and one more than a page holds when there are more. */
    list: (tenantId: number, state: InboxState, page: number): Promise<readonly InboxListRow[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(listRow)`
          SELECT e.id, e.provider, e.kind, e.received_at, e.attempts, e.next_attempt_at, e.error, e.page_name
          FROM (${rowsOf(tenantId, state)}) e
          ORDER BY e.id DESC LIMIT ${INBOX_ROWS_A_PAGE + 1} OFFSET ${(page - 1) * INBOX_ROWS_A_PAGE}`),
      ),

    /** One row with its body, and for a conflict the body that counts. @throws {AppError} `not_found` */
    byId: (tenantId: number, id: number) =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(sql.type(eventRow)`
          SELECT w.id, w.provider, w.kind, w.received_at, w.attempts, w.next_attempt_at, w.error, w.state, w.payload, NULL AS page_name,
            CASE WHEN w.state = 'conflict' THEN (SELECT f.payload FROM webhook_events f
              WHERE f.tenant_id = w.tenant_id AND f.dedupe_key = regexp_replace(w.dedupe_key, ':[0-9a-f]{64}$', '') AND f.id <> w.id) END AS first_payload
          FROM webhook_events w WHERE w.tenant_id = ${tenantId} AND w.id = ${id}`);
        if (row === null) throw new AppError('not_found', 'no such inbox row');
        return row;
      }),

    /** Gives parked rows, one or all, their 20 tries again. Returns how many. */
    retry: (tenantId: number, id: number | 'all', actor: Actor): Promise<number> =>
      inTenant(tenantId, async (tx) => {
        const which = id === 'all' ? sql.fragment`true` : sql.fragment`id = ${id}`;
        const { rowCount } = await tx.query(sql.unsafe`
          UPDATE webhook_events SET state = 'pending', attempts = 0, next_attempt_at = now()
          WHERE tenant_id = ${tenantId} AND state = 'parked' AND ${which}`);
        if (rowCount > 0)
          await audited(tx, { tenantId, name: 'inbox.retried', actor, ...objectOf(id), details: { rows: rowCount } });
        return rowCount;
      }),

    /** A person has looked at a conflict: the first body goes on counting, the other is kept as ignored. False when it was none. */
    dismiss: (tenantId: number, id: number, actor: Actor): Promise<boolean> =>
      inTenant(tenantId, async (tx) => {
        const { rowCount } = await tx.query(sql.unsafe`
          UPDATE webhook_events SET state = 'ignored' WHERE tenant_id = ${tenantId} AND state = 'conflict' AND id = ${id}`);
        if (rowCount > 0) await audited(tx, { tenantId, name: 'inbox.conflict_dismissed', actor, ...objectOf(id) });
        return rowCount > 0;
      }),
  };
}
export type InboxPages = ReturnType<typeof createInboxPages>;

const objectOf = (id: number | 'all') => (id === 'all' ? {} : { object: { type: 'inbox_event', id: String(id) } });

// The state stands in the statement itself, so that the small indexes of what is not done serve it. An orphan belongs to nobody; it is shown to the
// tenant that had its page, unless that has it in its own inbox already.
const rowsOf = (tenantId: number, state: InboxState) =>
  state === 'orphan'
    ? sql.fragment`
        SELECT o.id, o.provider, o.kind, o.received_at, o.attempts, o.next_attempt_at, o.error, p.name AS page_name
        FROM pages p JOIN webhook_events o ON o.source_id = p.page_id AND o.state = 'orphan' AND o.tenant_id IS NULL AND o.provider = 'meta'
        WHERE p.tenant_id = ${tenantId} AND p.subscribed_at IS NULL
          AND NOT EXISTS (SELECT FROM webhook_events m WHERE m.tenant_id = ${tenantId} AND m.dedupe_key = o.dedupe_key || ':' || ${String(tenantId)})`
    : sql.fragment`
        SELECT w.id, w.provider, w.kind, w.received_at, w.attempts, w.next_attempt_at, w.error, NULL AS page_name
        FROM webhook_events w WHERE w.tenant_id = ${tenantId} AND w.state = ${sql.literalValue(state)}`;

import { sql } from 'slonik';
import { z } from 'zod';
import { type ReportedState, stateRank } from '../../domain/message-status.ts';
import type { Tx } from './pool.ts';

/** What the reply of a POST or a status webhook says about one message. */
export interface Report {
  externalId: string | null;
  providerId: string | null;
  wamid: string | null;
  state: ReportedState;
  at: Date;
  errorCode: string | null;
  /** Decimal text in `currency`. */
  price: string | null;
  currency: string | null;
}

const appliedRow = z.object({
  id: z.string(),
  state: z.string(),
  lead_id: z.string(),
  run_id: z.string().nullable(),
  rule_id: z.string().nullable(),
  origin: z.string(),
  attempt: z.number(),
  sender_phone: z.string(),
  error_code: z.string().nullable(),
  phone: z.string(),
  moved: z.boolean(),
  places: z.array(z.number()),
});
export type AppliedReport = z.output<typeof appliedRow>;

// Both ids spell the phone of whoever was erased out.
const isOfErased = sql.fragment`o.phone LIKE 'erased:%'`;

/**
 * The one function that moves messages: forward only, whatever order and however often reports come, and out of `unconfirmed` too. Matches by our external id,
 * then the provider's id, then the wamid, inside the tenant. One statement for the whole batch; `unmatched` are places in `reports`. The earliest time of each
 * state counts, and the price of `delivered` or `read` (the ones before are estimates), so that no order and no batching of the same reports ends differently.
 */
export async function applyReports(
  tx: Tx,
  tenantId: number,
  reports: readonly Report[],
): Promise<{ applied: readonly AppliedReport[]; unmatched: number[] }> {
  const tuples = reports.map((report, place) => [
    place,
    report.externalId,
    report.providerId,
    report.wamid,
    report.state,
    stateRank[report.state],
    report.at.toISOString(),
    report.errorCode,
    report.price,
    report.currency,
  ]);
  const ranks = Object.entries(stateRank);
  const applied = await tx.any(sql.type(appliedRow)`
    WITH given AS (
      SELECT * FROM ${sql.unnest(tuples, ['int4', 'text', 'text', 'text', 'text', 'int4', 'timestamptz', 'text', 'numeric', 'text'])}
        AS g (place, external_id, provider_id, wamid, state, rank, at, error_code, price, currency)
    ), matched AS (
      SELECT g.*, m.id FROM given g CROSS JOIN LATERAL (
        SELECT o.id FROM outbound_messages o
        WHERE o.tenant_id = ${tenantId} AND (o.external_id = g.external_id OR o.provider_id = g.provider_id OR o.wamid = g.wamid)
        ORDER BY o.external_id = g.external_id DESC NULLS LAST, o.provider_id = g.provider_id DESC NULLS LAST LIMIT 1) m
    ), merged AS (
      SELECT id, array_agg(place) AS places, max(rank) AS rank, (array_agg(state ORDER BY rank DESC))[1] AS state, max(provider_id) AS provider_id, max(wamid) AS wamid,
        min(at) FILTER (WHERE state = 'accepted') AS accepted_at, min(at) FILTER (WHERE state = 'sent') AS sent_at, min(at) FILTER (WHERE state = 'delivered') AS delivered_at,
        min(at) FILTER (WHERE state = 'read') AS read_at, min(at) FILTER (WHERE state IN ('failed', 'rejected')) AS ended_at,
        (array_agg(error_code ORDER BY rank DESC, error_code))[1] AS error_code,
        (array_agg(price ORDER BY rank DESC, price) FILTER (WHERE price IS NOT NULL))[1] AS price, max(rank) FILTER (WHERE price IS NOT NULL) AS price_rank,
        max(currency) AS currency
      FROM matched GROUP BY id
    ), ranked AS (
      SELECT o.id, o.state AS old_state, r.rank AS old_rank FROM outbound_messages o
      JOIN ${sql.unnest(ranks, ['text', 'int4'])} AS r (state, rank) ON r.state = o.state
      WHERE o.tenant_id = ${tenantId} AND o.id IN (SELECT id FROM merged) ORDER BY o.id FOR UPDATE OF o
    ), moved AS (
      UPDATE outbound_messages o SET
        state = CASE WHEN m.rank > k.old_rank THEN m.state ELSE o.state END,
        error_code = CASE WHEN m.rank > k.old_rank THEN m.error_code ELSE o.error_code END,
        provider_id = CASE WHEN ${isOfErased} THEN NULL ELSE coalesce(o.provider_id, m.provider_id) END, wamid = CASE WHEN ${isOfErased} THEN NULL ELSE coalesce(o.wamid, m.wamid) END,
        accepted_at = least(o.accepted_at, m.accepted_at), sent_at = least(o.sent_at, m.sent_at), delivered_at = least(o.delivered_at, m.delivered_at),
        read_at = least(o.read_at, m.read_at), ended_at = least(o.ended_at, m.ended_at),
        price = CASE WHEN o.price IS NULL OR m.price_rank >= least(k.old_rank, ${stateRank.delivered}) THEN coalesce(m.price, o.price) ELSE o.price END,
        price_currency = coalesce(m.currency, o.price_currency), updated_at = now()
      FROM merged m JOIN ranked k USING (id) WHERE o.tenant_id = ${tenantId} AND o.id = m.id
      RETURNING o.id, o.state, o.lead_id, o.run_id, o.rule_id, o.origin, o.attempt, o.sender_phone, o.error_code, o.phone, m.rank > k.old_rank AS moved, m.places,
        least(o.sent_at, o.delivered_at, o.read_at) AS left_at
    ), logged AS (
      UPDATE automation_logs a SET status = v.state, reason = v.error_code, updated_at = now()
      FROM moved v WHERE a.tenant_id = ${tenantId} AND a.outbound_message_id = v.id AND v.moved
    ), first_sent AS (
      UPDATE leads l SET first_message_at = v.left_at
      FROM (SELECT lead_id, min(left_at) AS left_at FROM moved GROUP BY lead_id) v
      WHERE l.tenant_id = ${tenantId} AND l.id = v.lead_id AND (l.first_message_at IS NULL OR l.first_message_at > v.left_at) AND v.left_at IS NOT NULL
    )
    SELECT id, state, lead_id, run_id, rule_id, origin, attempt, sender_phone, error_code, phone, moved, places FROM moved`);
  const known = new Set(applied.flatMap((row) => row.places));
  return { applied, unmatched: reports.map((_, place) => place).filter((place) => !known.has(place)) };
}

const endedRow = z.object({ id: z.string(), workflow_id: z.string() });

/** A message that failed or was refused ends the run that sent it, with that outcome. Gives the runs that ended just now: their workflows are told. */
export async function endRunsOf(
  tx: Tx,
  tenantId: number,
  moved: readonly AppliedReport[],
): Promise<readonly { runId: string; workflowId: string }[]> {
  const ends = moved.flatMap(({ run_id, state }) =>
    run_id !== null && (state === 'failed' || state === 'rejected')
      ? [[run_id, state === 'failed' ? 'message_failed' : 'rejected']]
      : [],
  );
  if (ends.length === 0) return [];
  const ended = await tx.any(sql.type(endedRow)`
    UPDATE automation_runs r SET state = 'stopped', reason = e.reason, updated_at = now()
    FROM ${sql.unnest(ends, ['uuid', 'text'])} AS e (id, reason)
    WHERE r.tenant_id = ${tenantId} AND r.id = e.id AND r.state IN ('active', 'waiting') RETURNING r.id, r.workflow_id`);
  return ended.map((row) => ({ runId: row.id, workflowId: row.workflow_id }));
}

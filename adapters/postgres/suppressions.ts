import { sql } from 'slonik';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import { liftedBy } from '../../domain/consent.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

/** What YCloud keeps for itself. */
export const YCLOUD_LIST = 'ycloud_list';

const pushRow = z.object({
  phone: z.string(),
  is_lifted: z.boolean(),
  /** Another reason not to write to them stands. */
  stands: z.boolean(),
});
export type OptOutToPush = z.output<typeof pushRow>;
const MOST_PUSHES = 40;

/** The list of those who want no more messages, beside the one that YCloud keeps. */
export function createSuppressions({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Takes one that YCloud's list is to be told of; nobody else does for a while, longer each time. Null when there is nothing to tell. */
    takePush: (tenantId: number, id: string): Promise<OptOutToPush | null> =>
      inTenant(tenantId, (tx) =>
        tx.maybeOne(sql.type(pushRow)`
          UPDATE suppressions s SET push_attempts = push_attempts + 1,
            push_at = CASE WHEN push_attempts < ${MOST_PUSHES} THEN now() + least(power(2, push_attempts) * interval '30 seconds', interval '6 hours') END
          WHERE s.tenant_id = ${tenantId} AND s.id = ${id} AND s.push_at <= now()
          RETURNING s.phone, s.lifted_at IS NOT NULL AS is_lifted,
            EXISTS (SELECT FROM suppressions o WHERE o.tenant_id = s.tenant_id AND o.phone = s.phone AND o.id <> s.id AND o.lifted_at IS NULL) AS stands`),
      ),

    /** YCloud's list says what this row says, or needs not. One that was lifted meanwhile is told of again. */
    pushed: (tenantId: number, id: string, given: { isLifted: boolean; isTold: boolean }): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const { rowCount } = await tx.query(sql.unsafe`
          UPDATE suppressions SET push_at = NULL, pushed_at = CASE WHEN ${given.isTold && !given.isLifted} THEN now() END
          WHERE tenant_id = ${tenantId} AND id = ${id} AND (lifted_at IS NOT NULL) = ${given.isLifted}`);
        if (rowCount === 0 || !given.isTold) return;
        const name = given.isLifted ? 'suppression.withdrawn' : 'suppression.pushed';
        await audited(tx, {
          tenantId,
          name,
          actor: system('opt-outs'),
          object: { type: 'suppression', id },
          details: {},
        });
      }),

    /** Adds whoever YCloud's list names and ours does not know. Whom ours is about to take off theirs is not new. Gives how many are. */
    merge: (tenantId: number, entries: readonly { phone: string; at: Date }[]): Promise<number> =>
      inTenant(tenantId, async (tx) => {
        const rows = entries.map(({ phone, at }) => [phone, at.toISOString()]);
        const { rowCount } = await tx.query(sql.unsafe`
          INSERT INTO suppressions (tenant_id, phone, source, created_at)
          SELECT DISTINCT ON (g.phone) ${tenantId}::int, g.phone, ${YCLOUD_LIST}, g.at FROM ${sql.unnest(rows, ['text', 'timestamptz'])} AS g (phone, at)
          WHERE NOT EXISTS (SELECT FROM suppressions s WHERE s.tenant_id = ${tenantId} AND s.phone = g.phone AND (s.lifted_at IS NULL OR s.push_at IS NOT NULL))
          ON CONFLICT DO NOTHING`);
        if (rowCount > 0)
          await audited(tx, {
            tenantId,
            name: 'suppressions.pulled',
            actor: system('opt-outs'),
            details: { count: rowCount },
          });
        return rowCount;
      }),
  };
}
export type Suppressions = ReturnType<typeof createSuppressions>;

/** Whether an entry of YCloud's list is the one that we put, or are putting, there ourselves. */
export const isOurEcho = (tx: Tx, tenantId: number, phone: string): Promise<boolean> =>
  tx.exists(sql.unsafe`
    SELECT FROM suppressions WHERE tenant_id = ${tenantId} AND phone = ${phone} AND (pushed_at IS NOT NULL OR push_attempts > 0) AND (lifted_at IS NULL OR push_at IS NOT NULL)`);

/** No more messages to this phone. A later stop from the same source moves its time, so that no older "start again" lifts it. */
export async function suppress(tx: Tx, tenantId: number, phone: string, source: string, at: Date): Promise<void> {
  const added = await tx.maybeOneFirst(sql.type(z.object({ is_new: z.boolean() }))`
    INSERT INTO suppressions (tenant_id, phone, source, created_at, push_at)
    VALUES (${tenantId}, ${phone}, ${source}, ${at.toISOString()}::timestamptz, CASE WHEN ${source} <> ${YCLOUD_LIST} THEN now() END)
    ON CONFLICT (tenant_id, phone, source) WHERE lifted_at IS NULL DO UPDATE SET created_at = greatest(suppressions.created_at, excluded.created_at)
    RETURNING xmax = 0 AS is_new`);
  if (added === true)
    await audited(tx, { tenantId, name: 'suppression.added', actor: system('conversations'), details: { source } });
}

/** Takes back what was said before `at` and is covered by this source; stops from other sources stand. */
export async function lift(tx: Tx, tenantId: number, phone: string, source: string, at: Date): Promise<void> {
  const { rowCount } = await tx.query(sql.unsafe`
    UPDATE suppressions SET lifted_at = now(), push_at = CASE WHEN pushed_at IS NOT NULL OR push_attempts > 0 THEN now() END, push_attempts = 0
    WHERE tenant_id = ${tenantId} AND phone = ${phone} AND lifted_at IS NULL AND created_at < ${at.toISOString()}::timestamptz
      AND source = ANY(${sql.array([...liftedBy(source)], 'text')})`);
  if (rowCount > 0)
    await audited(tx, { tenantId, name: 'suppression.lifted', actor: system('conversations'), details: { source } });
}

import { sql } from 'slonik';
import { z } from 'zod';
import { type Actor, system } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const idRow = z.object({ id: z.string() });
const sellerRow = z.object({
  id: z.string(),
  name: z.string(),
  takes_turns: z.boolean(),
  leads: z.number(),
  open_leads: z.number(),
  last_given_at: z.date().nullable(),
});
export type Seller = z.output<typeof sellerRow>;

/** Who looks after which lead. */
export function createSellers({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** The people of the tenant with how many leads each has. */
    list: (tenantId: number): Promise<readonly Seller[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(sellerRow)`
          SELECT u.id, u.name, t.user_id IS NOT NULL AS takes_turns, t.last_given_at, coalesce(c.leads, 0) AS leads, coalesce(c.open_leads, 0) AS open_leads
          FROM users u
          LEFT JOIN seller_turns t ON t.tenant_id = u.tenant_id AND t.user_id = u.id
          LEFT JOIN (SELECT seller_id, count(*) AS leads, count(*) FILTER (WHERE status IN ('new', 'contacted', 'opportunity')) AS open_leads
            FROM leads WHERE tenant_id = ${tenantId} AND seller_id IS NOT NULL AND merged_into IS NULL GROUP BY seller_id) c ON c.seller_id = u.id
          WHERE u.tenant_id = ${tenantId} AND u.disabled_at IS NULL ORDER BY u.name, u.id LIMIT 200`),
      ),

    /** Gives the lead to somebody, or to nobody; false where it was theirs already. @throws {AppError} `not_found`; `invalid` for somebody who is not here */
    assign: (tenantId: number, leadId: string, sellerId: string | null, actor: Actor): Promise<boolean> =>
      inTenant(tenantId, async (tx) => {
        const before = await tx.maybeOne(sql.type(z.object({ seller_id: z.string().nullable() }))`
          SELECT seller_id FROM leads WHERE tenant_id = ${tenantId} AND id = ${leadId} FOR UPDATE`);
        if (before === null) throw new AppError('not_found', 'no such lead');
        if (before.seller_id === sellerId) return false;
        const isHere =
          sellerId === null ||
          (await tx.exists(sql.unsafe`
            SELECT FROM users WHERE tenant_id = ${tenantId} AND id = ${sellerId} AND disabled_at IS NULL`));
        if (!isHere) throw new AppError('invalid', 'no such seller');
        await give(tx, tenantId, leadId, sellerId, actor);
        return true;
      }),

    /** Exactly these people take new leads in turn; who stays keeps their place. @throws {AppError} `invalid` for somebody who is not here */
    setTurns: (tenantId: number, userIds: readonly string[], actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const ids = sql.array([...new Set(userIds)], 'uuid');
        await tx.query(
          sql.unsafe`DELETE FROM seller_turns WHERE tenant_id = ${tenantId} AND NOT user_id = ANY(${ids})`,
        );
        await tx.query(sql.unsafe`
          INSERT INTO seller_turns (tenant_id, user_id)
          SELECT tenant_id, id FROM users WHERE tenant_id = ${tenantId} AND disabled_at IS NULL AND id = ANY(${ids})
          ON CONFLICT (tenant_id, user_id) DO NOTHING`);
        const known = await tx.oneFirst(
          sql.type(z.object({ n: z.number() }))`SELECT count(*) AS n FROM seller_turns WHERE tenant_id = ${tenantId}`,
        );
        if (known !== new Set(userIds).size) throw new AppError('invalid', 'no such seller');
        await audited(tx, {
          tenantId,
          name: 'sellers.turns_changed',
          actor,
          details: { userIds: [...new Set(userIds)] },
        });
      }),
  };
}
export type Sellers = ReturnType<typeof createSellers>;

/** Gives a lead that nobody has to whoever waits longest, where leads go in turn; inside the caller's transaction. Two leads at once go to two people. */
export async function giveInTurn(tx: Tx, tenantId: number, leadId: string): Promise<void> {
  const next = await tx.maybeOne(sql.type(idRow)`
    SELECT t.user_id AS id FROM seller_turns t JOIN users u ON u.tenant_id = t.tenant_id AND u.id = t.user_id AND u.disabled_at IS NULL
    WHERE t.tenant_id = ${tenantId} AND EXISTS (SELECT FROM leads WHERE tenant_id = ${tenantId} AND id = ${leadId} AND seller_id IS NULL)
    LIMIT 1`);
  if (next === null) return;
  // Who comes second waits here, then reads again who is next.
  await tx.query(sql.unsafe`SELECT pg_advisory_xact_lock(hashtextextended(${`seller-turns:${tenantId}`}, 0))`);
  const { id } = await tx.one(sql.type(idRow)`
    UPDATE seller_turns SET last_given_at = clock_timestamp() WHERE tenant_id = ${tenantId} AND user_id = (
      SELECT t.user_id FROM seller_turns t JOIN users u ON u.tenant_id = t.tenant_id AND u.id = t.user_id AND u.disabled_at IS NULL
      WHERE t.tenant_id = ${tenantId} ORDER BY t.last_given_at NULLS FIRST, t.user_id LIMIT 1)
    RETURNING user_id AS id`);
  await give(tx, tenantId, leadId, id, system('seller-turns'));
}

async function give(tx: Tx, tenantId: number, leadId: string, sellerId: string | null, actor: Actor): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE leads SET seller_id = ${sellerId}, updated_at = now() WHERE tenant_id = ${tenantId} AND id = ${leadId}`);
  const object = { type: 'lead', id: leadId };
  await audited(tx, { tenantId, name: 'lead.seller_changed', actor, object, details: { to: sellerId } });
}

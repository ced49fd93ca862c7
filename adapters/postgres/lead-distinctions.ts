import { sql } from 'slonik';
import type { Actor } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

/** Pairs that look alike and are two people: the page offers them no more. */
export function createLeadDistinctions({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** A person says that the two are not one. Twice is once. @throws {AppError} `not_found` */
    tellApart: (tenantId: number, leadId: string, otherId: string, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const both = await tx.anyFirst(
          sql.unsafe`SELECT id FROM leads WHERE tenant_id = ${tenantId} AND id = ANY(${sql.array([leadId, otherId], 'uuid')})`,
        );
        if (both.length < 2) throw new AppError('not_found', 'no such lead');
        const { rowCount } = await tx.query(sql.unsafe`
          INSERT INTO lead_distinctions (tenant_id, lead_id, other_id)
          VALUES (${tenantId}, least(${leadId}::uuid, ${otherId}::uuid), greatest(${leadId}::uuid, ${otherId}::uuid)) ON CONFLICT DO NOTHING`);
        if (rowCount > 0) await auditBoth(tx, tenantId, 'lead.told_apart', [leadId, otherId], actor);
      }),

    /** Takes that back: the two are offered again. @throws {AppError} `not_found` */
    forget: (tenantId: number, leadId: string, otherId: string, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const { rowCount } = await tx.query(sql.unsafe`
          DELETE FROM lead_distinctions
          WHERE tenant_id = ${tenantId} AND lead_id = least(${leadId}::uuid, ${otherId}::uuid) AND other_id = greatest(${leadId}::uuid, ${otherId}::uuid)`);
        if (rowCount === 0) throw new AppError('not_found', 'these two were not told apart');
        await auditBoth(tx, tenantId, 'lead.perhaps_alike', [leadId, otherId], actor);
      }),
  };
}
export type LeadDistinctions = ReturnType<typeof createLeadDistinctions>;

/** Whether a person told leads `l` and `o` apart. */
export const toldApart = sql.fragment`
  EXISTS (SELECT FROM lead_distinctions d WHERE d.tenant_id = l.tenant_id AND d.lead_id = least(l.id, o.id) AND d.other_id = greatest(l.id, o.id))`;

async function auditBoth(tx: Tx, tenantId: number, name: string, ids: [string, string], actor: Actor): Promise<void> {
  for (const [id, other] of [ids, ids.toReversed()])
    await audited(tx, {
      tenantId,
      name,
      actor,
      object: { type: 'lead', id: id ?? '' },
      details: { other: other ?? '' },
    });
}

import { sql } from 'slonik';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import { liftedBy } from '../../domain/consent.ts';
import type { Tx } from './pool.ts';
import { audited } from './system-events.ts';

/** No more messages to this phone. A later stop from the same source moves its time, so that no older "start again" lifts it. */
export async function suppress(tx: Tx, tenantId: number, phone: string, source: string, at: Date): Promise<void> {
  const added = await tx.maybeOneFirst(sql.type(z.object({ is_new: z.boolean() }))`
    INSERT INTO suppressions (tenant_id, phone, source, created_at) VALUES (${tenantId}, ${phone}, ${source}, ${at.toISOString()}::timestamptz)
    ON CONFLICT (tenant_id, phone, source) WHERE lifted_at IS NULL DO UPDATE SET created_at = greatest(suppressions.created_at, excluded.created_at)
    RETURNING xmax = 0 AS is_new`);
  if (added === true)
    await audited(tx, { tenantId, name: 'suppression.added', actor: system('conversations'), details: { source } });
}

/** Takes back what was said before `at` and is covered by this source; stops from other sources stand. */
export async function lift(tx: Tx, tenantId: number, phone: string, source: string, at: Date): Promise<void> {
  const { rowCount } = await tx.query(sql.unsafe`
    UPDATE suppressions SET lifted_at = now()
    WHERE tenant_id = ${tenantId} AND phone = ${phone} AND lifted_at IS NULL AND created_at < ${at.toISOString()}::timestamptz
      AND source = ANY(${sql.array([...liftedBy(source)], 'text')})`);
  if (rowCount > 0)
    await audited(tx, { tenantId, name: 'suppression.lifted', actor: system('conversations'), details: { source } });
}

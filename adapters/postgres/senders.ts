import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

const senderRow = z.object({
  id: z.string(),
  waba_id: z.string(),
  phone: z.string(),
  status: z.string(),
  quality: z.string().nullable(),
  is_default: z.boolean(),
});
export type Sender = z.output<typeof senderRow>;

/** The tenant's business numbers; one is the default. */
export function createSenders({ pool, inTenant }: Pick<Database, 'pool' | 'inTenant'>) {
  return {
    listForTenant: (tenantId: number): Promise<readonly Sender[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(
          sql.type(
            senderRow,
          )`SELECT id, waba_id, phone, status, quality, is_default FROM whatsapp_senders WHERE tenant_id = ${tenantId} ORDER BY phone LIMIT 100`,
        ),
      ),
    /** Which of these numbers another tenant on the global key sends from. */
    takenByOthers: async (tenantId: number, phones: readonly string[]): Promise<ReadonlySet<string>> => {
      const rows = await pool.any(sql.type(z.object({ phone: z.string() }))`
        SELECT DISTINCT p.phone FROM unnest(${sql.array([...phones], 'text')}) AS p (phone), tenants_of_sender(NULL, p.phone) AS t
        WHERE t.tenant_id <> ${tenantId}`);
      return new Set(rows.map(({ phone }) => phone));
    },

    /** Makes the number the tenant's default sender. */
    choose: (
      tenantId: number,
      { wabaId, phone, status, quality }: { wabaId: string; phone: string; status: string; quality: string | null },
      actor: Actor,
    ) =>
      inTenant(tenantId, async (tx) => {
        await tx.query(
          sql.unsafe`UPDATE whatsapp_senders SET is_default = false WHERE tenant_id = ${tenantId} AND is_default AND phone <> ${phone}`,
        );
        await tx.query(sql.unsafe`
          INSERT INTO whatsapp_senders (tenant_id, waba_id, phone, status, quality, is_default) VALUES (${tenantId}, ${wabaId}, ${phone}, ${status}, ${quality}, true)
          ON CONFLICT (tenant_id, phone) DO UPDATE SET waba_id = excluded.waba_id, status = excluded.status, quality = excluded.quality, is_default = true, updated_at = now()`);
        await audited(tx, { tenantId, name: 'whatsapp_sender.chosen', actor, details: { wabaId } });
      }),
  };
}
export type Senders = ReturnType<typeof createSenders>;

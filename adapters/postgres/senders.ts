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

const balanceRow = z
  .object({ amount: z.string(), currency: z.string(), read_at: z.date(), spent: z.string() })
  .transform((row) => ({ amount: row.amount, currency: row.currency, readAt: row.read_at, spentInAWeek: row.spent }));
/** Money as decimal text. */
export type SenderBalance = z.output<typeof balanceRow>;

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

    noteBalance: (tenantId: number, { amount, currency }: { amount: string; currency: string }): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          UPDATE whatsapp_senders SET balance = ${amount}::numeric, balance_currency = ${currency}, balance_at = now() WHERE tenant_id = ${tenantId}`);
      }),
    /** What was left when it was last read, and what the messages of the last week cost in the same currency; null before the first reading. */
    maybeBalance: (tenantId: number): Promise<SenderBalance | null> =>
      inTenant(tenantId, (tx) =>
        tx.maybeOne(sql.type(balanceRow)`
          SELECT round(s.balance, 6)::text AS amount, s.balance_currency AS currency, s.balance_at AS read_at,
            (SELECT round(coalesce(sum(m.price), 0), 6)::text FROM outbound_messages m WHERE m.tenant_id = s.tenant_id
              AND m.price_currency = s.balance_currency AND m.created_at > now() - interval '7 days') AS spent
          FROM whatsapp_senders s WHERE s.tenant_id = ${tenantId} AND s.is_default AND s.balance IS NOT NULL`),
      ),
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

import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { type Choice, DROP_ALL, type Resumption } from '../../domain/held-runs.ts';
import { tenantIds } from './gauges.ts';
import { heldRuns, letGo } from './held-runs.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const stateRow = z.object({
  sending: z.enum(['on', 'paused']),
  installation: z.enum(['on', 'paused', 'held']),
  restored_at: z.date().nullable(),
  /** The code that paused it, when no person did. */
  stopped_by: z.string().nullable(),
  changed_at: z.date().nullable(),
  changed_by: z.string().nullable(),
});

export interface Released {
  counts: Record<Choice, number>;
  workflowIds: readonly string[];
}

/** The tenant's switch for all of its messages, and what the switch held back. */
export function createSending({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Both switches, who moved the tenant's last, and what waits behind it. */
    state: (tenantId: number) =>
      inTenant(tenantId, async (tx) => ({
        ...(await tx.one(sql.type(stateRow)`
          SELECT t.sending, t.sending_stopped_by AS stopped_by, i.sending AS installation, i.restored_at, e.created_at AS changed_at, e.name AS changed_by
          FROM tenants t CROSS JOIN installation_state i
          LEFT JOIN LATERAL (SELECT s.created_at, u.name FROM system_events s LEFT JOIN users u ON u.tenant_id = s.tenant_id AND u.id::text = s.actor_id
            WHERE s.tenant_id = t.id AND s.object_type = 'sending' AND s.object_id = t.id::text ORDER BY s.id DESC LIMIT 1) e ON true
          WHERE t.id = ${tenantId}`)),
        paused: await heldRuns(tx, tenantId, { by: 'sending_paused' }),
        restored: await heldRuns(tx, tenantId, { by: 'held_after_restore' }),
      })),

    /** From now on nothing leaves; false when it was paused already. */
    pause: (tenantId: number, actor: Actor): Promise<boolean> =>
      inTenant(tenantId, async (tx) => {
        if (!(await move(tx, tenantId, 'on', 'paused'))) return false;
        await noted(tx, tenantId, 'sending.paused', actor, {});
        return true;
      }),

    /** Sending goes on; in the same transaction what was held back is dropped, let go or spread out, so that nothing slips through between. */
    resume: (tenantId: number, resumption: Resumption, actor: Actor): Promise<Released> =>
      inTenant(tenantId, async (tx) => {
        if (!(await move(tx, tenantId, 'paused', 'on')))
          return { counts: { drop: 0, send: 0, space: 0 }, workflowIds: [] };
        const released = await letGo(tx, tenantId, { by: 'sending_paused' }, resumption);
        await noted(tx, tenantId, 'sending.resumed', actor, released.counts);
        return released;
      }),

    /** Decides what happens to messages from before a restore: they may have left already, in the time that the restore does not know. */
    release: (tenantId: number, resumption: Resumption, actor: Actor): Promise<Released> =>
      inTenant(tenantId, async (tx) => {
        const released = await letGo(tx, tenantId, { by: 'held_after_restore' }, resumption);
        await noted(tx, tenantId, 'sending.released', actor, released.counts);
        return released;
      }),
  };
}
export type Sending = ReturnType<typeof createSending>;

async function move(tx: Tx, tenantId: number, from: string, to: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    sql.unsafe`UPDATE tenants SET sending = ${to}, sending_stopped_by = NULL, updated_at = now() WHERE id = ${tenantId} AND sending = ${from}`,
  );
  return rowCount > 0;
}

const noted = (
  tx: Tx,
  tenantId: number,
  name: string,
  actor: Actor,
  details: Readonly<Record<string, number>>,
): Promise<void> => audited(tx, { tenantId, name, actor, object: { type: 'sending', id: String(tenantId) }, details });

const installationRow = z.object({ sending: z.enum(['on', 'paused', 'held']), restored_at: z.date().nullable() });
export type InstallationSending = z.output<typeof installationRow>;

/** The switch of the whole installation. Moving it needs the owner's connection: the application may only read it. */
export function createInstallationSending({ pool, inTenant }: Pick<Database, 'pool' | 'inTenant'>) {
  const read = (): Promise<InstallationSending> =>
    pool.one(sql.type(installationRow)`SELECT sending, restored_at FROM installation_state`);
  return {
    read,
    /**
     * `held` also remembers the time: what is older gets no message unless a person lets it go. Going `on` does with overdue messages what is said for them,
     * in each tenant that is not paused itself. Each tenant's audit trail says so.
     */
    async set(sending: InstallationSending['sending'], overdue: Resumption = DROP_ALL): Promise<InstallationSending> {
      // Before the switch: what is overdue must not leave between.
      for (const tenantId of await tenantIds(pool))
        await inTenant(tenantId, async (tx) => {
          const isOn = await tx.exists(sql.unsafe`SELECT FROM tenants WHERE id = ${tenantId} AND sending = 'on'`);
          const details =
            sending === 'on' && isOn ? (await letGo(tx, tenantId, { by: 'sending_paused' }, overdue)).counts : {};
          const name = `installation_sending.${sending}`;
          await audited(tx, { tenantId, name, actor: { type: 'operator', id: null }, details });
        });
      await pool.query(sql.unsafe`
        UPDATE installation_state SET sending = ${sending}, restored_at = CASE WHEN ${sending} = 'held' THEN now() ELSE restored_at END, updated_at = now()`);
      return read();
    },
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'slonik';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { asAdmin } from '../../dev/stack/roles.ts';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { aPhone, aRun, messagesOf, type SendCase } from '../../test/outbound.ts';
import { createOutboundMessages } from './outbound-messages.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

const claim = ({ tenantId, runId }: SendCase) => createOutboundMessages(db.database).claim(tenantId, runId, new Date());
const newRun = async () => aRun(db.database, await aTenant(db));

/** Begins `work` while `first` is under way in another transaction, which ends only once `work` waits for a lock. */
async function meanwhile<T>(
  { tenantId }: SendCase,
  first: ReturnType<typeof sql.unsafe>[],
  work: () => Promise<T>,
): Promise<T> {
  let result: Promise<T> | undefined;
  await db.database.inTenant(tenantId, async (tx) => {
    for (const statement of first) await tx.query(statement);
    result = work();
    while (!(await isSomebodyWaiting())) await sleep(20);
  });
  if (result === undefined) throw new Error('nothing began');
  return result;
}

const isSomebodyWaiting = (): Promise<boolean> =>
  asAdmin(db.adminUrl, async (client) => {
    const { rows } = await client.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return rows.length > 0;
  });

const auditOf = ({ tenantId, leadId }: SendCase) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.any(sql.type(z.record(z.string(), z.unknown()))`
      SELECT kind, name, actor_type, actor_id, object_type, object_id, details, address, request_id FROM system_events
      WHERE tenant_id = ${tenantId} AND object_id = ${leadId} ORDER BY id`),
  );

describe('what a dispatch is decided by', () => {
  it('is read after the lock: the phone that was changed meanwhile asked for no more messages', async () => {
    const run = await newRun();
    const changed = aPhone();
    const claimed = await meanwhile(
      run,
      [
        sql.unsafe`SELECT pg_advisory_xact_lock(${run.tenantId}, hashtext(${run.phone}))`,
        sql.unsafe`UPDATE leads SET phone = ${changed} WHERE tenant_id = ${run.tenantId} AND id = ${run.leadId}`,
        sql.unsafe`INSERT INTO suppressions (tenant_id, phone, source) VALUES (${run.tenantId}, ${changed}, 'test')`,
      ],
      () => claim(run),
    );
    expect(claimed).toEqual({ decision: 'skip', reason: 'opted_out' });
  });

  it('is the own message as a report under way leaves it', async () => {
    const run = await newRun();
    const first = await claim(run);
    if (first.decision !== 'send') throw new Error(first.decision);
    const { messageId } = first.message;
    await createOutboundMessages(db.database).handBack(run.tenantId, messageId, new Date(0));
    const claimed = await meanwhile(
      run,
      [
        sql.unsafe`UPDATE outbound_messages SET state = 'delivered' WHERE tenant_id = ${run.tenantId} AND id = ${messageId}`,
      ],
      () => claim(run),
    );
    expect(claimed).toMatchObject({ decision: 'already', state: 'delivered' });
  });

  it('is no run that is not there', async () => {
    const run = await newRun();
    await expect(claim({ ...run, runId: run.leadId })).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a claim', () => {
  it('leaves the message, both mirrors, its run and the same audit row, also when it is claimed once more', async () => {
    const run = await newRun();
    const first = await claim(run);
    if (first.decision !== 'send') throw new Error(first.decision);
    const { messageId } = first.message;
    const audit = {
      ...{ kind: 'change', name: 'message.sending', actor_type: 'system', actor_id: 'lead-automation' },
      ...{ object_type: 'lead', object_id: run.leadId, details: { messageId, runId: run.runId } },
      ...{ address: null, request_id: null },
    };
    expect(await auditOf(run)).toEqual([audit]);
    await createOutboundMessages(db.database).handBack(run.tenantId, messageId, new Date(0));
    expect(await claim(run)).toMatchObject({ decision: 'send', message: first.message });
    expect(await auditOf(run)).toEqual([audit, audit]);
    const { messages, mirrored, logs } = await messagesOf(db.database, run);
    expect([messages.map(({ state }) => state), mirrored, logs]).toEqual([
      ['sending'],
      1,
      [{ status: 'sending', reason: null }],
    ]);
    const state = await db.database.inTenant(run.tenantId, (tx) =>
      tx.one(
        sql.unsafe`SELECT state, due_at > now() + interval '23 hours' AS is_waiting FROM automation_runs WHERE tenant_id = ${run.tenantId}`,
      ),
    );
    expect(state).toEqual({ state: 'waiting', is_waiting: true });
  });

  it('of two that insert at once writes one message', async () => {
    const run = await newRun();
    const claims = await Promise.all([claim(run), claim(run)]);
    expect(claims.map(({ decision }) => decision).sort()).toEqual(['already', 'send']);
    expect((await messagesOf(db.database, run)).messages).toHaveLength(1);
  });
});

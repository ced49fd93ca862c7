import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'slonik';
import { z } from 'zod';
import { createConversationIntake } from '../../activities/conversations.ts';
import { createVault } from '../../adapters/crypto/fernet.ts';
import { createLogger } from '../../adapters/log.ts';
import { createMetrics } from '../../adapters/metrics.ts';
import { connectDatabase, type Database } from '../../adapters/postgres/pool.ts';
import { createStores } from '../../adapters/postgres/stores.ts';
import { startDispatcher } from '../../adapters/temporal/dispatcher.ts';
import { ycloudChange } from '../../domain/inbox.ts';
import { asAdmin } from '../stack/roles.ts';
import { inTurn } from './load.ts';
import { report } from './report.ts';
import type { SeededBench } from './stack.ts';

const ROUNDS = 4;
const A_ROUND = 100;
const PER_SECOND = 300;
/** The whole minute with BENCH_STATUS_SECONDS=60. */
const STATUS_SECONDS = Number(process.env['BENCH_STATUS_SECONDS'] ?? 10);
const idRow = z.object({ id: z.string() });
const runRow = z.object({ run_id: z.string(), lead_id: z.string(), rule_id: z.string() });

/** The dispatch transaction beside its bare inserts, and status webhooks that keep coming. In this process, on the stack's PostgreSQL. */
export async function benchMessages({ places, tenants, secrets }: SeededBench): Promise<void> {
  const database = await connectDatabase(places.appUrl);
  const stores = createStores(database, createVault([secrets.fernetKey]), {
    ...{ ycloudApiKey: undefined, ycloudWebhookSecret: undefined },
    onFallback: () => {},
  });
  const tenantId = tenants[0]?.id ?? 1;
  try {
    await benchDispatch(database, stores, tenantId, places.adminUrl);
    await benchStatuses(database, stores, tenantId);
  } finally {
    await database.end();
  }
}

type Stores = ReturnType<typeof createStores>;

async function benchDispatch(database: Database, stores: Stores, tenantId: number, adminUrl: string): Promise<void> {
  const noon = new Date(new Date().setUTCHours(15, 0, 0, 0));
  let sent = 0;
  const dispatched = async () => {
    const runs = await runsFor(database, tenantId, A_ROUND);
    const startedAt = performance.now();
    for (const { run_id } of runs) {
      const claim = await stores.outboundMessages.claim(tenantId, run_id, noon);
      if (claim.decision === 'send') sent++;
    }
    return (A_ROUND * 1000) / (performance.now() - startedAt);
  };
  const inserted = async () => {
    const runs = await runsFor(database, tenantId, A_ROUND);
    const startedAt = performance.now();
    for (const run of runs) await bareInserts(database, tenantId, run);
    return (A_ROUND * 1000) / (performance.now() - startedAt);
  };
  // Neither is measured cold, nor with plans of tables that were empty: autovacuum makes their statistics within a minute.
  await inTurn(1, dispatched, inserted);
  await asAdmin(adminUrl, (client) => client.query('ANALYZE'));
  const { a, b } = await inTurn(ROUNDS, dispatched, inserted);
  report({
    name: 'dispatch transaction, one after the other',
    ratio: b / a,
    unit: 'times the same inserts without the checks',
    baseline: `message, both mirrors, run and audit row: ${(1000 / b).toFixed(1)} ms`,
    goal: 1.5,
    better: 'less',
    note: `${(1000 / a).toFixed(1)} ms, ${sent} claimed`,
  });
}

/** Leads with a run that is due. */
async function runsFor({ inTenant }: Database, tenantId: number, count: number) {
  return inTenant(tenantId, async (tx) => {
    await tx.query(
      sql.unsafe`UPDATE tenants SET quiet_from = NULL, quiet_until = NULL, quiet_days = '{}' WHERE id = ${tenantId}`,
    );
    const ruleId = await tx.oneFirst(sql.type(idRow)`
      SELECT id FROM automation_rules WHERE tenant_id = ${tenantId} AND is_active ORDER BY created_at LIMIT 1`);
    return tx.any(sql.type(runRow)`
      WITH people AS (
        INSERT INTO leads (tenant_id, full_name, phone)
        SELECT ${tenantId}::int, 'Lucía Fernández', '+549115555' || lpad((random() * 99999999)::bigint::text, 8, '0') FROM generate_series(1, ${count}) RETURNING id)
      INSERT INTO automation_runs (tenant_id, rule_id, rule_version, lead_id, occurrence, workflow_id, due_at)
      SELECT ${tenantId}::int, ${ruleId}, 1, id, id::text, 'bench:' || id, now() - interval '1 day' FROM people RETURNING id AS run_id, lead_id, rule_id`);
  });
}

/** What a dispatch writes, and nothing that it asks. */
const bareInserts = ({ inTenant }: Database, tenantId: number, run: z.output<typeof runRow>): Promise<void> =>
  inTenant(tenantId, async (tx) => {
    const messageId = await tx.oneFirst(sql.type(idRow)`
      INSERT INTO outbound_messages (tenant_id, lead_id, rule_id, run_id, step, occurrence, external_id, sender_phone, phone, template_name, template_language, template_category, state, sending_at)
      VALUES (${tenantId}, ${run.lead_id}, ${run.rule_id}, ${run.run_id}, 0, ${run.lead_id}, ${randomUUID()}, '+541155550001', '+5491155550101', 'bienvenida_lead', 'es', 'MARKETING', 'sending', now())
      RETURNING id`);
    await tx.query(sql.unsafe`
      INSERT INTO chat_messages (tenant_id, lead_id, phone, direction, author, outbound_message_id, kind, body)
      VALUES (${tenantId}, ${run.lead_id}, '+5491155550101', 'out', 'automation', ${messageId}, 'template', 'Hola Lucía, gracias')`);
    await tx.query(sql.unsafe`
      INSERT INTO automation_logs (tenant_id, rule_id, run_id, lead_id, outbound_message_id, trigger_type, status)
      VALUES (${tenantId}, ${run.rule_id}, ${run.run_id}, ${run.lead_id}, ${messageId}, 'new_lead', 'sending')`);
    await tx.query(sql.unsafe`
      UPDATE automation_runs SET state = 'waiting', due_at = now() + interval '1 day' WHERE tenant_id = ${tenantId} AND id = ${run.run_id}`);
    await tx.query(sql.unsafe`
      INSERT INTO system_events (tenant_id, name, actor_type, object_type, object_id, details)
      VALUES (${tenantId}, 'message.sending', 'system', 'lead', ${run.lead_id}, ${sql.jsonb({ messageId })})`);
  });

async function benchStatuses(database: Database, stores: Stores, tenantId: number): Promise<void> {
  const sent = await database.inTenant(tenantId, (tx) =>
    tx.anyFirst(sql.type(z.object({ external_id: z.string() }))`
      SELECT external_id FROM outbound_messages WHERE tenant_id = ${tenantId} AND state = 'sending' ORDER BY created_at DESC LIMIT 1000`),
  );
  const live = { publish: () => {}, subscribe: () => () => {} };
  const intake = createConversationIntake({
    ...{ inbox: stores.inbox, conversations: stores.conversations, live, metrics: createMetrics() },
    ...{
      tellSeller: async () => {},
      tell: async () => {},
      invalidateFigures: async () => {},
      refreshTemplates: async () => {},
    },
  });
  const log = createLogger('bench', { level: 'warn' });
  const dispatcher = startDispatcher({
    ...{ ...stores.inbox, log, work: {}, dueWork: async () => [], startIntake: async () => {} },
    ...{ applyYcloud: intake.apply, onParked: () => {} },
  });
  let [most, inserted] = [0, 0];
  const startedAt = performance.now();
  for (let second = 0; second < STATUS_SECONDS; second++) {
    const changes = Array.from({ length: PER_SECOND }, () => aStatus(sent[inserted++ % sent.length] ?? ''));
    await Promise.all(changes.map((change) => stores.inbox.insert([change], { to: 'tenant', tenantId })));
    dispatcher.nudge();
    await sleep(Math.max(0, startedAt + (second + 1) * 1000 - performance.now()));
    most = Math.max(most, await waiting(database, tenantId));
  }
  const tookS = (performance.now() - startedAt) / 1000;
  const left = await waiting(database, tenantId);
  await dispatcher.stop();
  report({
    name: `status webhooks at ${PER_SECOND} a second for ${STATUS_SECONDS} s, rows left in the inbox`,
    value: left,
    unit: 'rows',
    baseline: null,
    goal: PER_SECOND,
    better: 'less',
    note: `${Math.round(inserted / tookS)}/s inserted, each by a statement of its own, at most ${most} waiting at a second's end`,
  });
}

const states = ['sent', 'delivered', 'read'] as const;
const aStatus = (externalId: string) => {
  const at = new Date().toISOString();
  const status = states[Math.floor(Math.random() * states.length)];
  return ycloudChange({
    ...{ id: `evt_${randomUUID()}`, type: 'whatsapp.message.updated', apiVersion: 'v2', createTime: at },
    whatsappMessage: { id: `p-${externalId}`, externalId, status, updateTime: at, totalPrice: 0.0618, currency: 'USD' },
  });
};

const waiting = ({ inTenant }: Database, tenantId: number): Promise<number> =>
  inTenant(tenantId, (tx) =>
    tx.oneFirst(sql.type(z.object({ n: z.number() }))`
      SELECT count(*) AS n FROM webhook_events WHERE tenant_id = ${tenantId} AND provider = 'ycloud' AND state = 'pending'`),
  );

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { asAdmin } from '../stack/roles.ts';
import { report } from './report.ts';
import type { SeededBench } from './stack.ts';

const LEADS = 200;
const QUIET_LEADS = 20;
const BARE_ACTIONS = 2; // a start and an activity

/**
 * Lead walks in Temporal actions per second against a bare one-activity workflow on the same server; latency on a quiet system; actions a lead. Gives
 * the actions a lead takes and the bare ones a second.
 */
export async function benchWalk(bench: SeededBench): Promise<{ actions: number; baseline: number }> {
  const connection = await Connection.connect({ address: bench.places.temporalAddress });
  const client = new Client({ connection });
  const latencies = await quietLatencies(bench);
  report({
    name: 'webhook sent to WhatsApp accepted, p50',
    value: latencies[Math.floor(latencies.length / 2)] ?? 0,
    unit: 'ms',
    baseline: null,
    goal: null,
    better: 'less',
    note: `p95 ${latencies[Math.ceil(latencies.length * 0.95) - 1]} ms over ${latencies.length} leads, one at a time; Temporal on a file`,
  });
  const actions = await actionsPerLead(client);
  report({
    name: 'Temporal actions per lead with one template',
    value: actions,
    unit: 'actions',
    baseline: null,
    goal: 6,
    better: 'less',
    note: 'counted in the histories: starts, activities, timers, signals',
  });

  const bare = await barePerSecond(bench, client);
  const leads = await leadsPerSecond(bench);
  const bareAgain = await barePerSecond(bench, client);
  const baseline = ((bare + bareAgain) / 2) * BARE_ACTIONS;
  report({
    name: 'lead walks in Temporal actions per second',
    ratio: (leads * actions) / baseline,
    unit: 'of bare actions a second',
    baseline: `one-activity workflow, ${baseline.toFixed(1)} actions/s`,
    goal: 0.8,
    better: 'more',
    note: `${leads.toFixed(1)} leads/s; Temporal on a file`,
  });
  await connection.close();
  return { actions, baseline };
}

const control = async <T>(url: string, name: string, body?: object): Promise<T> =>
  (await (
    await fetch(
      `${url}/_control/${name}`,
      body ? { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {},
    )
  ).json()) as T;

const messaged = (bench: SeededBench, ids: readonly string[]) =>
  asAdmin(bench.places.adminUrl, async (client) => {
    const { rows } = await client.query<{ ms: number }>(
      `SELECT extract(epoch FROM coalesce(m.accepted_at, m.sent_at, m.delivered_at) - w.received_at) * 1000 AS ms FROM webhook_events w
       JOIN leads l ON l.meta_leadgen_id = w.subject AND l.tenant_id = w.tenant_id JOIN outbound_messages m ON m.lead_id = coalesce(l.merged_into, l.id)
       WHERE w.subject = ANY($1) AND m.state IN ('accepted', 'sent', 'delivered', 'read')`,
      [ids],
    );
    return rows.map((row) => Math.round(Number(row.ms)));
  });

async function until(deed: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 180_000;
  while (!(await deed())) {
    if (Date.now() > end) throw new Error('the leads did not get through within three minutes');
    await sleep(50);
  }
}

async function quietLatencies(bench: SeededBench): Promise<number[]> {
  const all: string[] = [];
  for (let i = 0; i < QUIET_LEADS; i++) {
    const { leadgen_ids } = await control<{ leadgen_ids: string[] }>(bench.places.metaSimUrl, 'leads', {});
    all.push(...leadgen_ids);
    await until(async () => (await messaged(bench, leadgen_ids)).length === 1);
  }
  return (await messaged(bench, all)).sort((a, b) => a - b);
}

async function leadsPerSecond(bench: SeededBench): Promise<number> {
  const started = performance.now();
  const { leadgen_ids } = await control<{ leadgen_ids: string[] }>(bench.places.metaSimUrl, 'leads', {
    count: LEADS,
    batch: 50,
  });
  await until(async () => (await messaged(bench, leadgen_ids)).length === LEADS);
  return LEADS / ((performance.now() - started) / 1000);
}

async function barePerSecond(bench: SeededBench, client: Client): Promise<number> {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } },
  });
  const connection = await NativeConnection.connect({ address: bench.places.temporalAddress });
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(import.meta.dirname, 'bare-workflow.ts'),
    logger: new DefaultLogger('ERROR'),
  });
  const worker = await Worker.create({
    connection,
    taskQueue: 'bench',
    workflowBundle: { code },
    activities: { nothing: async () => {} },
  });
  return worker
    .runUntil(async () => {
      const started = performance.now();
      const one = (i: number) =>
        client.workflow.execute('bareWorkflow', { taskQueue: 'bench', workflowId: `bare:${started}:${i}` });
      await Promise.all(Array.from({ length: LEADS }, (_, i) => one(i)));
      return LEADS / ((performance.now() - started) / 1000);
    })
    .finally(() => connection.close());
}

/** Counts what Temporal would bill for one lead: both workflows' starts, activities (local ones too), timers, signals. */
async function actionsPerLead(client: Client): Promise<number> {
  const counted = [
    'workflowExecutionStartedEventAttributes',
    'activityTaskScheduledEventAttributes',
    'timerStartedEventAttributes',
    'workflowExecutionSignaledEventAttributes',
    'markerRecordedEventAttributes',
  ] as const;
  let actions = 0;
  for (const type of ['leadIntakeWorkflow', 'leadAutomationWorkflow']) {
    for await (const { workflowId, runId } of client.workflow.list({
      query: `WorkflowType = '${type}'`,
      pageSize: 1,
    })) {
      const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
      actions += (events ?? []).filter((event) => counted.some((name) => event[name] != null)).length;
      break;
    }
  }
  return actions;
}

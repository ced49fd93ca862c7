import { readFileSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import { report } from './report.ts';
import type { SeededBench } from './stack.ts';
import { syncOf } from './sync.ts';
import { grow } from './sync-speed.ts';

const CAMPAIGNS = 1000;

/** The daily sync of an account with 1,000 campaigns, whose 28 days Meta gives as reports only: the worker's memory, and the run's history. */
export async function benchLargeSync(bench: SeededBench): Promise<void> {
  await grow(bench, CAMPAIGNS);
  const memory = highestOf(bench.services.worker.program?.pid);
  const run = await syncOf(bench, 'wide');
  const note = `${run.rows} rows of the books, ${run.calls} calls, ${run.seconds.toFixed(0)} s, most of it Meta's own reports`;
  const name = (what: string) => `${what} in a sync of ${CAMPAIGNS} campaigns × 28 days`;
  report({
    name: name('worker resident at most'),
    value: memory.stop(),
    unit: 'MiB',
    baseline: null,
    goal: 300,
    better: 'less',
    note,
  });
  report({
    name: name('Temporal events'),
    value: await eventsOfLatest(bench),
    unit: 'events',
    baseline: null,
    goal: 200,
    better: 'less',
  });
}

/** Resident memory as the system says, looked at twice a second. */
function highestOf(pid: number | undefined): { stop(): number } {
  let highest = 0;
  const look = () => {
    const kib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    highest = Math.max(highest, kib / 1024);
  };
  look();
  const timer = setInterval(look, 500);
  return {
    stop() {
      look();
      clearInterval(timer);
      return highest;
    },
  };
}

async function eventsOfLatest({ places, tenants }: SeededBench): Promise<number> {
  const connection = await Connection.connect({ address: places.temporalAddress });
  try {
    const { workflow } = new Client({ connection });
    const query = `WorkflowType = 'campaignSyncWorkflow' AND TenantId = ${tenants[0]?.id}`;
    for await (const { workflowId, runId } of workflow.list({ query, pageSize: 1 }))
      return (await workflow.getHandle(workflowId, runId).describe()).historyLength;
    return Number.NaN;
  } finally {
    await connection.close();
  }
}

import { readFileSync } from 'node:fs';
import { report } from './report.ts';
import { drained, silentLeads } from './silent-leads.ts';
import type { SeededBench } from './stack.ts';
import { postWebhook } from './webhook.ts';

const LEADS = Number(process.env['BENCH_MEMORY_LEADS'] ?? 5000);
const LEADS_A_ROUND = 250;
const GOAL_MIB = 300;

/** What the system says of one program now, in MiB. */
export function residentMib({ services }: SeededBench, name: 'server' | 'worker'): number {
  const status = readFileSync(`/proc/${services[name].program?.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** The worker's memory while leads go on coming: its highest reading, and whether the last quarter needs more than the first. */
export async function benchMemory(bench: SeededBench): Promise<void> {
  const readings: number[] = [];
  for (let done = 0; done < LEADS; done += LEADS_A_ROUND) {
    const ids = await silentLeads(bench, LEADS_A_ROUND);
    await postWebhook(bench, ids);
    await drained(bench, ids);
    readings.push(residentMib(bench, 'worker'));
  }
  const quarter = Math.max(1, Math.floor(readings.length / 4));
  const [first, last] = [Math.max(...readings.slice(0, quarter)), Math.max(...readings.slice(-quarter))];
  report({
    name: `worker resident over ${LEADS} leads`,
    value: Math.max(...readings),
    unit: 'MiB',
    baseline: null,
    goal: GOAL_MIB,
    better: 'less',
  });
  report({
    name: `worker resident over ${LEADS} leads, last quarter`,
    ratio: last / first,
    unit: 'of the first quarter',
    baseline: `first quarter, ${first.toFixed(0)} MiB`,
    goal: 1.05,
    better: 'less',
    note: `${last.toFixed(0)} MiB`,
  });
}

import { PER_SECOND } from './intake.ts';
import { paced } from './load.ts';
import { report } from './report.ts';
import { drained, silentLeads } from './silent-leads.ts';
import type { SeededBench } from './stack.ts';
import { postWebhook, webhookOf } from './webhook.ts';

const RUNNING_SECONDS = 3;
const [POSTS, LEADS_A_POST] = [10, 100];

/** Intake at a steady pace while everything runs, then a burst of a thousand leads: how soon it is acknowledged and how fast it drains. */
export async function benchBurst(
  bench: SeededBench,
  actionsALead: number,
  bareActionsPerSecond: number,
): Promise<void> {
  await steadyWhileRunning(bench);
  const ids = await silentLeads(bench, POSTS * LEADS_A_POST);
  const started = performance.now();
  const posts = Array.from({ length: POSTS }, (_, i) => ids.slice(i * LEADS_A_POST, (i + 1) * LEADS_A_POST));
  const answers = await Promise.all(posts.map((some) => postWebhook(bench, some)));
  const acknowledged = (performance.now() - started) / 1000;
  report({
    name: `burst of ${ids.length} leads in ${POSTS} POSTs, acknowledged`,
    value: acknowledged,
    unit: 's',
    baseline: null,
    goal: 10,
    better: 'less',
    note: `${answers.filter((status) => status !== 200).length} failed`,
  });
  await drained(bench, ids);
  const perSecond = ids.length / ((performance.now() - started) / 1000);
  report({
    name: `burst of ${ids.length} leads, drained to the accepted template, in Temporal actions per second`,
    ratio: (perSecond * actionsALead) / bareActionsPerSecond,
    unit: 'of bare actions a second',
    baseline: `one-activity workflow, ${bareActionsPerSecond.toFixed(1)} actions/s`,
    goal: 0.8,
    better: 'more',
    note: `${perSecond.toFixed(1)} leads/s`,
  });
}

/** Real leads, so that what follows the intake works too while it is measured. */
async function steadyWhileRunning(bench: SeededBench): Promise<void> {
  const ids = await silentLeads(bench, PER_SECOND * RUNNING_SECONDS);
  const steady = await paced({
    url: `${bench.places.webUrl}/crm/webhook/meta`,
    make: (i) => webhookOf(bench, [ids[i] ?? '']),
    perSecond: PER_SECOND,
    count: ids.length,
  });
  report({
    name: `webhook intake at ${PER_SECOND} requests a second, everything running, p99`,
    value: steady.p99Ms,
    unit: 'ms',
    baseline: null,
    goal: null,
    better: 'less',
    note: `p50 ${steady.p50Ms.toFixed(1)} ms over ${RUNNING_SECONDS} s, ${steady.failed} failed`,
  });
  await drained(bench, ids);
}

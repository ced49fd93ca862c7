import { setTimeout as sleep } from 'node:timers/promises';
import { asAdmin } from '../stack/roles.ts';
import { PER_SECOND } from './intake.ts';
import { paced } from './load.ts';
import { report } from './report.ts';
import type { SeededBench } from './stack.ts';
import { webhookOf } from './webhook.ts';

const RUNNING_SECONDS = 3;
const [POSTS, LEADS_A_POST] = [10, 100];
const DRAINED_WITHIN_MS = 15 * 60_000;

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
  const answers = await Promise.all(posts.map((some) => post(bench, some)));
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

/** People who submit a form of which Meta does not tell by itself. */
async function silentLeads({ places, pageId }: SeededBench, count: number): Promise<string[]> {
  const control = async <T>(path: string, body?: object): Promise<T> => {
    const reply = await fetch(
      `${places.metaSimUrl}/_control/${path}`,
      body && { method: 'POST', body: JSON.stringify(body) },
    );
    return (await reply.json()) as T;
  };
  const { forms } = await control<{ forms: { id: string; page_id: string; status: string }[] }>('world');
  const form = forms.find((each) => each.page_id === pageId && each.status === 'ACTIVE');
  const lead = { form_id: form?.id, count, deliver: false };
  return (await control<{ leadgen_ids: string[] }>('leads', lead)).leadgen_ids;
}

async function post(bench: SeededBench, ids: readonly string[]): Promise<number> {
  const reply = await fetch(`${bench.places.webUrl}/crm/webhook/meta`, { method: 'POST', ...webhookOf(bench, ids) });
  return reply.status;
}

/** Waits until each of these people has a message that YCloud took; a person who came before has it on their first lead. */
async function drained({ places }: SeededBench, ids: readonly string[]): Promise<void> {
  const end = Date.now() + DRAINED_WITHIN_MS;
  for (;;) {
    const left = await asAdmin(places.adminUrl, async (client) => {
      const { rows } = await client.query<{ n: string }>(
        `SELECT count(*) AS n FROM unnest($1::text[]) AS wanted (id)
         WHERE NOT EXISTS (SELECT FROM leads l JOIN outbound_messages m ON m.tenant_id = l.tenant_id AND m.lead_id = coalesce(l.merged_into, l.id)
           WHERE l.meta_leadgen_id = wanted.id AND m.state IN ('accepted', 'sent', 'delivered', 'read'))`,
        [ids],
      );
      return Number(rows[0]?.n);
    });
    if (left === 0) return;
    if (Date.now() > end) throw new Error(`${left} leads did not get through`);
    await sleep(250);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededBench } from '../bench/stack.ts';

/** What goes wrong in a fault run, by name, and how often it did. */
export type Counts = Record<string, number>;

type ServiceName = 'worker' | 'server' | 'temporal' | 'postgres' | 'valkey';
const inTurn: readonly ServiceName[] = ['worker', 'server', 'temporal', 'postgres', 'valkey'];

const metaPasses = [
  { match: { path: '/v26.0/' }, kind: 'status', value: 500, times: 2 },
  { match: { path: '/v26.0/' }, kind: 'html', value: 502, times: 2 },
  { match: { path: '/v26.0/' }, kind: 'slow', value: 1500, times: 3 },
  { match: { path: '/v26.0/' }, kind: 'truncate', times: 1 },
  { match: { path: '/v26.0/' }, kind: 'cut_before', times: 2 },
];
// A limit closes the page's gate for a minute: one in sixteen, or no lead would be read between two of them.
const metaLimit = { match: { path: '/v26.0/' }, kind: 'code', value: 4, times: 1, regainMinutes: 0 };
const metaFaults = [...metaPasses, metaLimit, ...metaPasses, ...metaPasses];
export const sends = { method: 'POST', path: '/v2/whatsapp/messages' };
const ycloudFaults = [
  { match: sends, kind: 'status', value: 503, times: 2 },
  { match: sends, kind: 'status', value: 429, times: 3 },
  { match: sends, kind: 'cut_before', times: 2 },
  { match: sends, kind: 'cut_after_accept', times: 3 },
  { match: sends, kind: 'status_after_accept', value: 500, times: 2 },
  { match: sends, kind: 'slow', value: 1500, times: 2 },
  { match: sends, kind: 'truncate', times: 2 },
  { match: sends, kind: 'duplicate_status', times: 5 },
  { match: sends, kind: 'reorder_status', times: 5 },
  { match: sends, kind: 'drop_status', times: 1 },
  { match: sends, kind: 'failed_after_delivered', value: '131026', times: 2 },
  { match: sends, kind: 'event_before_reply', times: 3 },
];

export const control = async <T>(
  url: string,
  name: string,
  body?: object,
  method = body ? 'POST' : 'GET',
): Promise<T> => {
  const init =
    body === undefined
      ? { method }
      : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const reply = await fetch(`${url}/_control/${name}`, init);
  if (!reply.ok) throw new Error(`simulator ${name}: HTTP ${reply.status}`);
  return (await reply.json()) as T;
};

/** Kills one part after another by SIGKILL and starts it again a moment later, while `goesOn`; `atLeast` so many, by default each once. */
export async function killInTurn(
  { services }: SeededBench,
  goesOn: () => boolean,
  pauseMs: number,
  counts: Counts,
  atLeast = inTurn.length,
): Promise<void> {
  for (let i = 0; i < atLeast || goesOn(); i++) {
    const name = inTurn[i % inTurn.length] ?? 'worker';
    await sleep(pauseMs);
    const { program } = services[name];
    if (program) {
      process.kill(program.pid, 'SIGKILL');
      await program.exited;
    }
    await sleep(500);
    await services[name].restart();
    counts[`kill ${name}`] = (counts[`kill ${name}`] ?? 0) + 1;
  }
}

/** Sets one fault after another at both simulators while `goesOn`; then none is left. */
export async function misbehave(
  { places }: SeededBench,
  goesOn: () => boolean,
  pauseMs: number,
  counts: Counts,
  isMetaWell = false,
): Promise<void> {
  for (let i = 0; goesOn(); i++) {
    const [meta, ycloud] = [
      isMetaWell ? undefined : metaFaults[i % metaFaults.length],
      ycloudFaults[i % ycloudFaults.length],
    ];
    if (meta) await control(places.metaSimUrl, 'faults', meta);
    if (ycloud) await control(places.ycloudSimUrl, 'faults', ycloud);
    for (const kind of [meta && `meta ${meta.kind}`, ycloud && `ycloud ${ycloud.kind}`])
      if (kind) counts[kind] = (counts[kind] ?? 0) + 1;
    await sleep(pauseMs);
  }
  await control(places.metaSimUrl, 'faults', undefined, 'DELETE');
  await control(places.ycloudSimUrl, 'faults', undefined, 'DELETE');
}

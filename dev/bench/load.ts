import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Load {
  url: string;
  method?: 'GET' | 'POST';
  /** The i-th request's headers and body. */
  make: (i: number) => { headers: Record<string, string>; body?: string };
  connections: number;
  seconds: number;
}

export interface LoadResult {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  failed: number;
  bytes: number;
}

/** Keeps `connections` requests under way against a loopback address for `seconds`. Bounded in count by both. */
export async function load({ url, method = 'POST', make, connections, seconds }: Load): Promise<LoadResult> {
  const { hostname } = new URL(url);
  if (hostname !== '127.0.0.1') throw new Error('load goes to loopback only');
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const times: number[] = [];
  let failed = 0;
  let bytes = 0;
  let next = 0;
  const end = performance.now() + seconds * 1000;
  const started = performance.now();
  const worker = async () => {
    while (performance.now() < end) {
      const at = performance.now();
      const reply = await once(agent, url, method, make(next++));
      times.push(performance.now() - at);
      bytes = reply.bytes;
      if (reply.status >= 400) failed++;
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  const elapsed = (performance.now() - started) / 1000;
  agent.destroy();
  return { perSecond: times.length / elapsed, ...ranksOf(times), failed, bytes };
}

export interface Paced extends Omit<Load, 'connections' | 'seconds'> {
  perSecond: number;
  count: number;
}

/** Begins `count` requests at an even pace, whether the ones before were answered or not: each one's time counts from when it was due. */
export async function paced({ url, method = 'POST', make, perSecond, count }: Paced): Promise<LoadResult> {
  if (new URL(url).hostname !== '127.0.0.1') throw new Error('load goes to loopback only');
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const times: number[] = [];
  let failed = 0;
  const started = performance.now();
  const one = async (i: number) => {
    const due = started + (i * 1000) / perSecond;
    await sleep(Math.max(0, due - performance.now()));
    const status = await once(agent, url, method, make(i)).then(
      (reply) => reply.status,
      () => 0,
    );
    times.push(performance.now() - due);
    if (status < 200 || status >= 400) failed++;
  };
  await Promise.all(Array.from({ length: count }, (_, i) => one(i)));
  const elapsed = (performance.now() - started) / 1000;
  agent.destroy();
  return { perSecond: count / elapsed, ...ranksOf(times), failed, bytes: 0 };
}

function ranksOf(times: number[]): { p50Ms: number; p99Ms: number } {
  times.sort((a, b) => a - b);
  const rank = (share: number) => times[Math.max(0, Math.ceil(times.length * share) - 1)] ?? 0;
  return { p50Ms: rank(0.5), p99Ms: rank(0.99) };
}

function once(
  agent: Agent,
  url: string,
  method: string,
  { headers, body }: ReturnType<Load['make']>,
): Promise<{ status: number; bytes: number }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, agent, headers }, (reply) => {
      let bytes = 0;
      reply.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, bytes }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Runs `a` and `b` in turn, so that both meet the same machine, and gives the ratio of their medians. */
export async function inTurn(
  rounds: number,
  a: () => Promise<number>,
  b: () => Promise<number>,
): Promise<{ a: number; b: number; ratio: number }> {
  const as: number[] = [];
  const bs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    as.push(await a());
    bs.push(await b());
  }
  const [medianA, medianB] = [median(as), median(bs)];
  return { a: medianA, b: medianB, ratio: medianA / medianB };
}

function median(values: number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

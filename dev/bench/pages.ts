import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startNode } from '../demo/service.ts';
import { freePort } from '../stack/ports.ts';
import { inTurn, load } from './load.ts';
import { report } from './report.ts';
import type { SeededBench } from './stack.ts';

const SECONDS = 3;

/** Dashboard server time, one request at a time, against a bare Express + Eta page of the same bytes. */
export async function benchPages(bench: SeededBench): Promise<void> {
  const cookie = await signedIn(bench);
  const url = `${bench.places.webUrl}/crm/marketing`;
  const html = await (await fetch(url, { headers: { cookie } })).text();
  const pageFile = join(bench.folder, 'page.html');
  writeFileSync(pageFile, html);
  const port = await freePort();
  const bareUrl = `http://127.0.0.1:${port}/page`;
  const env = { ...process.env, PORT: String(port), PAGE_FILE: pageFile, DATABASE_URL: bench.places.appUrl };
  const bare = await startNode({
    name: 'bare-server',
    file: 'dev/bench/bare-server.ts',
    env,
    logFile: join(bench.folder, 'bare-page.log'),
    verbose: false,
    readyUrl: bareUrl,
  });
  const timeOf = async (address: string, headers: Record<string, string>) =>
    (await load({ url: address, method: 'GET', make: () => ({ headers }), connections: 1, seconds: SECONDS })).p50Ms;
  const { a, b, ratio } = await inTurn(
    3,
    () => timeOf(url, { cookie, accept: 'text/html' }),
    () => timeOf(bareUrl, {}),
  );
  await bare.stop();
  report({
    name: 'dashboard server time, figures from the cache',
    ratio,
    unit: 'of the bare page',
    baseline: `bare Express + Eta, ${html.length} bytes, ${b.toFixed(2)} ms`,
    goal: 1.5,
    better: 'less',
    note: `${a.toFixed(2)} ms`,
  });
}

async function signedIn({ places, tenants }: SeededBench): Promise<string> {
  const { email = '', password = '' } = tenants[0] ?? {};
  const reply = await fetch(`${places.webUrl}/login`, {
    method: 'POST',
    body: new URLSearchParams({ email, password }),
    redirect: 'manual',
  });
  return reply.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
}

import { join } from 'node:path';
import { hubEnvironment } from '../demo/environment.ts';
import { startNode } from '../demo/service.ts';
import { freePort } from '../stack/ports.ts';
import { asAdmin } from '../stack/roles.ts';
import { inTurn, load, paced } from './load.ts';
import { report } from './report.ts';
import type { SeededBench } from './stack.ts';
import { webhookOf } from './webhook.ts';

const SECONDS = 4;
const CONNECTIONS = 16;
export const PER_SECOND = 300;
const STEADY_SECONDS = 10;

/** Webhook intake (signature, durable insert, 200) against a bare Express route doing one INSERT on the same PostgreSQL. */
export async function benchIntake(bench: SeededBench): Promise<void> {
  const { places, secrets } = bench;
  await asAdmin(places.adminUrl, async (client) => {
    await client.query(
      'CREATE TABLE IF NOT EXISTS bench_events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload text NOT NULL, received_at timestamptz NOT NULL DEFAULT now())',
    );
    await client.query('GRANT INSERT ON bench_events TO hub_app');
  });
  const [port, barePort] = [await freePort(), await freePort()];
  const env = hubEnvironment(places, secrets, bench.bundle);
  const start = (name: string, onPort: number, path: string) =>
    startNode({
      name,
      file: `dev/bench/${name}.ts`,
      env: { ...env, PORT: String(onPort) },
      logFile: join(bench.folder, `${name}.log`),
      verbose: false,
      readyUrl: `http://127.0.0.1:${onPort}${path}`,
    });
  const hub = await start(
    'intake-server',
    port,
    `/crm/webhook/meta?hub.mode=subscribe&hub.challenge=1&hub.verify_token=${secrets.metaVerifyToken}`,
  );
  const bare = await start('bare-server', barePort, '/page');
  let next = 1;
  let worst = 0;
  let failed = 0;
  const signed = () => webhookOf(bench, [String(900_000_000_000_000 + next++)]);
  const { a, b, ratio } = await inTurn(
    3,
    async () => {
      const result = await load({
        url: `http://127.0.0.1:${port}/crm/webhook/meta`,
        make: signed,
        connections: CONNECTIONS,
        seconds: SECONDS,
      });
      worst = Math.max(worst, result.p99Ms);
      failed += result.failed;
      return result.perSecond;
    },
    async () =>
      (
        await load({
          url: `http://127.0.0.1:${barePort}/insert`,
          make: signed,
          connections: CONNECTIONS,
          seconds: SECONDS,
        })
      ).perSecond,
  );
  const url = `http://127.0.0.1:${port}/crm/webhook/meta`;
  const steady = await paced({ url, make: signed, perSecond: PER_SECOND, count: PER_SECOND * STEADY_SECONDS });
  await Promise.all([hub.stop(), bare.stop()]);
  report({
    name: `webhook intake at ${PER_SECOND} requests a second, dispatcher paused, p99`,
    value: steady.p99Ms,
    unit: 'ms',
    baseline: null,
    goal: 100,
    better: 'less',
    note: `p50 ${steady.p50Ms.toFixed(1)} ms over ${STEADY_SECONDS} s, ${steady.failed} failed`,
  });
  report({
    name: 'webhook intake, dispatcher paused',
    ratio,
    unit: 'of bare requests a second',
    baseline: `bare Express + INSERT, ${Math.round(b)}/s`,
    goal: 0.8,
    better: 'more',
    note: `${Math.round(a)}/s, p99 ${worst.toFixed(1)} ms, ${failed} failed`,
  });
}

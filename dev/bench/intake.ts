import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { hubEnvironment } from '../demo/environment.ts';
import { startNode } from '../demo/service.ts';
import { freePort } from '../stack/ports.ts';
import { asAdmin } from '../stack/roles.ts';
import { inTurn, load } from './load.ts';
import { report } from './report.ts';
import type { SeededBench } from './stack.ts';

const SECONDS = 4;
const CONNECTIONS = 16;

/** Webhook intake (signature, durable insert, 200) against a bare Express route doing one INSERT on the same PostgreSQL. */
export async function benchIntake(bench: SeededBench): Promise<void> {
  const { places, secrets, pageId } = bench;
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
  const signed = () => {
    const id = String(900_000_000_000_000 + next++);
    const body = JSON.stringify({
      object: 'page',
      entry: [
        {
          id: pageId,
          time: 1785000001,
          changes: [
            { field: 'leadgen', value: { leadgen_id: id, page_id: pageId, form_id: '1', created_time: 1785000000 } },
          ],
        },
      ],
    });
    return {
      headers: {
        'content-type': 'application/json',
        'x-hub-signature-256': `sha256=${createHmac('sha256', secrets.metaAppSecret).update(body).digest('hex')}`,
      },
      body,
    };
  };
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
  await Promise.all([hub.stop(), bare.stop()]);
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

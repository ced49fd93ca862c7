import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import type { UsageGate } from '../../domain/meta-usage.ts';
import { META_APP, metaBench } from '../../test/meta-simulator.ts';
import { silentLog } from '../../test/silent-log.ts';
import { createMetaClient } from './client.ts';

const bench = metaBench();

function aGate(given: Partial<UsageGate> = {}) {
  const heard: string[] = [];
  const gate: UsageGate = {
    waitMs: async () => 0,
    paceMs: async () => 0,
    record: async ({ scope }) => void heard.push(`said ${scope}`),
    countBlind: async (scope) => void heard.push(`unsaid ${scope}`),
    close: async () => {},
    ...given,
  };
  return { gate, heard };
}

async function read(gate: UsageGate): Promise<number> {
  const [account] = bench.simulator.world.accounts;
  const { access_token: token } = await bench.control<{ access_token: string }>('tokens', {});
  const startedAt = performance.now();
  await bench
    .freshClient({ gate })
    .accountTotal(token, account?.accountId ?? '', { since: '2026-11-01', until: '2026-11-02' });
  return performance.now() - startedAt;
}

it('Each call notes what its reply said of the limits', async () => {
  const { gate, heard } = aGate();
  await read(gate);
  expect(heard.some((each) => each.startsWith('said '))).toBe(true);
  expect(heard.some((each) => each.startsWith('unsaid '))).toBe(false);
});

it('A reply without a word of them is counted by ourselves', async () => {
  const { gate, heard } = aGate();
  const silent = createServer((_req, res) => res.end('{"data":[]}')).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const graphUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const meta = createMetaClient(
    { ...META_APP, version: 'v26.0', graphUrl },
    { log: silentLog, metrics: bench.metrics, gate },
  );
  await meta.accountTotal('t', '1002', { since: '2026-11-01', until: '2026-11-02' });
  silent.close();
  expect(heard).toEqual(['unsaid 1002:unsaid']);
});

it('Near a limit a call comes later', async () => {
  const { gate } = aGate({ paceMs: async (scope) => (scope.endsWith(':ads_insights') ? 300 : 0) });
  expect(await read(gate)).toBeGreaterThanOrEqual(295);
});

it('A closed limit is not called at all, and says for how long', async () => {
  const { gate } = aGate({ waitMs: async (scope) => (scope.endsWith(':ads') ? 61_000 : 0) });
  const before = (await bench.control<{ calls: unknown[] }>('ledger')).calls.length;
  await expect(read(gate)).rejects.toMatchObject({ code: 'rate_limited', retryAfterMs: 61_000 });
  expect((await bench.control<{ calls: unknown[] }>('ledger')).calls.length).toBe(before);
});

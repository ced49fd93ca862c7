import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { PERSON, type Receiver, startReceiver } from './testing.ts';

const program = fileURLToPath(new URL('./main.ts', import.meta.url));
const children: ChildProcess[] = [];
const receivers: Receiver[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const receiver of receivers.splice(0)) await receiver.close();
});

function start(env: Record<string, string>) {
  const child = spawn(process.execPath, [program], { env: { ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  children.push(child);
  return child;
}

async function urlOf({ stdout }: ReturnType<typeof start>): Promise<string> {
  const [line] = await once(createInterface(stdout), 'line');
  return JSON.parse(String(line)).url;
}

describe('the program', () => {
  it('prints its address, takes several keys and tells the preset endpoint', async () => {
    const receiver = await startReceiver();
    receivers.push(receiver);
    const child = start({
      API_KEY: 'first-key',
      API_KEYS: 'second-key, third-key',
      WEBHOOK_URL: receiver.url,
      WEBHOOK_SECRET: 'whsec_x',
    });
    const url = await urlOf(child);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    for (const key of ['first-key', 'second-key', 'third-key'])
      expect((await fetch(`${url}/v2/balance`, { headers: { 'x-api-key': key } })).status).toBe(200);
    await fetch(`${url}/_control/replies`, { method: 'POST', body: JSON.stringify({ to: PERSON, text: 'hola' }) });
    await receiver.until((all) => all.length === 1);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends on %s', async (signal) => {
    const child = start({ API_KEY: 'a-key' });
    await urlOf(child);
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('ends with its parent, when stdin closes', async () => {
    const child = start({ API_KEY: 'a-key' });
    await urlOf(child);
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it.each<[string, Record<string, string>]>([
    ['API_KEY is required', {}],
    ['WEBHOOK_SECRET is required with WEBHOOK_URL', { API_KEY: 'a-key', WEBHOOK_URL: 'http://127.0.0.1:9/' }],
    ['PORT and SEED are whole numbers', { API_KEY: 'a-key', PORT: 'http' }],
  ])('says "%s" in one line and ends with 1', async (sentence, env) => {
    const child = start(env);
    const [line] = await once(createInterface(child.stderr), 'line');
    expect(line).toBe(sentence);
    expect(await once(child, 'exit')).toEqual([1, null]);
  });
});

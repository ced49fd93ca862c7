import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../config.ts';
import { askToRestart, openControl } from './control.ts';
import { hubEnvironment } from './environment.ts';
import { parseOptions } from './options.ts';
import type { Places } from './places.ts';
import { newSecrets } from './secrets.ts';
import { createProgress, welcome } from './show.ts';

const folder = mkdtempSync(join(tmpdir(), 'hub demo '));
afterAll(() => rmSync(folder, { recursive: true }));

const places: Places = {
  webUrl: 'http://127.0.0.1:8100',
  metricsUrl: 'http://127.0.0.1:8101/metrics',
  workerMetricsUrl: 'http://127.0.0.1:8102/metrics',
  metaSimUrl: 'http://127.0.0.1:8103',
  ycloudSimUrl: 'http://127.0.0.1:8104',
  mailboxUrl: 'http://127.0.0.1:8108',
  smtpUrl: 'smtp://127.0.0.1:8109',
  appUrl: 'postgres://hub_app:a@127.0.0.1:8105/hub',
  ownerUrl: 'postgres://hub_owner:o@127.0.0.1:8105/hub',
  adminUrl: 'postgres://postgres:p@127.0.0.1:8105/hub',
  redisUrl: 'redis://127.0.0.1:8106',
  temporalAddress: '127.0.0.1:8107',
  temporalUiUrl: undefined,
};

describe('the demo', () => {
  it('gives server and worker a configuration that points at the simulators and is whole', () => {
    const config = parseConfig(hubEnvironment(places, newSecrets(), '.data/workflow-bundle.js'));
    expect(config).toMatchObject({
      PORT: 8100,
      METRICS_PORT: 8101,
      WORKER_METRICS_PORT: 8102,
      META_GRAPH_URL: places.metaSimUrl,
      META_DIALOG_URL: places.metaSimUrl,
      META_REDIRECT_URI: 'http://127.0.0.1:8100/crm/auth/meta/callback',
      YCLOUD_URL: places.ycloudSimUrl,
    });
  });

  it('has secrets of its own at every start', () => {
    const [one, other] = [newSecrets(), newSecrets()];
    for (const name of ['metaAppSecret', 'fernetKey', 'jwtSecret', 'appPassword'] as const)
      expect(one[name]).not.toBe(other[name]);
  });

  it('reads its options and refuses a word it does not know', () => {
    expect(parseOptions(['--once', '--verbose'])).toEqual({ once: true, exitWhenReady: false, verbose: true });
    expect(() => parseOptions(['--onec'])).toThrow('the demo does not know --onec');
  });

  it('shows each part that is done or failed', async () => {
    const lines: string[] = [];
    const { step } = createProgress((line) => lines.push(line));
    await step('Valkey', async () => 1);
    await expect(step('Temporal', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(lines).toEqual([expect.stringMatching(/✓ Valkey +\d+\.\d s/), '  ✗ Temporal']);
  });

  it('tells how to sign in', () => {
    const tenant = { id: 1, name: 'Clínica', email: 'carla@example.com', password: 'demo-1', adminToken: '', jwt: '' };
    const file = { ...places, temporalUiUrl: 'http://127.0.0.1:8108', tenants: [tenant] };
    const text = welcome(file as unknown as Parameters<typeof welcome>[0]);
    for (const part of [places.webUrl, 'http://127.0.0.1:8108', 'carla@example.com', 'demo-1'])
      expect(text).toContain(part);
  });
});

describe('the door to a running demo', () => {
  it('starts a killed program again and tells its new process id', async () => {
    const file = join(folder, 'control.json');
    const asked: string[] = [];
    const control = await openControl(async (name) => asked.push(name) + 41, file);
    expect(await askToRestart('worker', file)).toBe(42);
    expect(asked).toEqual(['worker']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    control.close();
    await expect(askToRestart('worker', file)).rejects.toThrow('no demo runs in this clone');
  });

  it('passes on why a program did not start', async () => {
    const file = join(folder, 'control.json');
    const control = await openControl(() => Promise.reject(new Error('temporal ended before it was ready')), file);
    await expect(askToRestart('temporal', file)).rejects.toThrow('temporal ended before it was ready');
    control.close();
  });

  it('stays shut for who does not know the token', async () => {
    const file = join(folder, 'control.json');
    const asked: string[] = [];
    const control = await openControl(async (name) => asked.push(name), file);
    const { port } = JSON.parse(readFileSync(file, 'utf8'));
    const reply = await fetch(`http://127.0.0.1:${port}/postgres`, { method: 'POST' });
    expect(reply.status).toBe(403);
    expect(asked).toEqual([]);
    control.close();
  });

  it('lets one demo into a clone, and the next one after a demo that was killed', async () => {
    const file = join(folder, 'control.json');
    writeFileSync(file, JSON.stringify({ port: 1, token: 'of a demo that was killed' }));
    const control = await openControl(async () => 1, file);
    await expect(openControl(async () => 2, file)).rejects.toThrow('a demo runs in this clone already');
    control.close();
  });
});

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { newSecrets } from '../dev/demo/secrets.ts';
import { type DemoStack, startStack } from '../dev/demo/stack.ts';
import type { DemoTenant } from '../dev/seed/tenants.ts';
import { seedDemo } from '../dev/seed.ts';
import { root } from '../dev/stack/locate.ts';

export interface SeededStack extends DemoStack {
  secrets: ReturnType<typeof newSecrets>;
  /** The connected one first, then the one that starts from nothing. */
  tenants: DemoTenant[];
  folder: string;
}

/** The whole product, as `npm run demo` starts it, for one test file: real server and worker, real Temporal, PostgreSQL and Valkey, both simulators. */
export function demoStack(): SeededStack {
  const running = { secrets: newSecrets() } as SeededStack;
  const stops: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    mkdirSync(join(root, '.data'), { recursive: true });
    running.folder = mkdtempSync(join(root, '.data/e2e-'));
    process.env['HUB_DATA_FOLDER'] = running.folder.slice(root.length + 1);
    const { secrets } = running;
    const stack = await startStack({
      secrets,
      verbose: false,
      started: (_stage, stop) => void stops.unshift(stop),
      step: (_name, work) => work(),
    });
    Object.assign(running, stack);
    running.tenants = await seedDemo({ ...stack.places, secrets });
  }, 180_000);
  afterAll(async () => {
    for (const stop of stops) await stop();
    rmSync(running.folder, { recursive: true, force: true });
  }, 120_000);
  return running;
}

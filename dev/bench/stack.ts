import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { newSecrets } from '../demo/secrets.ts';
import { type DemoStack, startStack } from '../demo/stack.ts';
import type { DemoTenant } from '../seed/tenants.ts';
import { seedDemo } from '../seed.ts';
import { root } from '../stack/locate.ts';
import { asAdmin } from '../stack/roles.ts';

export interface SeededBench extends DemoStack {
  secrets: ReturnType<typeof newSecrets>;
  tenants: DemoTenant[];
  folder: string;
  bundle: string;
  /** A page that the first tenant connected. */
  pageId: string;
}

/** The demo's stack in a folder of its own: PostgreSQL durable, Temporal on a database file. Runs `work` and stops everything. */
export async function withStack(work: (bench: SeededBench) => Promise<void>): Promise<void> {
  mkdirSync(join(root, '.data'), { recursive: true });
  const folder = mkdtempSync(join(root, '.data/bench-'));
  process.env['HUB_DATA_FOLDER'] = folder.slice(root.length + 1);
  const stops: (() => Promise<void>)[] = [];
  try {
    const secrets = newSecrets();
    const stack = await startStack({
      secrets,
      verbose: false,
      started: (_stage, stop) => void stops.unshift(stop),
      step: (_name, deed) => deed(),
    });
    const tenants = await seedDemo({ ...stack.places, secrets });
    const pageId = await asAdmin(
      stack.places.adminUrl,
      async (client) =>
        (await client.query<{ page_id: string }>('SELECT page_id FROM pages ORDER BY page_id LIMIT 1')).rows[0]
          ?.page_id ?? '',
    );
    await work({ ...stack, secrets, tenants, folder, bundle: join(folder, 'workflow-bundle.js'), pageId });
  } finally {
    for (const stop of stops) await stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

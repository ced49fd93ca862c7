import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DemoTenant } from '../seed/tenants.ts';
import { root } from '../stack/locate.ts';
import { removedWithUs } from '../stack/process.ts';

/** `.data/demo.json`: what other programs need to know about a running demo. Its form is the contract's. */
export interface DemoFile {
  webUrl: string;
  metricsUrl: string;
  workerMetricsUrl: string;
  databaseUrl: string;
  adminDatabaseUrl: string;
  redisUrl: string;
  temporalAddress: string;
  temporalUiUrl: string | null;
  metaSimUrl: string;
  ycloudSimUrl: string;
  mailboxUrl: string;
  tenants: DemoTenant[];
  metaAppId: string;
  metaAppSecret: string;
  metaVerifyToken: string;
  ycloudApiKey: string;
  ycloudWebhookSecret: string;
  fernetKey: string;
  /** Process ids; null where the environment named an address. */
  processes: Record<ProgramName, number | null>;
}

export const programNames = ['server', 'worker', 'temporal', 'postgres', 'valkey'] as const;
export type ProgramName = (typeof programNames)[number];

const path = join(root, '.data/demo.json');
let forget: (() => void) | undefined;

/** Whole or not at all; for our eyes only, since it holds secrets. */
export function writeDemoFile(demo: DemoFile): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  forget ??= removedWithUs(path);
}

export function removeDemoFile(): void {
  rmSync(path, { force: true });
  forget?.();
  forget = undefined;
}

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { migrate } from '../../adapters/postgres/migrate.ts';
import { root } from '../stack/locate.ts';
import { eventually } from '../stack/ports.ts';
import { startPostgres } from '../stack/postgres.ts';
import { asRole, createDatabase, createRoles, dropDatabase } from '../stack/roles.ts';
import { startTemporal } from '../stack/temporal.ts';
import { startValkey } from '../stack/valkey.ts';
import { hubEnvironment } from './environment.ts';
import type { ProgramName } from './file.ts';
import { choosePorts, type Places } from './places.ts';
import type { DemoSecrets } from './secrets.ts';
import { type Service, startNode } from './service.ts';

export interface DemoStack {
  places: Places;
  services: Record<ProgramName, Service>;
}

export type StopStage = 'hub' | 'stack';

export interface StackContext {
  secrets: DemoSecrets;
  verbose: boolean;
  /** Told of everything that has to be stopped, as soon as it runs: what uses the stack, and then the stack itself. */
  started: (stage: StopStage, stop: () => Promise<void>) => void;
  /** Shows that a part is done, with its time. */
  step: <T>(name: string, work: () => Promise<T>) => Promise<T>;
}

// A test's own stack beside a running demo keeps its data elsewhere.
const data = (...path: string[]): string => join(root, process.env['HUB_DATA_FOLDER'] ?? '.data', ...path);
/**
 * How server and worker run everywhere. On a machine with much memory V8 lets garbage lie: after 1,500 leads the worker held 506 MiB, of which 165 were the
 * main isolate's and 100 malloc's for buffers not yet collected. With small semi-spaces, a heap that grows by a fifth (wiring.ts), two malloc arenas and 40
 * cached workflows it is 290, the server 180.
 */
export const leanHeap = ['--max-semi-space-size=4'];

const log = (name: string): string => data('logs', `${name}.log`);

/** Starts everything of a demo, from nothing, and waits until every program answers. */
export async function startStack(context: StackContext): Promise<DemoStack> {
  rmSync(data('logs'), { recursive: true, force: true });
  const ports = await choosePorts();
  const at = (port: number) => `http://127.0.0.1:${port}`;
  const webUrl = at(ports.web);
  const [postgres, temporal, valkey, bundle] = await all([
    startDatabase(context),
    startRuns(context),
    startCache(context),
    context.step('Workflow bundle', bundleWorkflows),
    startSimulators(context, webUrl, ports),
  ]);
  const places: Places = {
    webUrl,
    metricsUrl: `${at(ports.metrics)}/metrics`,
    workerMetricsUrl: `${at(ports.workerMetrics)}/metrics`,
    metaSimUrl: at(ports.metaSim),
    ycloudSimUrl: at(ports.ycloudSim),
    mailboxUrl: at(ports.mailbox),
    smtpUrl: `smtp://127.0.0.1:${ports.smtp}`,
    ...postgres.urls,
    redisUrl: valkey.url,
    temporalAddress: temporal.address,
    temporalUiUrl: temporal.uiUrl,
  };
  const [server, worker] = await startHub(context, places, bundle);
  return { places, services: { server, worker, temporal, postgres: postgres.service, valkey } };
}

async function startDatabase({ step, started, secrets, verbose }: StackContext) {
  const postgres = await step('PostgreSQL', () =>
    startPostgres({
      folder: data('postgres'),
      logFile: log('postgres'),
      port: process.env['POSTGRES_PORT'],
      verbose,
    }),
  );
  started('stack', postgres.stop);
  const name = postgres.program === undefined ? `hub_${randomBytes(4).toString('hex')}` : 'hub';
  const passwords = { owner: secrets.ownerPassword, app: secrets.appPassword };
  const adminUrl = postgres.adminUrl(name);
  const ownerUrl = asRole(adminUrl, 'hub_owner', passwords.owner);
  await step('Database', async () => {
    await createRoles(postgres.adminUrl(), passwords);
    await createDatabase(postgres.adminUrl(), name);
    if (postgres.program === undefined) started('stack', () => dropDatabase(postgres.adminUrl(), name)); // a guest cleans up
    await migrate(ownerUrl);
  });
  return { service: postgres, urls: { adminUrl, ownerUrl, appUrl: asRole(adminUrl, 'hub_app', passwords.app) } };
}

async function startRuns({ step, started, verbose }: StackContext) {
  for (const suffix of ['', '-wal', '-shm']) rmSync(data(`temporal.db${suffix}`), { force: true });
  const temporal = await step('Temporal', () =>
    startTemporal({
      logFile: log('temporal'),
      databaseFile: data('temporal.db'),
      port: process.env['TEMPORAL_PORT'],
      uiPort: process.env['TEMPORAL_UI_PORT'],
      ui: true,
      verbose,
    }),
  );
  started('stack', temporal.stop);
  return temporal;
}

async function startCache({ step, started, verbose }: StackContext) {
  const valkey = await step('Valkey', () =>
    startValkey({ logFile: log('valkey'), port: process.env['REDIS_PORT'], verbose }),
  );
  started('stack', valkey.stop);
  return valkey;
}

async function startSimulators(
  { step, started, secrets, verbose }: StackContext,
  webUrl: string,
  ports: Awaited<ReturnType<typeof choosePorts>>,
): Promise<void> {
  const simulator = (name: string, port: number, env: Record<string, string>) =>
    startNode({
      name,
      file: `simulators/${name}/main.ts`,
      env: { ...process.env, PORT: String(port), SEED: '1', ...env },
      logFile: log(`${name}-simulator`),
      verbose,
      readyUrl: `http://127.0.0.1:${port}/_control/ledger`,
    });
  await step('Simulators of Meta and YCloud, mailbox', async () => {
    const simulators = await all([
      simulator('meta', ports.metaSim, {
        APP_ID: secrets.metaAppId,
        APP_SECRET: secrets.metaAppSecret,
        VERIFY_TOKEN: secrets.metaVerifyToken,
        WEBHOOK_URL: `${webUrl}/crm/webhook/meta`,
        APP_REDIRECT_URIS: `${webUrl}/crm/auth/meta/callback`,
      }),
      simulator('ycloud', ports.ycloudSim, {
        API_KEY: secrets.ycloudApiKey,
        WEBHOOK_SECRET: secrets.ycloudWebhookSecret,
        WEBHOOK_URL: `${webUrl}/webhook/ycloud`,
      }),
      simulator('mailbox', ports.mailbox, { SMTP_PORT: String(ports.smtp) }),
    ]);
    for (const { stop } of simulators) started('stack', stop);
  });
}

async function bundleWorkflows(): Promise<string> {
  const target = data('workflow-bundle.js');
  await promisify(execFile)(process.execPath, [join(root, 'dev/bundle.ts'), target], { cwd: root });
  return target;
}

function startHub({ step, started, secrets, verbose }: StackContext, places: Places, bundle: string) {
  const env = hubEnvironment(places, secrets, bundle);
  // A test of the fault run puts faults into the program itself.
  const mutated = process.env['HUB_MUTATION_FILE'] === undefined ? [] : ['--import', join(root, 'dev/chaos/mutate.ts')];
  const flags = [...leanHeap, ...mutated];
  const start = async (name: string, readyUrl: string) => {
    const file = `${name}.ts`;
    const service = await startNode({ name, file, flags, env, logFile: log(name), verbose, readyUrl });
    started('hub', service.stop);
    return service;
  };
  const readyUrl = `${places.webUrl}/readyz`;
  return step('Server and worker', async () => {
    const both = await all([start('server', readyUrl), start('worker', places.workerMetricsUrl)]);
    // It answers 200 also while something is missing, and a demo is to be whole.
    await eventually(
      '/readyz',
      30_000,
      async () => ((await (await fetch(readyUrl)).json()) as { status: string }).status === 'ok',
    );
    return both;
  });
}

/** Like Promise.all, but a failure waits for the others: what they start has to be stopped too. */
async function all<T extends readonly Promise<unknown>[]>(work: readonly [...T]) {
  await Promise.allSettled(work);
  return Promise.all(work);
}

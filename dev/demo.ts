import { mkdirSync } from 'node:fs';
import { openControl } from './demo/control.ts';
import { type DemoFile, type ProgramName, programNames, removeDemoFile, writeDemoFile } from './demo/file.ts';
import { type DemoOptions, parseOptions } from './demo/options.ts';
import type { Places } from './demo/places.ts';
import { newSecrets } from './demo/secrets.ts';
import { createProgress, welcome } from './demo/show.ts';
import { type DemoStack, type StopStage, startStack } from './demo/stack.ts';
import type { DemoTenant } from './seed/tenants.ts';
import { askedToEnd } from './stack/lifetime.ts';
import { root } from './stack/locate.ts';

const STOP_WITHIN_MS = 18_000;
const secrets = newSecrets();
const stops: Record<StopStage, (() => Promise<void>)[]> = { hub: [], stack: [] };
let ending = false;
let demo: DemoFile | undefined;
let stack: DemoStack | undefined;

process.chdir(root);
mkdirSync('.data', { recursive: true });
const asked = askedToEnd();
process.exitCode = 1;
try {
  const options = parseOptions(process.argv.slice(2));
  process.exitCode = await Promise.race([run(options), asked.then(() => 0)]);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
}
await end();
process.exit();

/** Resolves with the exit code when there is nothing left to do; a plain demo runs until it is asked to end. */
async function run(options: DemoOptions): Promise<number> {
  const control = await openControl(restart);
  stops.hub.push(async () => control.close());
  removeDemoFile(); // of a demo that was killed
  const { step } = createProgress();
  const running = await startStack({
    secrets,
    verbose: options.verbose,
    started: (stage, stop) => stops[stage].push(stop),
    step,
  });
  stack = running;
  for (const name of programNames) sayWhenItEnds(name, running);
  const tenants = await step('Two tenants, one connected, 90 days of history', () => seed(running.places));
  demo = describe(running, tenants);
  writeDemoFile(demo);
  process.stdout.write(welcome(demo));
  if (options.exitWhenReady) return 0;
  if (options.once) return (await walk(demo)) ? 0 : 1;
  return new Promise(() => {});
}

async function restart(name: string): Promise<number | null> {
  const service = stack?.services[name as ProgramName];
  if (service === undefined || stack === undefined) throw new Error('the demo is not ready yet');
  await service.restart();
  sayWhenItEnds(name as ProgramName, stack);
  if (demo !== undefined && !ending) {
    demo.processes = processesOf(stack);
    writeDemoFile(demo);
  }
  return service.program?.pid ?? null;
}

function sayWhenItEnds(name: ProgramName, { services }: DemoStack): void {
  const { program } = services[name];
  void program?.exited.then(() => {
    if (ending || services[name].program !== program) return;
    process.stdout.write(`${name} has ended; npm run demo:restart -- ${name} starts it again\n`);
  });
}

async function seed(places: Places): Promise<DemoTenant[]> {
  const { seedDemo } = await import('./seed.ts');
  return seedDemo({ ...places, secrets });
}

async function walk(demo: DemoFile): Promise<boolean> {
  const { runWalk } = await import('./walk.ts');
  return runWalk(demo, secrets);
}

function describe(running: DemoStack, tenants: DemoTenant[]): DemoFile {
  const { places } = running;
  const { metaAppId, metaAppSecret, metaVerifyToken, ycloudApiKey, ycloudWebhookSecret, fernetKey } = secrets;
  return {
    webUrl: places.webUrl,
    metricsUrl: places.metricsUrl,
    workerMetricsUrl: places.workerMetricsUrl,
    databaseUrl: places.appUrl,
    adminDatabaseUrl: places.adminUrl,
    redisUrl: places.redisUrl,
    temporalAddress: places.temporalAddress,
    temporalUiUrl: places.temporalUiUrl ?? null,
    metaSimUrl: places.metaSimUrl,
    ycloudSimUrl: places.ycloudSimUrl,
    mailboxUrl: places.mailboxUrl,
    tenants,
    ...{ metaAppId, metaAppSecret, metaVerifyToken, ycloudApiKey, ycloudWebhookSecret, fernetKey },
    processes: processesOf(running),
  };
}

function processesOf({ services }: DemoStack): DemoFile['processes'] {
  const pidOf = (name: ProgramName) => services[name].program?.pid ?? null;
  return Object.fromEntries(programNames.map((name) => [name, pidOf(name)])) as DemoFile['processes'];
}

/** First what uses the stack, so that a worker can hand back what it holds; whatever hangs is left to the guardian. */
async function end(): Promise<void> {
  ending = true;
  if (demo !== undefined) removeDemoFile();
  if (stops.stack.length > 0) process.stderr.write('Stopping …\n');
  setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
  await Promise.allSettled(stops.hub.map((stop) => stop()));
  await Promise.allSettled(stops.stack.map((stop) => stop()));
}

import { fstatSync } from 'node:fs';
import { startMetaSimulator } from './server.ts';
import type { SimulatorOptions } from './simulator.ts';

/** What the environment says; throws one sentence when the app is missing. */
function optionsFrom(env: NodeJS.ProcessEnv): SimulatorOptions {
  const appId = env['APP_ID'];
  const appSecret = env['APP_SECRET'];
  if (!appId || !appSecret) {
    throw new Error('APP_ID and APP_SECRET are required');
  }
  const optional = (name: string) => env[name] || undefined;
  const verifyToken = optional('VERIFY_TOKEN');
  const webhookUrl = optional('WEBHOOK_URL');
  const stateFile = optional('STATE_FILE');
  const firstLead = optional('FIRST_LEAD');
  return {
    appId,
    appSecret,
    port: Number(env['PORT'] || 0),
    seed: Number(env['SEED'] || 1),
    redirectUris: (env['APP_REDIRECT_URIS'] ?? '').split(',').filter((uri) => uri !== ''),
    ...(verifyToken === undefined ? {} : { verifyToken }),
    ...(webhookUrl === undefined ? {} : { webhookUrl }),
    ...(stateFile === undefined ? {} : { stateFile }),
    ...(firstLead === undefined ? {} : { firstLead: Number(firstLead) }),
  };
}

/** Runs until SIGINT, SIGTERM, or the end of a piped stdin, which tells that the parent is gone. */
async function main(): Promise<void> {
  const simulator = await startMetaSimulator(optionsFrom(process.env));
  const stop = () => {
    void simulator.close().finally(() => process.exit(0));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  if (fstatSync(0).isFIFO() || fstatSync(0).isSocket()) {
    process.stdin.once('close', stop).once('end', stop).resume();
  }
  // Last, so that whoever reads the address may ask the program to end at once.
  process.stdout.write(`${JSON.stringify({ url: simulator.url })}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});

import { fstatSync } from 'node:fs';
import { startYCloudSimulator, type YCloudOptions } from './server.ts';

/** What the environment says; throws one sentence when something is missing. */
function optionsFrom(env: NodeJS.ProcessEnv): YCloudOptions {
  const apiKeys = [env['API_KEY'], ...(env['API_KEYS'] ?? '').split(',')].flatMap((key) => key?.trim() || []);
  if (apiKeys.length === 0) throw new Error('API_KEY is required');
  const [url, secret] = [env['WEBHOOK_URL'], env['WEBHOOK_SECRET']];
  if (url && !secret) throw new Error('WEBHOOK_SECRET is required with WEBHOOK_URL');
  const [port, seed] = [Number(env['PORT'] || 0), Number(env['SEED'] || 1)];
  if (!Number.isInteger(port) || !Number.isInteger(seed)) throw new Error('PORT and SEED are whole numbers');
  return { apiKeys, port, seed, ...(url && secret ? { webhook: { url, secret } } : {}) };
}

/** Runs until SIGINT, SIGTERM, or the end of a piped stdin, which tells that the parent is gone. */
async function main(): Promise<void> {
  const simulator = await startYCloudSimulator(optionsFrom(process.env));
  const stop = () => {
    void simulator.close().finally(() => process.exit(0));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  if (fstatSync(0).isFIFO() || fstatSync(0).isSocket()) process.stdin.once('close', stop).once('end', stop).resume();
  // Last, so that whoever reads the address may ask the program to end at once.
  process.stdout.write(`${JSON.stringify({ url: simulator.url })}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});

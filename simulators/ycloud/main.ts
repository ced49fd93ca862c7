import { fstatSync } from 'node:fs';
import { startYCloudSimulator } from './server.ts';

const { API_KEY, API_KEYS, PORT, WEBHOOK_URL, WEBHOOK_SECRET } = process.env;
const apiKeys = [API_KEY, ...(API_KEYS ?? '').split(',')].filter((key): key is string => Boolean(key));
if (apiKeys.length === 0) {
  process.stderr.write('API_KEY is required\n');
  process.exit(1);
}
const simulator = await startYCloudSimulator({
  apiKeys,
  port: Number(PORT || 0),
  ...(WEBHOOK_URL && WEBHOOK_SECRET ? { webhook: { url: WEBHOOK_URL, secret: WEBHOOK_SECRET } } : {}),
});
process.stdout.write(`${JSON.stringify({ url: simulator.url })}\n`);

const stop = async () => {
  await simulator.close();
  process.exit(0);
};
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
if (fstatSync(0).isFIFO() || fstatSync(0).isSocket()) process.stdin.resume().once('end', () => void stop());

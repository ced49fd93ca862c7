import { fstatSync } from 'node:fs';
import { startS3Simulator } from './server.ts';

/** Runs until SIGINT, SIGTERM, or the end of a piped stdin, which tells that the parent is gone. */
const simulator = await startS3Simulator({
  port: Number(process.env['PORT'] || 0),
  accessKeyId: process.env['AWS_ACCESS_KEY_ID'] || 'AKIDEXAMPLE',
  secretAccessKey: process.env['AWS_SECRET_ACCESS_KEY'] || 'simulated-secret',
  region: process.env['AWS_REGION'] || 'us-east-1',
  buckets: (process.env['BUCKETS'] || 'archive').split(','),
});
const stop = () => void simulator.close().finally(() => process.exit(0));
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
if (fstatSync(0).isFIFO() || fstatSync(0).isSocket()) process.stdin.once('close', stop).once('end', stop).resume();
process.stdout.write(`${JSON.stringify({ url: simulator.url })}\n`);

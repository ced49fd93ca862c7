import { fstatSync } from 'node:fs';
import { startMailbox } from './server.ts';

/** Runs until SIGINT, SIGTERM, or the end of a piped stdin, which tells that the parent is gone. */
const mailbox = await startMailbox({
  port: Number(process.env['PORT'] || 0),
  smtpPort: Number(process.env['SMTP_PORT'] || 0),
});
const stop = () => void mailbox.close().finally(() => process.exit(0));
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
if (fstatSync(0).isFIFO() || fstatSync(0).isSocket()) process.stdin.once('close', stop).once('end', stop).resume();
process.stdout.write(`${JSON.stringify({ url: mailbox.url, smtpUrl: mailbox.smtpUrl })}\n`);

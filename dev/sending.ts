import { parseArgs } from 'node:util';
import { connectDatabase } from '../adapters/postgres/pool.ts';
import { createInstallationSending } from '../adapters/postgres/sending.ts';
import { type Choice, choices } from '../domain/held-runs.ts';

const USAGE = `npm run sending -- status | pause | resume | hold | release [--overdue drop|send|space] [--hours N]
  pause, resume   all sending of the installation
  hold            right after a restore: nothing leaves, and what is older than now needs a person's word for each space
  release         ends the hold; what is older still waits on /crm/sending
  --overdue       what becomes of messages that fell due meanwhile: drop (default), send, space over --hours (2)`;
const states = { pause: 'paused', resume: 'on', hold: 'held', release: 'on' } as const;

const { values, positionals } = parseArgs({
  options: { overdue: { type: 'string', default: 'drop' }, hours: { type: 'string', default: '2' } },
  allowPositionals: true,
});
const command = positionals[0] ?? 'status';
const overdue = choices.find((choice): choice is Choice => choice === values.overdue);
const hours = Number(values.hours);
if (overdue === undefined || !(hours > 0)) fail(USAGE);
const url = process.env['MIGRATE_DATABASE_URL'];
if (command !== 'status' && !Object.hasOwn(states, command)) fail(USAGE);
if (!url) fail('MIGRATE_DATABASE_URL is missing: the database as its owner');
const database = await connectDatabase(url, { maxPoolSize: 2 });
try {
  const installation = createInstallationSending(database);
  const before = await installation.read();
  // A hold is ended on purpose, by its own word.
  if (command === 'resume' && before.sending === 'held') fail('sending is held after a restore: use release');
  const now =
    command === 'status'
      ? before
      : await installation.set(states[command as keyof typeof states], {
          choices: { hour: overdue, day: overdue, older: overdue },
          hours,
        });
  process.stdout.write(
    `sending is ${now.sending}${now.restored_at ? `; messages from before ${now.restored_at.toISOString()} wait on /crm/sending` : ''}\n`,
  );
} finally {
  await database.end();
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

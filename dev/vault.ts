import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { createVault } from '../adapters/crypto/fernet.ts';
import { globalCredentials } from '../adapters/postgres/global-credentials.ts';
import { connectDatabase } from '../adapters/postgres/pool.ts';
import { parseConfig } from '../config.ts';

const USAGE = `usage: npm run vault -- list
       npm run vault -- save --provider ycloud --category api_key|webhook_secret < secret
       npm run vault -- remove --provider ycloud --category api_key|webhook_secret
The global category: what every tenant without a secret of its own uses. The secret is read from standard input, so that it stays out of the
shell's history.`;
const named = z.object({
  provider: z.enum(['ycloud', 'chatwoot']),
  category: z.enum(['api_key', 'webhook_secret', 'webhook_secret_previous']),
});

const { MIGRATE_DATABASE_URL, ENCRYPTION_KEYS } = parseConfig(process.env);
if (MIGRATE_DATABASE_URL === undefined) fail('MIGRATE_DATABASE_URL is missing: the database as its owner');
const [verb, given] = read();
const database = await connectDatabase(MIGRATE_DATABASE_URL, { maxPoolSize: 2 });
const credentials = globalCredentials(database, createVault(ENCRYPTION_KEYS));
try {
  if (verb === 'list') for (const line of await credentials.list()) process.stdout.write(`${line}\n`);
  else if (verb === 'remove')
    process.stdout.write((await credentials.remove(kindOf(given))) ? 'removed\n' : 'there was none\n');
  else {
    const secret = (await text(process.stdin)).trim();
    if (!/^\S{8,500}$/.test(secret)) fail('the secret on standard input is 8 to 500 characters without spaces');
    await credentials.save(kindOf(given), secret);
    process.stdout.write('saved\n');
  }
} finally {
  await database.end();
}

function read(): ['list' | 'save' | 'remove', Record<string, unknown>] {
  try {
    const options = { provider: { type: 'string' }, category: { type: 'string' } } as const;
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    return [z.enum(['list', 'save', 'remove']).parse(positionals[0]), values];
  } catch {
    fail(USAGE);
  }
}

function kindOf(values: Record<string, unknown>): z.output<typeof named> {
  const kind = named.safeParse(values);
  return kind.success ? kind.data : fail(USAGE);
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

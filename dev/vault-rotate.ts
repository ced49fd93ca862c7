import { createReseal } from '../adapters/crypto/fernet.ts';
import { connectDatabase } from '../adapters/postgres/pool.ts';
import { rotateSealed } from '../adapters/postgres/sealed-columns.ts';
import { parseConfig } from '../config.ts';

const config = parseConfig(process.env);
const { MIGRATE_DATABASE_URL } = config;
if (MIGRATE_DATABASE_URL === undefined) {
  process.stderr.write('MIGRATE_DATABASE_URL is missing: the database as its owner\n');
  process.exit(1);
}
const [app, owner] = await Promise.all([
  connectDatabase(config.DATABASE_URL, { maxPoolSize: 2 }),
  connectDatabase(MIGRATE_DATABASE_URL, { maxPoolSize: 2 }),
]);
try {
  const { resealed, current, unreadable } = await rotateSealed(app, owner, createReseal(config.ENCRYPTION_KEYS));
  process.stdout.write(`${resealed} sealed anew, ${current} had the newest key already\n`);
  if (unreadable.length > 0) {
    process.stderr.write(
      `No key of ENCRYPTION_KEYS opens: ${unreadable.join(', ')}\nKeep the older keys until these are entered anew.\n`,
    );
    process.exitCode = 1;
  }
} finally {
  await Promise.all([app.end(), owner.end()]);
}

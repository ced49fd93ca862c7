import { migrate } from '../adapters/postgres/migrate.ts';

const url = process.env['MIGRATE_DATABASE_URL'];
if (!url) {
  process.stderr.write('MIGRATE_DATABASE_URL is missing: the database as its owner\n');
  process.exit(1);
}
const ran = await migrate(url);
process.stdout.write(ran.length === 0 ? 'nothing to migrate\n' : `${ran.join('\n')}\n`);

import { parseArgs } from 'node:util';
import { createArchives } from '../adapters/postgres/archives.ts';
import { connectDatabase } from '../adapters/postgres/pool.ts';
import { archiveOldMonths, restoreMonths } from './archive/archive.ts';
import { archiveFolder } from './archive/files.ts';
import { databaseOfDiagnosis } from './diagnosis.ts';

const USAGE = 'npm run archive -- --tenant N [--restore [--month 2025-06]], with ARCHIVE_URL a folder';
const options = { tenant: { type: 'string' }, restore: { type: 'boolean' }, month: { type: 'string' } } as const;

const values = read();
const tenantId = Number(values.tenant);
const url = process.env['ARCHIVE_URL'];
if (!url || /^https?:/.test(url)) fail('ARCHIVE_URL must name a folder');
const folder = archiveFolder(url.replace(/^file:\/\//, ''));
const database = await connectDatabase(databaseOfDiagnosis(), { maxPoolSize: 2 });
const archives = createArchives(database);
if (values.restore) {
  const rows = await restoreMonths(archives, folder, tenantId, values.month);
  process.stdout.write(`${rows} rows put back\n`);
} else {
  const months = await archiveOldMonths(archives, folder, tenantId, new Date());
  process.stdout.write(
    `archived: ${months.map((month) => month.slice(0, 7)).join(' ') || 'nothing is older than a year'}\n`,
  );
}
await database.end();

function read() {
  try {
    const given = parseArgs({ options }).values;
    if (!/^[1-9]\d*$/.test(given.tenant ?? '') || (given.month !== undefined && !/^\d{4}-\d{2}$/.test(given.month)))
      fail(USAGE);
    return given;
  } catch {
    fail(USAGE);
  }
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

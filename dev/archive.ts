import { parseArgs } from 'node:util';
import { archiveOldMonths, restoreMonths } from '../activities/archive.ts';
import { archiveProblem } from '../adapters/archive/environment.ts';
import { createArchiveFiles } from '../adapters/archive/files.ts';
import { archivePlace } from '../adapters/archive/place.ts';
import { createArchives } from '../adapters/postgres/archives.ts';
import { connectDatabase } from '../adapters/postgres/pool.ts';
import { databaseOfDiagnosis } from './diagnosis.ts';

const USAGE =
  'npm run archive -- --tenant N [--restore [--month 2025-06]], with ARCHIVE_URL a folder, s3://bucket/prefix or https://host/bucket/prefix';
const options = { tenant: { type: 'string' }, restore: { type: 'boolean' }, month: { type: 'string' } } as const;

const values = read();
const tenantId = Number(values.tenant);
const problem = archiveProblem(process.env);
if (problem !== null) fail(problem);
const place = archivePlace(process.env);
if (place === null) fail('ARCHIVE_URL is missing: a folder, or an S3-compatible address');
const database = await connectDatabase(databaseOfDiagnosis(), { maxPoolSize: 2 });
const archive = { archives: createArchives(database), archiveFiles: createArchiveFiles(place) };
if (values.restore) {
  const rows = await restoreMonths(archive, tenantId, values.month);
  process.stdout.write(`${rows} rows put back\n`);
} else {
  const months = await archiveOldMonths(archive, tenantId, new Date());
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

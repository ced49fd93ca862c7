import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';

const folder = fileURLToPath(new URL('../../migrations', import.meta.url));

/** Brings the database up to date as its owner; two programs that start together take turns. Returns the names of what was run. */
export async function migrate(ownerUrl: string): Promise<readonly string[]> {
  const ran = await runner({
    databaseUrl: ownerUrl,
    dir: folder,
    migrationsTable: 'schema_migrations',
    direction: 'up',
    checkOrder: true,
    singleTransaction: true,
    advisoryLockMode: 'wait',
    ignorePattern: '.*\\.md',
    log: () => {},
  });
  return ran.map(({ name }) => name);
}
